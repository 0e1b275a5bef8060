"""Language models that are fine-tuned on a data set and answer the test questions."""
