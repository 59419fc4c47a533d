"""The embedding of known words by a table row each, of unknown ones by the rows of their parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

import numpy
from spacy.attrs import ORTH
from spacy.strings import (  # type: ignore[attr-defined]  # spaCy's stub lacks hash_string.
    StringStore,
    hash_string,
)
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

from ..nn.dropout import check_rate
from .flat import split
from .spelling import count_forms, forms, part_hashes
from .word_table import first_words, most_frequent, starting_table
from .words import Words

NAME = "subword_embed"
# Words whose rows are remembered: bounds memory in a corpus that never ends.
MAX_REMEMBERED = 200_000
Stores = Collection[StringStore]


def build_subword_embed(
    width: int,
    rows: int,
    part_rows: int = 8000,
    word_dropout: float = 0.0,
    unknown_dropout: float = 0.0,
) -> Model[list[Doc], list[Floats2d]]:
    """Embed tokens by words, unknown words by their parts (spacy-brnn.SubwordEmbed.v1).

    A word is looked up by its forms (see `spelling.forms`): case and the like make no difference,
    and no other attribute of a token counts than its text. The vocabulary comes from the
    pipeline's vectors where `[initialize] vectors` gives some (their first rows, copied as starting
    values), else from the words that the component counts in the training corpus, else it is
    empty. A word outside of it gets the mean of hashed rows of its parts.

    width: width of the vectors.
    rows: words in the vocabulary, at most.
    part_rows: rows shared by the parts of all unknown words.
    word_dropout: share of tokens whose vector is set to zero in training.
    unknown_dropout: share of the words of a batch that are read as unknown in training, so that
        the parts learn what the words mean.
    RETURNS: per document (tokens, width).
    Raises ValueError for a value out of range.
    """
    if width < 1 or rows < 0 or part_rows < 1:
        raise ValueError(
            "width and part_rows must be at least 1 and rows at least 0, "
            f"not {width}, {part_rows} and {rows}"
        )
    return Model(
        NAME,
        # Not attributes: those come back with pretrained weights.
        _Forward(
            check_rate("word_dropout", word_dropout),
            check_rate("unknown_dropout", unknown_dropout),
        ),
        init=_init,
        params={"E": None},
        dims={"nO": width},
        attrs={
            "max_rows": rows,
            "part_rows": part_rows,
            # The vocabulary: hashes of its words, one a row.
            "words": numpy.zeros(0, dtype="uint64"),
        },
    )


def count_words(model: Model, docs: Iterable[Doc]) -> None:
    """Give the embedding the most frequent words of the documents."""
    counts = Counter({hash_string(form): count for form, count in count_forms(docs).items()})
    model.attrs["words"] = numpy.asarray(most_frequent(counts, model.attrs["max_rows"]), "uint64")


def dropout_rates(model: Model) -> tuple[float, float]:
    """Its word_dropout and its unknown_dropout."""
    forward = cast(_Forward, model._func)
    return forward.word_dropout, forward.unknown_dropout


def embed_types(model: Model, docs: Sequence[Doc | Words]) -> tuple[Floats2d, Ints1d]:
    """The vectors of the distinct words of all documents, and which of them each token has.

    RETURNS: (types, width) and (tokens,)
    """
    rows, types = _rows(model, docs)
    return _vectors(model, *_flat(rows)), model.ops.xp.asarray(types, dtype="int32")


class Memory:
    """The row of each known word, and the rows of an unknown word's parts."""

    def __init__(self, words: numpy.ndarray, part_rows: int) -> None:
        self.words = words
        self.known = {word: row for row, word in enumerate(words.tolist())}
        self.part_rows = part_rows
        # By the hash that a word has as a string.
        self.remembered: dict[int, list[int]] = {}

    def rows_of(self, words: list[int], strings: Stores) -> list[list[int]]:
        """The rows of each word, one if it is known.

        words: their hashes. strings: have these, together.
        """
        found = list(map(self.remembered.get, words))
        return [
            self._look_up(word, strings) if rows is None else rows
            for word, rows in zip(words, found, strict=True)
        ]

    def rows(self, word: str) -> list[int]:
        """One row, if the word is known."""
        for form in forms(word):
            if (row := self.known.get(hash_string(form))) is not None:
                return [row]
        return self.rows_of_parts(word)

    def rows_of_parts(self, word: str) -> list[int]:
        """As for a word that is not known."""
        return [len(self.known) + part % self.part_rows for part in part_hashes(word)]

    def __reduce__(self) -> tuple:
        """For another process, which remembers what it reads itself."""
        return Memory, (self.words, self.part_rows)

    def _look_up(self, word: int, strings: Stores) -> list[int]:
        if len(self.remembered) >= MAX_REMEMBERED:
            self.remembered.clear()
        rows = self.remembered[word] = self.rows(_string(word, strings))
        return rows


