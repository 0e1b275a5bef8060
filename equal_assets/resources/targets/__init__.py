"""Target tasks: their files, the paper's presets, and protected test sets."""
