"""The words that embeddings know: counted in the corpus, where no vectors bring them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import tee

from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from . import subword_embed, word_embed

_COUNTERS = {
    word_embed.NAME: word_embed.count_words,
    subword_embed.NAME: subword_embed.count_words,
}


def needs_vocabulary(model: Model, vocab: Vocab) -> bool:
    """Whether some embedding in the model wants the words of the corpus counted."""
    return not vocab.vectors.n_keys and any(node.name in _COUNTERS for node in model.walk())


def set_vocabulary(model: Model, docs: Iterable[Doc]) -> None:
    """Give every embedding in the model that counts words the most frequent ones."""
    nodes = [node for node in model.walk() if node.name in _COUNTERS]
    for node, copy in zip(nodes, tee(docs, len(nodes)), strict=True):
        _COUNTERS[node.name](node, copy)
