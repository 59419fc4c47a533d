"""From a user's file to labelled texts for training and for dev, with what is odd about them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ..annotate.readers import ReadOptions
from ..annotate.sources import STDIN
from ..corpora.errors import CorpusError
from .labels import LabelError, LabelReader
from .rows import rows

# Of what is passed over, so many places are named.
MOST_PLACES = 3


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its labels' shares, 0..1; labels that are not named are 0."""

    text: str
    cats: dict[str, float]
    place: str

    @property
    def best(self) -> str:
        """The label with the greatest share, of texts that have one label."""
        return max(self.cats, key=lambda label: self.cats[label])


@dataclass(frozen=True)
class Texts:
    """The labelled texts of one file.

    exclusive: whether each has one label (divided, where the file is in two minds).
    notes: what was passed over, and why, for the user.
    """

    texts: list[LabelledText]
    labels: list[str]
    exclusive: bool
    notes: list[str] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """Texts of each label."""
        if self.exclusive:
            return Counter(text.best for text in self.texts)
        return Counter(label for text in self.texts for label in text.cats)


@dataclass(frozen=True)
class Fields:
    """How a file is read: the fields of text and labels, its format, what its labels are.

    encoding, delimiter, header, quotes: as those of `annotate`.
    """

    text: str = "text"
    label: str = "label"
    input_format: str | None = None
    reader: LabelReader = field(default_factory=LabelReader)
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    quotes: bool = True

    @property
    def reading(self) -> ReadOptions:
        """For the readers of `annotate`."""
        return ReadOptions(self.text, self.encoding, self.delimiter, self.header, self.quotes)


def read_texts(path: str, fields: Fields) -> Texts:
    """All labelled texts of a file. Texts that are the same become one.

    Raises CorpusError for a file that cannot be read, or without a labelled text.
    """
    skipped = _Skipped()
    found: dict[str, list[LabelledText]] = {}
    several, names = False, dict[str, None]()
    for row in rows(path, fields.label, fields.reading, fields.input_format):
        names.update(dict.fromkeys(row.names))
        try:
            several = several or fields.reader.is_several(row.label)
            cats = fields.reader.read(row.label)
        except LabelError as error:
            raise CorpusError(f'{row.place}: field "{fields.label}": {error}') from None
        if not row.text.strip():
            skipped.add("an empty text", row.place)
        elif cats is None:
            skipped.add("an empty label", row.place)
        else:
            found.setdefault(row.text.strip(), []).append(LabelledText(row.text, cats, row.place))
    if not found:
        raise CorpusError(_nothing(path, fields.label, names, skipped))
    texts = [_merge(same, exclusive=not several) for same in found.values()]
    labels = fields.reader.scale.labels if fields.reader.scale else _labels(found)
    notes = [*skipped.notes(), *_repeats(found)]
    return Texts(texts, labels, not several, notes)


def split(texts: Texts, dev_share: float) -> tuple[list[LabelledText], list[LabelledText]]:
    """Train and dev: dev are the texts whose hash says so, whatever else the file holds.

    Of a label that would be in dev only, all texts go to train.
    """
    train = [text for text in texts.texts if not is_dev_text(text.text, dev_share)]
    dev = [text for text in texts.texts if is_dev_text(text.text, dev_share)]
    learned = {label for text in train for label in text.cats}
    moved = [text for text in dev if set(text.cats) - learned]
    return train + moved, [text for text in dev if not set(text.cats) - learned]


