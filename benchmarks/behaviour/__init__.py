"""Short texts in named groups, with the label a person would give: python -m benchmarks.behaviour."""
