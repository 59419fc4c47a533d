"""The words of a batch, each of them once."""

from __future__ import annotations

import numpy
from spacy import attrs
from spacy.attrs import NORM, ORTH, intify_attr
from spacy.tokens import Doc
from thinc.api import Model
from thinc.layers.chain import forward as chain
from thinc.layers.concatenate import forward as concatenate
from thinc.layers.with_array import forward as with_array

# What a token has of its word and its norm alone, wherever it stands.
WORD_ATTRS = frozenset(
    number
    for name, number in attrs.IDS.items()
    if name in ("ORTH", "NORM", "LOWER", "SHAPE", "PREFIX", "SUFFIX", "LENGTH")
    or name.startswith(("IS_", "LIKE_"))
)
# Layers that give each row, or each token, the same whatever stands beside it.
_LAYERS = frozenset(
    {"extract_features", "list2ragged", "ragged2list", "ints-getitem", "hashembed"}
    | {"maxout", "layernorm", "dropout", "char_embed", "vector_table", "fixed_vectors"}
    | {"word_embed", "subword_embed"}
)
_COMBINATORS = (chain, concatenate, with_array)
# A large odd factor, by which two hashes become one.
_FACTOR = numpy.uint64(0x9E3779B97F4A7C15)


def reads_words_alone(model: Model) -> bool:
    """Whether all that a model gives for a token follows from its word and its norm."""
    return all(_is_local(node) for node in model.walk())


def distinct_words(docs: list[Doc]) -> tuple[Doc, numpy.ndarray]:
    """A document of the words, and the place in it of each token, one document after the other.

    docs: at least one; of one vocabulary.
    """
    vocab = docs[0].vocab
    features = numpy.concatenate([doc.to_array([ORTH, NORM]) for doc in docs])
    mixed = features[:, 0] + features[:, 1] * _FACTOR
    _, first, places = numpy.unique(mixed, return_index=True, return_inverse=True)
    words, norms = features[first].T
    doc = Doc(vocab, words=[vocab.strings[word] for word in words.tolist()])
    return doc.from_array([NORM], norms[:, None]), places


def _is_local(node: Model) -> bool:
    if node._func not in _COMBINATORS and node.name not in _LAYERS:
        return False
    read = node.attrs.get("columns", [node.attrs["attr"]] if "attr" in node.attrs else [])
    return all(intify_attr(attr) in WORD_ATTRS for attr in read)
