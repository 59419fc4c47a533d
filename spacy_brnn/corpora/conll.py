"""Named entities in columns, as CoNLL-2003 and WNUT-17 have them, written as a DocBin."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.staging import check_keeps_input, staged_files
from spacy_brnn.known_labels import set_known_labels

DOCUMENT_START = "-DOCSTART-"
MISSING = "-"
LINE_BREAK = "\n"
_TAG = re.compile(r"O|-|[BI]-\S+")
# What a DocBin keeps of documents with entities.
ATTRS = ("ORTH", "NORM", "SPACY", "SENT_START", "ENT_IOB", "ENT_TYPE")


@dataclass(slots=True)
class Columns:
    """One document: its words, their tags, and whether each begins a sentence."""

    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    sent_starts: list[bool] = field(default_factory=list)

    def append(self, word: str, tag: str, *, sent_start: bool) -> None:
        """Add a token."""
        self.words.append(word)
        self.tags.append(tag)
        self.sent_starts.append(sent_start)


def convert_conll(
    source: Path,
    output: Path,
    *,
    line_breaks: bool = False,
    group: int = 1,
    types: Mapping[str, str] | None = None,
    known_labels: Sequence[str] | None = None,
) -> int:
    """Write the documents of one file of columns as one DocBin.

    source: a line per token, the word in the first column and its tag (IOB1 or IOB2, `-` where
        it is not known) in the last, a blank line after each sentence. Lines of -DOCSTART-
        begin documents; in a file without them each sentence is a document. May be gzipped.
    output: the DocBin to write.
    line_breaks: put a token "\\n" between the sentences of a document, where the file has a
        blank line, for a model that should see where lines of a text end.
    group: sentences in a row that make up a document, in a file without -DOCSTART-.
    types: the label of each of the file's types; "O" for what is not an entity, "-" for what
        may be one. None keeps the types.
    known_labels: the labels that the file has; of others it says nothing, and a word outside
        of its entities may have one of those. None: it has all.
    RETURNS: the number of documents.

    Documents keep the file's words, and in training and evaluation spaCy takes these rather
    than its tokenizer's. Raises CorpusError, with nothing written, for a file that is unsound.
    """
    check_keeps_input(source, output)
    vocab = Vocab()
    columns = read_columns(_lines(source), str(source), line_breaks=line_breaks, group=group)
    docs = [_doc(vocab, document, types, str(source)) for document in columns]
    if not docs:
        raise CorpusError(f"{source}: holds no tokens")
    if known_labels is not None:
        for doc in docs:
            set_known_labels(doc, known_labels)
    with staged_files(output.parent, [output.name]) as staging:
        docbin = DocBin(attrs=ATTRS, store_user_data=known_labels is not None, docs=docs)
        docbin.to_disk(staging / output.name)
    return len(docs)


def read_columns(
    lines: Iterable[str], name: str, *, line_breaks: bool = False, group: int = 1
) -> Iterator[Columns]:
    """The documents of a file, in order; empty ones are left out.

    name: what error messages call the file.
    line_breaks, group: as for convert_conll.
    Raises CorpusError for a line without a tag or with an unknown one.
    """
    document, whole_documents, after_blank = Columns(), False, True
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        starts_document = bool(fields) and fields[0] == DOCUMENT_START
        whole_documents |= starts_document
        is_full = not whole_documents and sum(document.sent_starts) >= group
        if starts_document or (is_full and not fields):
            if document.words:
                yield document
            document = Columns()
        elif fields:
            tag = _tag(fields, f"{name}, line {number}")
            if line_breaks and after_blank and document.words:
                document.append(LINE_BREAK, "O", sent_start=False)
            document.append(fields[0], tag, sent_start=after_blank)
        after_blank = starts_document or not fields
    if document.words:
        yield document


def read_types(path: Path) -> dict[str, str]:
    """The label of each type, from a JSON file that holds one object.

    Raises CorpusError for anything else.
    """
    try:
        types = json.loads(path.read_text(encoding="utf8"))
    except (ValueError, OSError) as err:
        raise CorpusError(f"{path}: cannot be read as JSON ({err})") from None
    if not isinstance(types, dict) or not all(isinstance(x, str) and x for x in types.values()):
        raise CorpusError(f'{path}: must hold an object such as {{"Person": "PER"}}')
    return types


def _lines(source: Path) -> list[str]:
    opener = gzip.open if source.suffix == ".gz" else open
    try:
        with opener(source, "rt", encoding="utf8") as file:
            return file.read().split("\n")
    except UnicodeDecodeError as err:
        raise CorpusError(f"{source}: is not UTF-8 (byte {err.start}): convert it first") from None
    except (OSError, EOFError, zlib.error) as err:
        reason = getattr(err, "strerror", None) or err
        raise CorpusError(f"{source}: cannot be read ({reason})") from None


def _tag(fields: list[str], place: str) -> str:
    if len(fields) < 2:
        raise CorpusError(f"{place}: a word and its tag expected, found {fields[0]!r} alone")
    if not _TAG.fullmatch(fields[-1]):
        raise CorpusError(
            f"{place}: the last column must be an IOB tag (O, B-LABEL, I-LABEL or -), "
            f"not {fields[-1]!r}"
        )
    return fields[-1]


def _doc(vocab: Vocab, columns: Columns, types: Mapping[str, str] | None, name: str) -> Doc:
    tags = _iob2(columns)
    if types is not None:
        tags = [_map_tag(tag, types, name) for tag in tags]
    tags = ["" if tag == MISSING else tag for tag in tags]
    return Doc(vocab, words=columns.words, ents=tags, sent_starts=[*columns.sent_starts])


def _iob2(columns: Columns) -> list[str]:
    """The tags with B at the begin of every entity, which IOB1 has between two of a type only.

    No entity goes on in another sentence.
    """
    before = ["O", *columns.tags[:-1]]
    return [
        "B" + tag[1:] if tag[0] == "I" and (begins or previous[1:] != tag[1:]) else tag
        for previous, tag, begins in zip(before, columns.tags, columns.sent_starts, strict=True)
    ]


def _map_tag(tag: str, types: Mapping[str, str], name: str) -> str:
    place, _, old = tag.partition("-")
    if not old:
        return tag
    if old not in types:
        raise CorpusError(
            f"{name}: the types do not say what {old!r} is: add it to them, with its label, "
            '"O" (no entity) or "-" (unknown)'
        )
    new = types[old]
    return new if new in ("O", MISSING) else f"{place}-{new}"
