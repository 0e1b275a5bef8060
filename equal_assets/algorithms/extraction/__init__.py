"""QA pairs out of text: those laid out in it, and those a language model writes."""
