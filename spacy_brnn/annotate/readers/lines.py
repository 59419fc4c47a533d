"""The lines of a file, as the formats with a record per line read them."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator

from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.streams import InputStream, OversizeLine


def numbered_lines(stream: InputStream, start: Start) -> Iterator[tuple[int, bytes, str | None]]:
    """Yield each line's number, the line without a byte order mark, and what is wrong with it.

    Of a line that is too long there is only the head.
    """
    stream.skip_to(start.offset)
    number = start.number
    while True:
        try:
            line, problem = stream.readline(), None
        except OversizeLine as error:
            line, problem = error.head, str(error)
        if not line:
            return
        if number == 1 and problem is None:
            line = line.removeprefix(BOM_UTF8)
        yield number, line, problem
        number += 1
