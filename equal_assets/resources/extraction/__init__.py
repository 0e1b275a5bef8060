"""Extractors, and the store that keeps what each document yielded."""
