"""Which documents deserve to be extracted: every strategy, and the one table of them."""
