"""What goes wrong with a corpus, in one line for the user."""


class CorpusError(ValueError):
    """A corpus cannot be converted; the message names the place and what to do."""
