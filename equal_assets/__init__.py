"""equal-assets: which documents deserve LLM tokens. The map of the package is in README.md."""
