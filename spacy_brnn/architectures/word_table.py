"""The words that an embedding has a row of its own for, and the numbers in it to start from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy
from spacy.vectors import Mode, Vectors
from thinc.api import Ops
from thinc.types import Floats2d

# The bound of the numbers that a row without a vector starts from.
SPREAD = 0.05


def most_frequent(counts: Counter[int], number: int) -> list[int]:
    """The most frequent words; ties are broken by the hash, not by the order of the corpus."""
    return sorted(counts, key=lambda word: (-counts[word], word))[:number]


def first_words(vectors: Vectors, number: int, width: int, name: str) -> list[int]:
    """The hashes of the first words that have a vector, as many as `number` at most.

    width, name: of the embedding that is to start from them.
    Raises ValueError for vectors that it cannot start from.
    """
    if not min(vectors.n_keys, number):
        return []
    if vectors.mode != Mode.default:
        raise ValueError(
            f"{name} reads vectors with one row per word, not {vectors.mode!s} "
            "ones: use spacy.StaticVectors.v2 for those"
        )
    if vectors.shape[1] != width:
        raise ValueError(
            f"{name} has width {width}, but the vectors of [initialize] have "
            f"width {vectors.shape[1]}: make the two agree"
        )
    return sorted(vectors.key2row, key=vectors.key2row.__getitem__)[:number]


def starting_table(
    ops: Ops, vectors: Vectors, words: Sequence[int], rows: int, width: int
) -> Floats2d:
    """(rows, width) the vectors of these words, and below them small random numbers."""
    table = numpy.random.uniform(-SPREAD, SPREAD, size=(rows, width)).astype("float32")
    if words:
        table[: len(words)] = ops.to_numpy(vectors.data)[[vectors.key2row[word] for word in words]]
    return ops.asarray2f(table)  # type: ignore[arg-type]  # Thinc takes numpy's, too.
