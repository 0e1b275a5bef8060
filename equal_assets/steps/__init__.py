"""The longer work of assets: playing a round, judging a student, finding leaks."""
