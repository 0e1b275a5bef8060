"""Campaigns side by side: pools, students, costs."""
