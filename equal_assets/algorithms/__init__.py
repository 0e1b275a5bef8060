"""The method: arrays and text in, arrays and text out; no Dagster, DuckDB, MLflow or file."""
