"""People say which pairs are good: on a page of their own, or in files that come back."""
