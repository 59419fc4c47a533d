"""The reviews of the Large Movie Review Dataset, decoded, checked and joined with their films."""

import re
from dataclasses import dataclass, field

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.imdb_source import ImdbSource, SourceFile
from spacy_brnn.corpora.progress import document_progress
from spacy_brnn.surface import read_plain

_FILM = re.compile(r"tt\d+")
_POSITIVE = {"pos": True, "neg": False, "unsup": None}
_LABELLED = ("train/pos", "train/neg", "test/pos", "test/neg")
_UNLABELLED = ("train/unsup",)


@dataclass(frozen=True, slots=True)
class Review:
    """One review of the corpus."""

    id: str
    """Its file's path below `aclImdb/`, without the ending: `train/pos/0_9`."""
    text: str
    """What it says as read_plain has it, with line breaks in place of `<br />`."""
    positive: bool | None
    """Its label, None for an unlabelled review."""
    film: str | None
    """IMDb's id of its film (`tt0453418`); None where the source does not tell, never in train."""


@dataclass
class _Folder:
    """What has been read of one folder: texts by review number, films by line number from 0."""

    names: dict[int, str] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    films: list[str] | None = None


def read_reviews(
    source: ImdbSource, *, unsup: bool = False
) -> tuple[dict[str, list[Review]], list[str]]:
    """Return the reviews of each folder (`train/pos`, ...), and notices about what is missing.

    unsup: Whether to read the unlabelled reviews (`train/unsup`), too.

    Shows its progress on standard error. Raises CorpusError if there are no reviews at all or
    none of one class, or if a review cannot be read, is not UTF-8, is empty, has the number of
    another one or (in train's labelled folders) no film.
    """
    folders = (*_LABELLED, *_UNLABELLED) if unsup else _LABELLED
    contents = {name: _Folder() for name in folders}
    with document_progress(f"Reading {source.path.name}", source.size(folders)) as advance:
        for file in source.files(folders):
            _add(contents[file.folder], file, source)
            advance(file.progress)
    if not any(content.texts for content in contents.values()):
        raise CorpusError(f"{source.path}: holds no reviews (files like train/pos/0_9.txt)")
    _check_classes(contents, source)
    reviews = {name: _join(name, content, source) for name, content in contents.items()}
    return reviews, [notice for item in contents.items() for notice in _missing(*item)]


def _add(folder: _Folder, file: SourceFile, source: ImdbSource) -> None:
    place = f"{source.path}: {file.name}"
    try:
        text = file.data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise CorpusError(f"{place}: not UTF-8 at byte {err.start}") from None
    if file.number is None:
        folder.films = [_film(place, *line) for line in enumerate(text.rstrip().split("\n"), 1)]
        return
    text = read_plain(text)
    if not text.strip():
        raise CorpusError(f"{place}: the review is empty; remove the file or mend it")
    if file.number in folder.names:
        raise CorpusError(f"{place}: has the number of {folder.names[file.number]}; remove one")
    folder.names[file.number] = file.name
    folder.texts[file.number] = text


def _film(place: str, line: int, url: str) -> str:
    match = _FILM.search(url)
    if match is None:
        raise CorpusError(f"{place}, line {line}: no film id (tt and digits) in {url[:80]!r}")
    return match[0]


def _check_classes(contents: dict[str, _Folder], source: ImdbSource) -> None:
    for split in ("train", "test"):
        held = {name: bool(contents[f"{split}/{name}"].texts) for name in ("pos", "neg")}
        if held["pos"] != held["neg"]:
            empty = "neg" if held["pos"] else "pos"
            raise CorpusError(f"{source.path}: {split}/{empty} holds no reviews; unpack it again")


def _join(name: str, folder: _Folder, source: ImdbSource) -> list[Review]:
    split, label = name.split("/")
    urls = f"{split}/urls_{label}.txt"
    films = folder.films
    if films is None and folder.texts and name in ("train/pos", "train/neg"):
        raise CorpusError(f"{source.path}: {urls} is missing; dev is cut by the films it lists")
    if films is not None and folder.texts and max(folder.texts) >= len(films):
        file = folder.names[max(folder.texts)]
        raise CorpusError(f"{source.path}: {urls} has {len(films)} lines, none for {file}")
    return [
        Review(
            id=folder.names[number].removesuffix(".txt"),
            text=text,
            positive=_POSITIVE[label],
            film=None if films is None else films[number],
        )
        for number, text in folder.texts.items()
    ]


def _missing(name: str, folder: _Folder) -> list[str]:
    listed = len(folder.films or ())
    if not folder.texts or listed <= len(folder.texts):
        return []
    return [f"{name} holds {len(folder.texts)} of the {listed} reviews in its URL list"]
