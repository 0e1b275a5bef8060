"""Students on the tasks of lm-eval."""
