"""Where a pair comes from, and what each table and column means."""
