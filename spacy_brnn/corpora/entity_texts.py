"""Texts with named entities for training: in a new order each epoch, and as users write them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.vocab import Vocab


def create_shuffled_reader(
    path: Path,
    augmenter: Callable[[Language, Example], Iterator[Example]] | None = None,
    repeats: Mapping[str, int] | None = None,
) -> Corpus:
    """spaCy's corpus of DocBins, in a new order each time (spacy-brnn.ShuffledCorpus.v1).

    With `max_epochs = -1` in `[training]`, where spaCy reads the corpus anew for each epoch, each
    epoch has its own order and its own draws of the augmenter.

    path: a .spacy file, or a folder of them, which are mixed.
    augmenter: as for spacy.Corpus.v1.
    repeats: file name, without .spacy, to the times that its documents are read in an epoch; once
        where it is not named. Small corpora then count beside large ones.
    Raises ValueError for a file that is not there, and for a number below 0.
    """
    repeats = dict(repeats or {})
    path = Path(path)
    files = {file.stem for file in (path.rglob("*.spacy") if path.is_dir() else [path])}
    if unknown := sorted(set(repeats) - files):
        raise ValueError(f"repeats names {', '.join(unknown)}, but {path} has no such .spacy file")
    if wrong := sorted(name for name, times in repeats.items() if times < 0):
        raise ValueError(f"repeats of {', '.join(wrong)} must be 0 or more")
    return _RepeatedCorpus(path, repeats, augmenter)


class _RepeatedCorpus(Corpus):
    def __init__(
        self,
        path: Path,
        repeats: dict[str, int],
        augmenter: Callable[[Language, Example], Iterator[Example]] | None,
    ) -> None:
        super().__init__(path, augmenter=augmenter, shuffle=True)
        self._repeats = repeats

    def read_docbin(self, vocab: Vocab, locs: Iterable[str | Path]) -> Iterator[Doc]:
        repeated = (loc for loc in locs for _ in range(self._repeats.get(Path(loc).stem, 1)))
        yield from super().read_docbin(vocab, repeated)


def create_entity_variants(
    sentences: float = 0.0,
    line_breaks: float = 0.0,
    tokenizer: float = 0.0,
    lower: float = 0.0,
    upper: float = 0.0,
) -> Callable[[Language, Example], Iterator[Example]]:
    """Show texts with entities in the forms that users send (spacy-brnn.entity_variants.v1).

    Each variant takes the original's place. All settings are shares, 0 to 1.

    sentences: of the documents, those that are cut into their sentences, one example each.
    line_breaks: of the others, those whose tokens of white space are left out.
    tokenizer: of what comes out, the share tokenized anew by the pipeline; the rest keeps the
        corpus's tokens.
    lower: the share in lower case.
    upper: the share in capitals.
    RETURNS: an augmenter for `[corpora.train.augmenter]`.
    Raises ValueError for a share out of range.
    """
    shares = {
        "sentences": sentences,
        "line_breaks": line_breaks,
        "tokenizer": tokenizer,
        "lower": lower,
        "upper": upper,
        "lower + upper": lower + upper,
    }
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{name} is a share, 0 to 1, not {share}")
    return partial(
        _augment,
        sentences=sentences,
        line_breaks=line_breaks,
        tokenizer=tokenizer,
        lower=lower,
        upper=upper,
    )


def _augment(
    nlp: Language,
    example: Example,
    *,
    sentences: float,
    line_breaks: float,
    tokenizer: float,
    lower: float,
    upper: float,
) -> Iterator[Example]:
    doc = example.reference
    parts = [(0, len(doc))]
    if random.random() < sentences and doc.has_annotation("SENT_START"):
        parts = [(sent.start, sent.end) for sent in doc.sents]
    keep_breaks = len(parts) == 1 and random.random() >= line_breaks
    for start, end in parts:
        places = [i for i in range(start, end) if keep_breaks or not doc[i].is_space]
        if places:
            reference = _select(nlp, doc, places, _draw_case(lower, upper))
            if random.random() < tokenizer:
                predicted = nlp.make_doc(reference.text)
            else:
                words = [token.text for token in reference]
                predicted = Doc(nlp.vocab, words=words)
            yield Example(predicted, reference)


def _draw_case(lower: float, upper: float) -> Callable[[str], str]:
    draw = random.random()
    if draw < lower:
        return str.lower
    return str.upper if draw < lower + upper else str


def _select(nlp: Language, doc: Doc, places: list[int], case: Callable[[str], str]) -> Doc:
    """These tokens of the document with their entities; no entity may lie partly outside."""
    tokens = [doc[i] for i in places]
    tags = [_tag(token.ent_iob_, token.ent_type_) for token in tokens]
    words = [case(token.text) for token in tokens]
    starts: list[bool | int | None] = [token.is_sent_start for token in tokens]
    selected = Doc(nlp.vocab, words=words, ents=tags, sent_starts=starts)
    selected.user_data.update(doc.user_data)
    return selected


def _tag(iob: str, label: str) -> str:
    return f"{iob}-{label}" if label else iob
