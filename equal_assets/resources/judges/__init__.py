"""Processes that judge answers: code in a sandbox, mathematics in a child process."""