def is_dev_text(text: str, dev_share: float) -> bool:
    """Whether a text belongs to dev, by its md5."""
    digest = hashlib.md5(text.strip().encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return int(digest.hexdigest(), 16) < dev_share * 2**128


def make_docs(nlp: Language, texts: Iterable[LabelledText], labels: Iterable[str]) -> Iterator[Doc]:
    """The texts as the pipeline's tokenizer reads them, with a value for each label."""
    labels = list(labels)
    for text in texts:
        doc = nlp.make_doc(text.text)
        doc.cats = {label: text.cats.get(label, 0.0) for label in labels}
        yield doc


def check_lengths(
    nlp: Language, texts: Iterable[LabelledText], reader: str = "spaCy trains on"
) -> None:
    """Raises CorpusError for a text longer than the pipeline takes.

    reader: who that is and what for, for the message.
    """
    for text in texts:
        if len(text.text) > nlp.max_length:
            raise CorpusError(
                f"{text.place}: a text of {len(text.text):,} characters, more than the "
                f"{nlp.max_length:,} that {reader}: divide it, or leave it out"
            )


def check_labels(texts: Texts) -> list[str]:
    """What to note of the labels.

    Raises CorpusError for labels that nothing can be learned from.
    """
    counts = texts.counts()
    used = [label for label in texts.labels if counts[label]]
    if len(used) < (2 if texts.exclusive else 1):
        raise CorpusError(
            f"{counted(len(texts.texts), 'different text')} with {counted(len(used), 'label')} "
            f"({', '.join(used) or 'none'}): to learn anything, texts of at least two are needed"
            + "".join(f"; {note}" for note in texts.notes)
        )
    if texts.exclusive and len(used) > len(texts.texts) / 2:
        raise CorpusError(
            f"{len(used):,} labels for {len(texts.texts):,} texts, which is fewer than two of "
            "each: is --label-field the field you mean? Numbers need --scale, several labels a "
            "text --label-delimiter"
        )
    notes = []
    if alike := _alike(used):
        notes.append(f"labels that differ in case alone are several here ({_some(alike)})")
    once = [label for label in used if counts[label] == 1]
    if once:
        notes.append(
            f"{counted(len(once), 'label')} seen once ({_some(once)}): learned from that one "
            "text, and not checked by any"
        )
    return notes


def blank_pipeline(lang: str) -> Language:
    """One that tokenizes. Raises CorpusError for a language that spaCy does not know."""
    try:
        return spacy.blank(lang)
    except ImportError:
        raise CorpusError(f"--lang {lang}: spaCy knows no such language") from None


def _alike(labels: Iterable[str]) -> list[str]:
    """Each two labels that are one but for case."""
    first: dict[str, str] = {}
    pairs = ((first.setdefault(label.casefold(), label), label) for label in labels)
    return [f"{one} and {other}" for one, other in pairs if one != other]


def _merge(same: list[LabelledText], *, exclusive: bool) -> LabelledText:
    first = same[0]
    totals: Counter[str] = Counter()
    for text in same:
        totals.update(text.cats)
    shares = {label: total / len(same) for label, total in totals.items()}
    if not exclusive:
        shares = {label: 1.0 for label, share in shares.items() if share >= 0.5}
    return LabelledText(first.text, shares, first.place)


def _labels(found: dict[str, list[LabelledText]]) -> list[str]:
    return sorted({label for same in found.values() for text in same for label in text.cats})


def _repeats(found: dict[str, list[LabelledText]]) -> list[str]:
    repeated = [same for same in found.values() if len(same) > 1]
    differ = [same for same in repeated if any(text.cats != same[0].cats for text in same)]
    notes = []
    if repeated:
        notes.append(
            f"{counted(len(repeated), 'text')} repeated: each counts once "
            f"({_some(same[1].place for same in repeated)})"
        )
    if differ:
        pairs = (f"{same[0].place} and {_other(same).place}" for same in differ)
        notes.append(
            f"{counted(len(differ), 'text')} repeated with different labels, which share it "
            f"({_some(pairs)})"
        )
    return notes


def _other(same: list[LabelledText]) -> LabelledText:
    return next(text for text in same if text.cats != same[0].cats)


class _Skipped:
    """The places of what is passed over, by reason."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, reason: str, place: str) -> None:
        self._places.setdefault(reason, []).append(place)

    def notes(self) -> list[str]:
        return [
            f"{counted(len(places), 'row')} with {reason} passed over ({_some(places)})"
            for reason, places in self._places.items()
        ]


def _nothing(path: str, label: str, names: dict[str, None], skipped: _Skipped) -> str:
    path = "standard input" if path == STDIN else path
    if names and names.keys().isdisjoint((label, label.split(".")[0])):
        return (
            f'{path}: no field "{label}" (fields: {_some(names, 10)}); name it with --label-field'
        )
    why = "; ".join(skipped.notes())
    return f"{path}: no labelled texts" + (f": {why}" if why else "")


def counted(count: int, thing: str) -> str:
    """A count and what is counted."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _some(names: Iterable[str], most: int = MOST_PLACES) -> str:
    names = iter(names)
    listed = ", ".join(islice(names, most))
    return listed + (", ..." if next(names, None) is not None else "")
