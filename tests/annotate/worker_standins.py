"""Functions that a worker process finds by their names."""

import os


def load_mortal():
    """Make a function that returns documents as they are; "XXDIE" ends its process."""

    def work(documents):
        if "XXDIE" in documents:
            os._exit(9)
        return documents

    return work
