"""Short texts in named groups, with the label that a person would give."""
