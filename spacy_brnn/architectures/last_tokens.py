"""Documents cut to their last tokens, for models that read no more than that."""

from __future__ import annotations

from collections.abc import Callable

from spacy.tokens import Doc
from thinc.api import Model


def last_tokens(size: int) -> Model[list[Doc], list[Doc]]:
    """The last `size` tokens of each document, as a document.

    Raises ValueError where size is below 1.
    """
    if size < 1:
        raise ValueError(f"last_tokens must be at least 1, not {size}")
    return Model("last_tokens", _forward, attrs={"size": size})


def _forward(
    model: Model[list[Doc], list[Doc]], docs: list[Doc], is_train: bool
) -> tuple[list[Doc], Callable]:
    size = model.attrs["size"]
    # Not spans: spaCy's feature extractor, which every embedding starts with, refuses them.
    cut = [doc if len(doc) <= size else doc[-size:].as_doc() for doc in docs]
    return cut, lambda gradients: []
