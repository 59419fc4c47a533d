"""From a file of labelled texts to a model of their labels, and to its scores."""
