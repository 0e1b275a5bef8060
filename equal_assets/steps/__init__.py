"""What an asset does in more than one move: playing a round, judging a student, finding leaks."""
