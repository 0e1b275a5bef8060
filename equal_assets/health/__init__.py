"""What is wrong with the stores of a project, and what of it is mended without spending."""
