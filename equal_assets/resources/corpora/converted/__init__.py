"""Files that are converted to Markdown in a child process: PDF, HTML, DOCX, EPUB."""
