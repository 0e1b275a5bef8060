"""equal-assets: which documents deserve LLM tokens. docs/architecture.md is the map."""
