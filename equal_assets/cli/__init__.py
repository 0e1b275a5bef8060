"""The `equal` command."""