def _memory(model: Model) -> Memory:
    # Thinc leaves attributes that it cannot write out of what it saves.
    words, memory = model.attrs["words"], model.attrs.get("memory")
    if memory is None or memory.words is not words:
        memory = model.attrs["memory"] = Memory(words, model.attrs["part_rows"])
    return memory


def _rows(
    model: Model, docs: Sequence[Doc | Words], unknown_dropout: float = 0.0
) -> tuple[list[list[int]], numpy.ndarray]:
    """The rows of each distinct word of all documents, and which of these words each token is."""
    if not docs:
        return [], numpy.zeros(0, dtype="int64")
    distinct, types = numpy.unique(
        numpy.concatenate([doc.to_array(ORTH) for doc in docs]), return_inverse=True
    )
    words: list[int] = distinct.tolist()
    strings = {id(doc.vocab): doc.vocab.strings for doc in docs}.values()
    memory = _memory(model)
    rows = memory.rows_of(words, strings)
    if unknown_dropout:
        hidden = numpy.random.uniform(size=len(rows)) < unknown_dropout
        for place in numpy.flatnonzero(hidden).tolist():
            rows[place] = memory.rows_of_parts(_string(words[place], strings))
    return rows, types


def _string(word: int, strings: Stores) -> str:
    """The string of a hash, from the first of the stores that has it."""
    if not word:
        return ""
    for store in strings:
        if word in store:  # type: ignore[operator]  # spaCy's stub knows no hash here.
            return store[word]
    raise KeyError(word)


def _flat(rows: list[list[int]]) -> tuple[numpy.ndarray, numpy.ndarray]:
    """All rows, one word's after the other's, and how many each word has."""
    counts = numpy.fromiter(map(len, rows), dtype="int64", count=len(rows))
    return numpy.fromiter(chain.from_iterable(rows), dtype="int64", count=counts.sum()), counts


def _vectors(model: Model, rows: numpy.ndarray, counts: numpy.ndarray) -> Floats2d:
    """(words, width) the mean of each word's rows."""
    ops, xp = model.ops, model.ops.xp
    table = model.get_param("E")
    vectors = table[xp.asarray(rows[counts.cumsum() - counts])]
    # Most words have one, which need not be added up.
    several = counts > 1
    parts = table[xp.asarray(rows[several.repeat(counts)])]
    if len(parts):
        sums = ops.reduce_sum(parts, xp.asarray(counts[several], dtype="int32"))
        sums /= xp.asarray(counts[several], dtype="float32")[:, None]
        vectors[xp.asarray(several)] = sums
    return vectors


@dataclass(frozen=True)
class _Forward:
    """The layer's function, in the shape that Thinc's validation takes, and pickle."""

    word_dropout: float
    unknown_dropout: float

    @property
    def __name__(self) -> str:
        return NAME

    def __call__(
        self, model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
    ) -> tuple[list[Floats2d], Callable]:
        if not is_train:
            return _forward(model, docs, 0.0, 0.0)
        return _forward(model, docs, self.word_dropout, self.unknown_dropout)


def _forward(
    model: Model[list[Doc], list[Floats2d]],
    docs: list[Doc],
    word_dropout: float,
    unknown_dropout: float,
) -> tuple[list[Floats2d], Callable]:
    ops, xp = model.ops, model.ops.xp
    found, types = _rows(model, docs, unknown_dropout)
    rows, counts = _flat(found)
    types = xp.asarray(types)
    vectors = _vectors(model, rows, counts)[types]
    keep = xp.ones((len(types), 1), dtype="float32")
    if word_dropout:
        keep = (xp.random.uniform(size=keep.shape) >= word_dropout).astype("float32")
        vectors *= keep

    def backprop(gradients: list[Floats2d]) -> list[Doc]:
        of_words = ops.alloc2f(len(counts), vectors.shape[1])
        ops.scatter_add(of_words, types, ops.flatten(gradients) * keep)
        shares = of_words / xp.asarray(counts, dtype="float32")[:, None]
        d_table = ops.alloc2f(*model.get_param("E").shape)
        ops.scatter_add(d_table, xp.asarray(rows), xp.repeat(shares, xp.asarray(counts), axis=0))
        model.inc_grad("E", d_table)
        return []

    return split(vectors, [len(doc) for doc in docs]), backprop


def _init(model: Model, X: list[Doc] | None = None, Y: list[Floats2d] | None = None) -> None:
    vectors = X[0].vocab.vectors if X else Vectors()
    width = model.get_dim("nO")
    words = first_words(vectors, model.attrs["max_rows"], width, "spacy-brnn.SubwordEmbed.v1")
    if words:
        model.attrs["words"] = numpy.asarray(words, dtype="uint64")
    rows = len(model.attrs["words"]) + model.attrs["part_rows"]
    model.set_param("E", starting_table(model.ops, vectors, words, rows, width))
