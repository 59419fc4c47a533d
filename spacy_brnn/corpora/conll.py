"""Named entities in columns, as CoNLL-2003 and WNUT-17 have them, written as a DocBin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.staging import staged_files

DOCUMENT_START = "-DOCSTART-"
MISSING = "-"
LINE_BREAK = "\n"
_TAG = re.compile(r"O|-|[BI]-\S+")
_ATTRS = ("ORTH", "NORM", "SPACY", "SENT_START", "ENT_IOB", "ENT_TYPE")


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


def convert_conll(source: Path, output: Path, *, line_breaks: bool = False) -> int:
    """Write the documents of one file of columns as one DocBin.

    source: a line per token, the word in the first column and its tag (IOB1 or IOB2, `-` where
        it is not known) in the last, a blank line after each sentence. Lines of -DOCSTART-
        begin documents; in a file without them each sentence is a document.
    output: the DocBin to write.
    line_breaks: put a token "\\n" between the sentences of a document, where the file has a
        blank line, for a model that should see where lines of a text end.
    RETURNS: the number of documents.

    Documents keep the file's words, and in training and evaluation spaCy takes these rather
    than its tokenizer's. Raises CorpusError, with nothing written, for a file that is unsound.
    """
    vocab = Vocab()
    columns = read_columns(_lines(source), str(source), line_breaks=line_breaks)
    docs = [_doc(vocab, document) for document in columns]
    if not docs:
        raise CorpusError(f"{source}: holds no tokens")
    with staged_files(output.parent, [output.name]) as staging:
        DocBin(attrs=_ATTRS, docs=docs).to_disk(staging / output.name)
    return len(docs)


def read_columns(
    lines: Iterable[str], name: str, *, line_breaks: bool = False
) -> Iterator[Columns]:
    """The documents of a file, in order; empty ones are left out.

    name: what error messages call the file.
    Raises CorpusError for a line without a tag or with an unknown one.
    """
    document, whole_documents, after_blank = Columns(), False, True
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        starts_document = bool(fields) and fields[0] == DOCUMENT_START
        whole_documents |= starts_document
        if starts_document or not (fields or whole_documents):
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


def _lines(source: Path) -> list[str]:
    try:
        return source.read_text(encoding="utf8").split("\n")
    except UnicodeDecodeError as err:
        raise CorpusError(f"{source}: is not UTF-8 (byte {err.start}): convert it first") from None
    except OSError as err:
        raise CorpusError(f"{source}: cannot be read ({err.strerror})") from None


def _tag(fields: list[str], place: str) -> str:
    if len(fields) < 2:
        raise CorpusError(f"{place}: a word and its tag expected, found {fields[0]!r} alone")
    if not _TAG.fullmatch(fields[-1]):
        raise CorpusError(
            f"{place}: the last column must be an IOB tag (O, B-LABEL, I-LABEL or -), "
            f"not {fields[-1]!r}"
        )
    return fields[-1]


def _doc(vocab: Vocab, columns: Columns) -> Doc:
    tags = ["" if tag == MISSING else tag for tag in columns.tags]
    if tags[0].startswith("I-"):  # Doc reads IOB1 everywhere but on the first token.
        tags[0] = "B" + tags[0][1:]
    return Doc(vocab, words=columns.words, ents=tags, sent_starts=columns.sent_starts)
