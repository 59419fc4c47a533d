"""The Large Movie Review Dataset (Maas et al., 2011): its splits, written as DocBins."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import spacy
from spacy.tokens import Doc

from spacy_brnn.corpora.docbin import write_docbin
from spacy_brnn.corpora.imdb_reviews import Review, read_reviews
from spacy_brnn.corpora.imdb_source import open_imdb
from spacy_brnn.corpora.progress import document_progress
from spacy_brnn.corpora.staging import staged_files


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion wrote, and what the user should know about it."""

    counts: dict[str, int]
    """Documents in each file written."""
    notices: list[str]
    """What was left out or is out of the ordinary, a line each."""


def convert_imdb(
    source: Path, output: Path, *, unsup: bool = False, train_includes_dev: bool = False
) -> Conversion:
    """Write `train.spacy`, `dev.spacy` and `test.spacy` into `output`, as far as `source` goes.

    source: `aclImdb_v1.tar.gz`, the unpacked `aclImdb/`, or the folder that holds it.
    output: Folder to write to; created where it is missing.
    unsup: Write the unlabelled reviews too, as `unsup.spacy`.
    train_includes_dev: Put dev's reviews into `train.spacy` as well, for a final training run.

    Dev holds the reviews of the films that `is_dev_film` picks. A labelled document's `doc.cats`
    has POSITIVE and NEGATIVE at 1.0 or 0.0, an unlabelled one's is empty; its `doc.user_data` has
    the review's `id` and its `film`. Documents come in the order of a hash of their id, which
    mixes the classes. Progress goes to standard error.

    Raises CorpusError, with nothing written, if the source is unsound or the output unwritable.
    """
    opened = open_imdb(source)
    names = ["train.spacy", "dev.spacy", "test.spacy", *(["unsup.spacy"] if unsup else [])]
    with staged_files(output, names) as staging:
        reviews, notices = read_reviews(opened, unsup=unsup)
        splits = cut_splits(reviews, train_includes_dev=train_includes_dev)
        counts = _write(splits, staging)
    for name in names:
        if name not in counts:
            notices.append(f"{name} skipped: {source} holds no reviews for it")
    if train_includes_dev and "dev.spacy" in counts:
        notices.append("dev.spacy is part of train.spacy: scores on it are no estimate")
    return Conversion(counts, notices)


def is_dev_film(film: str) -> bool:
    """Return whether a film (`tt0453418`) is one of the tenth of train's films that make up dev."""
    return _digest(film) % 10 == 0


def _is_dev(review: Review) -> bool:
    return review.film is not None and is_dev_film(review.film)


def cut_splits(
    reviews: Mapping[str, Sequence[Review]], *, train_includes_dev: bool = False
) -> dict[str, list[Review]]:
    """Return the reviews of each output file, in their order there; files without any are left out.

    reviews: The reviews of every folder (`train/pos`, ...).
    train_includes_dev: Whether dev's reviews are train's, too.
    """
    train = [*reviews["train/pos"], *reviews["train/neg"]]
    dev = [review for review in train if _is_dev(review)]
    if not train_includes_dev:
        train = [review for review in train if not _is_dev(review)]
    splits = {
        "train.spacy": train,
        "dev.spacy": dev,
        "test.spacy": [*reviews["test/pos"], *reviews["test/neg"]],
        "unsup.spacy": [*reviews.get("train/unsup", ())],
    }
    return {
        name: sorted(split, key=lambda review: _digest(review.id))
        for name, split in splits.items()
        if split
    }


def _write(splits: Mapping[str, Sequence[Review]], folder: Path) -> dict[str, int]:
    tokenizer = spacy.blank("en").tokenizer
    counts = {name: len(reviews) for name, reviews in splits.items()}
    with document_progress("Tokenizing", sum(counts.values())) as advance:
        for name, reviews in splits.items():
            write_docbin(_docs(reviews, tokenizer, advance), folder / name)
    return counts


def _docs(
    reviews: Sequence[Review], tokenizer: Callable[[str], Doc], advance: Callable[[int], None]
) -> Iterator[Doc]:
    for review in reviews:
        doc = tokenizer(review.text)
        if review.positive is not None:
            doc.cats = {"POSITIVE": float(review.positive), "NEGATIVE": float(not review.positive)}
        doc.user_data = {"id": review.id, "film": review.film}
        yield doc
        advance(1)


def _digest(name: str) -> int:
    return int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), 16)
