"""Thinc models, each registered in spaCy's registry of architectures by an entry point."""
