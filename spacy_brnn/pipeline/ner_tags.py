"""Between entities and BILUO tags as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy
import torch
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, ORTH, SENT_START
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..architectures.flat import split
from ..known_labels import known_labels
from ..nn.biluo import BEGIN, INSIDE, LAST, OUTSIDE, TAGS_PER_LABEL, UNIT, count_tags
from ..nn.marginals import Spans
from .ner_confidence import LabelledSpan

# Values of Token.ent_iob.
IOB_MISSING, IOB_INSIDE, IOB_OUTSIDE, IOB_BEGIN = range(4)
_MISSING = -1
PLACES = {"B": BEGIN, "I": INSIDE, "L": LAST, "U": UNIT}


class TagSet:
    """The tags of some labels.

    labels: the labels, in the order of their tags.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.n_tags = count_tags(len(labels))
        # Which of O, B, I, L, U each tag is, (tags,).
        self._places = (numpy.arange(self.n_tags) - 1) % TAGS_PER_LABEL + 1
        self._places[OUTSIDE] = OUTSIDE
        self._is_edge = numpy.isin(self._places, (BEGIN, LAST, UNIT))
        self._goes_on = numpy.isin(self._places, (BEGIN, INSIDE))
        self._numbers = {"O": OUTSIDE} | {
            f"{letter}-{label}": TAGS_PER_LABEL * i + place
            for i, label in enumerate(labels)
            for letter, place in PLACES.items()
        }

    def allow_gold(self, example: Example) -> numpy.ndarray:
        """Which tags the annotation admits, (tokens, tags) bool; all where it is missing.

        Missing is also what has a label that is not among ours. Where the reference is annotated
        with some labels only, a token outside of its entities may be in one of another label.
        """
        numbers = self._gold_numbers(example)
        allowed = numpy.zeros((len(numbers), self.n_tags), dtype=bool)
        allowed[numpy.arange(len(numbers)), numbers] = True
        allowed[numbers == _MISSING] = True
        known = known_labels(example.reference)
        for i, label in enumerate(self.labels):
            if known is not None and label not in known:
                first = 1 + TAGS_PER_LABEL * i
                allowed[numbers == OUTSIDE, first : first + TAGS_PER_LABEL] = True
        return allowed

    def _gold_numbers(self, example: Example) -> numpy.ndarray:
        """The tag of each token of the predicted document, (tokens,); _MISSING for none."""
        predicted, gold = example.predicted, example.reference
        if len(predicted) != len(gold) or (predicted.to_array(ORTH) != gold.to_array(ORTH)).any():
            tags = example.get_aligned_ner()
            return numpy.asarray([self._numbers.get(tag or "", _MISSING) for tag in tags])
        # The same, several times as fast, where the tokens are the same.
        iob, types = gold.to_array([ENT_IOB, ENT_TYPE]).T
        goes_on = numpy.append(iob[1:] == IOB_INSIDE, False)
        places = numpy.where(goes_on, BEGIN, UNIT)
        places[iob == IOB_INSIDE] = numpy.where(goes_on, INSIDE, LAST)[iob == IOB_INSIDE]
        numbers = numpy.where(iob == IOB_MISSING, _MISSING, OUTSIDE)
        strings = gold.vocab.strings
        for key in numpy.unique(types[types != 0]).tolist():
            base = self._numbers.get(f"B-{strings[key]}")
            of_type = types == key
            numbers[of_type] = _MISSING if base is None else base - BEGIN + places[of_type]
        return numbers

    def allow_valid(self, docs: Sequence[Doc]) -> list[numpy.ndarray]:
        """Which tags each document admits, (tokens, tags) bool.

        As in spaCy's `ner`, an entity neither begins nor ends with whitespace and lies in one
        sentence, where boundaries are set; tokens in entities that are set keep these.
        """
        lengths = [len(doc) for doc in docs]
        features = numpy.concatenate(
            [doc.to_array([IS_SPACE, SENT_START, ENT_IOB]) for doc in docs]
        ).astype("int64")
        space, sent_start, iob = features.T
        allowed = self._allow_text(space)
        allowed[_before_starts(sent_start, lengths)] &= ~self._goes_on
        of_docs = split(allowed, lengths)
        if (iob == IOB_BEGIN).any():
            for doc, of_doc, iob_of_doc in zip(docs, of_docs, split(iob, lengths), strict=True):
                self._keep_preset(doc, of_doc, iob_of_doc)
        return of_docs

    def allow_text(self, docs: Sequence[Doc]) -> list[numpy.ndarray]:
        """Which tags each text admits, (tokens, tags) bool, whatever has been set on it."""
        space = numpy.concatenate([doc.to_array(IS_SPACE) for doc in docs])
        return split(self._allow_text(space), [len(doc) for doc in docs])

    def _allow_text(self, space: numpy.ndarray) -> numpy.ndarray:
        allowed = numpy.ones((len(space), self.n_tags), dtype=bool)
        allowed[space == 1] = ~self._is_edge
        return allowed

    def _keep_preset(self, doc: Doc, allowed: numpy.ndarray, iob: numpy.ndarray) -> None:
        for start, end, label in _preset(doc, iob):
            allowed[start:end] = False
            rows = numpy.arange(start, end)
            allowed[rows, self._span_tags(end - start, label)] = True

    def spans(self, tags: Sequence[numpy.ndarray]) -> list[list[LabelledSpan]]:
        """The entities of each document, by a valid sequence of tags, (tokens,) each."""
        flat = numpy.concatenate(tags)
        places = self._places[flat]
        starts = numpy.flatnonzero((places == BEGIN) | (places == UNIT))
        ends = numpy.flatnonzero((places == LAST) | (places == UNIT)) + 1
        labels = (flat[starts] - 1) // TAGS_PER_LABEL
        offsets = numpy.cumsum([0] + [len(x) for x in tags])
        owners = numpy.searchsorted(offsets, starts, side="right") - 1
        columns = (owners, starts - offsets[owners], ends - offsets[owners], labels)
        found: list[list[LabelledSpan]] = [[] for _ in tags]
        for owner, start, end, label in zip(*(x.tolist() for x in columns), strict=True):
            found[owner].append(LabelledSpan(start, end, self.labels[label]))
        return found

    def to_spans(self, spans: Sequence[LabelledSpan]) -> Spans:
        """Spans with the numbers of their labels; raises ValueError for a label not ours."""
        if unknown := sorted({span.label for span in spans} - set(self.labels)):
            raise ValueError(f"no label {', '.join(unknown)} among {', '.join(self.labels)}")
        rows = [(span.start, span.end, self.labels.index(span.label)) for span in spans]
        return Spans(*torch.tensor(rows, dtype=torch.int64).view(-1, 3).unbind(dim=1))

    def from_spans(self, spans: Spans) -> list[LabelledSpan]:
        """The same the other way round."""
        columns = (spans.starts.tolist(), spans.ends.tolist(), spans.labels.tolist())
        return [
            LabelledSpan(start, end, self.labels[label])
            for start, end, label in zip(*columns, strict=True)
        ]

    def _span_tags(self, length: int, label: str) -> list[int]:
        """The tags of an entity; O for one whose label is not among ours."""
        if f"U-{label}" not in self._numbers:
            return [OUTSIDE] * length
        letters = "U" if length == 1 else "B" + "I" * (length - 2) + "L"
        return [self._numbers[f"{letter}-{label}"] for letter in letters]


