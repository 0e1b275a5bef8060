"""Stack Exchange dumps: questions with their accepted answers."""
