"""QA pairs out of text: what is laid out in it, and what a language model is asked for."""
