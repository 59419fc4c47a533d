"""Sentiment annotation for spaCy with bidirectional recurrent networks."""

__version__ = "0.1.0"
