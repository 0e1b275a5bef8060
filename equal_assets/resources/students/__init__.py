"""Language models that are fine-tuned on a data set and asked the test questions."""
