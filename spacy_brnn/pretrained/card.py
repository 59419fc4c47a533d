"""What is known of a model that ships: where its weights come from and how they score."""

from __future__ import annotations

from typing import Any

import srsly

from .weights import folder

FILE_NAME = "card.json"


def load(name: str) -> dict[str, Any]:
    """The card of the model of that name: labels, corpus, split, config, seed, scores."""
    return srsly.read_json(folder(name) / FILE_NAME)
