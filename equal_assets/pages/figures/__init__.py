"""Figures for people: what the Dagster UI, MLflow and reports show beside the numbers."""
