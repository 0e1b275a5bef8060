"""Where work on many parts is done: in this process, or on the machines of a Ray cluster."""
