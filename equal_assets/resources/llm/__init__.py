"""Requests to a language model: backends, retries, the journal that pays for each one once."""
