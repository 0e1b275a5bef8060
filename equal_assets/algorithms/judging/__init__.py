"""Whether a student's answer is right, what the metrics are, and whether they differ."""
