"""What assets talk to: one module per role, one class per backend."""
