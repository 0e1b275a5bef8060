"""Requests to a language model: backends, retries, and a journal so that each is paid once."""
