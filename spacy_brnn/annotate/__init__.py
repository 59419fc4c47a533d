"""A corpus of any size in, the same corpus with sentiment out."""
