"""How well few labelled texts are learned from, beside other systems."""
