"""Sentiment toward a part of a document, as the document speaks of it."""
