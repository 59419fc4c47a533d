"""Between entities and BILUO tags as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy
import torch
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, ORTH, SENT_START
from spacy.tokens import Doc, Span
from spacy.training import Example

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

    def allow_valid(self, doc: Doc) -> numpy.ndarray:
        """Which tags the document admits, (tokens, tags) bool.

        As in spaCy's `ner`, an entity neither begins nor ends with whitespace and lies in one
        sentence, where boundaries are set; tokens in entities that are set keep these.
        """
        allowed = self.allow_text(doc)
        sent_start, iob = doc.to_array([SENT_START, ENT_IOB]).astype("int64").T
        places = self._places()
        before_start = numpy.append(sent_start == 1, False)[1:]
        allowed[numpy.ix_(before_start, numpy.isin(places, (BEGIN, INSIDE)))] = False
        for start, end, label in _preset(doc, iob):
            allowed[start:end] = False
            rows = numpy.arange(start, end)
            allowed[rows, self._span_tags(end - start, label)] = True
        return allowed

    def allow_text(self, doc: Doc) -> numpy.ndarray:
        """Which tags the text itself admits, (tokens, tags) bool, whatever has been set on it."""
        allowed = numpy.ones((len(doc), self.n_tags), dtype=bool)
        space = doc.to_array(IS_SPACE) == 1
        allowed[numpy.ix_(space, numpy.isin(self._places(), (BEGIN, LAST, UNIT)))] = False
        return allowed

    def _places(self) -> numpy.ndarray:
        """Which of O, B, I, L, U each tag is, (tags,)."""
        places = (numpy.arange(self.n_tags) - 1) % TAGS_PER_LABEL + 1
        places[OUTSIDE] = OUTSIDE
        return places

    def spans(self, doc: Doc, tags: numpy.ndarray) -> list[Span]:
        """The entities of a valid sequence of tags, (tokens,)."""
        labels, places = numpy.divmod(tags - 1, TAGS_PER_LABEL)
        places = numpy.where(tags == OUTSIDE, OUTSIDE, places + 1)
        starts = numpy.flatnonzero((places == BEGIN) | (places == UNIT))
        ends = numpy.flatnonzero((places == LAST) | (places == UNIT)) + 1
        return [
            Span(doc, start, end, label=self.labels[label])
            for start, end, label in zip(
                starts.tolist(), ends.tolist(), labels[starts].tolist(), strict=True
            )
        ]

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


def set_entities(doc: Doc, spans: Sequence[Span]) -> None:
    """Add entities to those that are set; all other tokens are outside of one.

    Tokens that are blocked stay blocked, and entities that are set win over the new ones.
    """
    iob = doc.to_array(ENT_IOB).astype("int64")
    preset = list(_preset(doc, iob))
    blocked = [Span(doc, start, end) for start, end, label in preset if not label]
    taken = {i for start, end, _ in preset for i in range(start, end)}
    new = [span for span in spans if taken.isdisjoint(range(span.start, span.end))]
    doc.set_ents([*doc.ents, *new], blocked=blocked, default="outside")


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
