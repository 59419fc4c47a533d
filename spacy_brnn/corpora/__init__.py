"""Published corpora, converted to spaCy's DocBin format."""
