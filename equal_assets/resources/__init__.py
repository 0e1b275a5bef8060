"""What assets talk to: one folder or module per role, one class per backend."""
