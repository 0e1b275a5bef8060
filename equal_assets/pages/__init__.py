"""What people look at: Dagster metadata, reports, tables on the terminal, figures."""