def set_entities(doc: Doc, spans: Sequence[LabelledSpan]) -> None:
    """Add entities to those that are set; all other tokens are outside of one.

    Tokens that are blocked stay blocked, and entities that are set win over the new ones.
    """
    iob = doc.to_array(ENT_IOB)
    preset = list(_preset(doc, iob)) if (iob == IOB_BEGIN).any() else []
    blocked = [Span(doc, start, end) for start, end, label in preset if not label]
    taken = {i for start, end, _ in preset for i in range(start, end)}
    new = [
        Span(doc, start, end, label=label)
        for start, end, label in spans
        if taken.isdisjoint(range(start, end))
    ]
    kept = doc.ents if preset else ()
    doc.set_ents([*kept, *new], blocked=blocked, default="outside")


def _before_starts(sent_start: numpy.ndarray, lengths: Sequence[int]) -> numpy.ndarray:
    """Whether each token's successor in its document begins a sentence."""
    before = numpy.append(sent_start[1:] == 1, False)
    ends = numpy.cumsum(lengths)
    before[ends[ends > 0] - 1] = False
    return before


def _preset(doc: Doc, iob: numpy.ndarray) -> Iterator[tuple[int, int, str]]:
    """Start, end and label of what is set; the label of blocked tokens is empty."""
    starts = numpy.flatnonzero(iob == IOB_BEGIN)
    labels = doc.to_array(ENT_TYPE)
    inside = numpy.append(iob == IOB_INSIDE, False)
    for start in starts.tolist():
        end = start + 1
        while inside[end]:
            end += 1
        yield start, end, doc.vocab.strings[int(labels[start])] if labels[start] else ""
