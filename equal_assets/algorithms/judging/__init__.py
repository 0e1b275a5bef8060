"""Whether a student's answers are right, and whether two students differ."""
