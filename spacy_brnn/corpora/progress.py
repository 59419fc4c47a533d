"""A progress bar on standard error that shows documents per second and the time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click


@contextmanager
def document_progress(
    label: str, length: int, file: TextIO | None = None
) -> Iterator[Callable[[int], None]]:
    """Show a bar of `length` steps; call what this yields once per document, with its steps.

    Where `file` (standard error by default) is no terminal, the label is all that is printed.
    """
    start, documents = time.monotonic(), 0

    def rate(_: object) -> str:
        return f"{documents / max(time.monotonic() - start, 1e-9):,.0f} docs/s"

    with click.progressbar(
        length=length,
        label=label,
        file=file or sys.stderr,
        item_show_func=rate,
        update_min_steps=max(1, length // 1000),
    ) as bar:

        def advance(steps: int) -> None:
            nonlocal documents
            documents += 1
            bar.update(steps)

        yield advance
        bar.finish()
        bar.render_progress()
