"""The live line on standard error, or now and then a line in a log."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager

import click
from tqdm import tqdm

from spacy_brnn.annotate.tally import Tally, rate

SECONDS_BETWEEN_LOG_LINES = 10.0


class Progress(AbstractContextManager):
    """Documents, documents/s, share positive; percent and time left where the size is known.

    total: bytes of all inputs, None where that is unknown; at: bytes read by an earlier run.
    On a terminal one line that changes; elsewhere a line every ten seconds.
    """

    def __init__(self, total: int | None, at: int = 0, *, quiet: bool = False) -> None:
        """Show nothing yet."""
        live = sys.stderr.isatty()
        self._logs = not live and not quiet
        self._logged = time.monotonic()
        self._bar = _Bar(
            total=total,
            initial=at,
            disable=quiet,
            file=sys.stderr if live else _Nowhere(),
            leave=False,
            mininterval=0.2,
            bar_format=_LIVE if total else _LIVE_OF_UNKNOWN_SIZE,
            dynamic_ncols=live,
        )

    def show(self, consumed: int, tally: Tally, documents_per_second: float) -> None:
        """Show the state after a batch."""
        words = _words(tally, documents_per_second)
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update(consumed - self._bar.n)
        if self._logs and time.monotonic() - self._logged >= SECONDS_BETWEEN_LOG_LINES:
            self._logged = time.monotonic()
            click.echo(self._log_line(words), err=True)

    def __exit__(self, *error: object) -> None:
        """Take the line away."""
        self._bar.close()

    def _log_line(self, words: str) -> str:
        values = self._bar.format_dict
        if not values["total"]:
            return words
        percent = values["n"] / values["total"]
        left = tqdm.format_meter(**{**values, "bar_format": "{remaining}"})
        return f"{percent:.0%}, {words}, {left} left"


class _Bar(tqdm):
    """Without tqdm's thread, and without its lock: forks share that, so one that is killed while
    it holds it would stop all others for good."""

    monitor_interval = 0
    _lock = threading.RLock()


class _Nowhere:
    """A stream for a bar that nobody sees, but which keeps the time."""

    def write(self, text: str) -> None:
        """Drop the text."""

    def flush(self) -> None:
        """Do nothing."""


_LIVE = "{percentage:3.0f}% |{bar:20}| {remaining} left{postfix}"
_LIVE_OF_UNKNOWN_SIZE = "{elapsed}{postfix}"


def _words(tally: Tally, documents_per_second: float) -> str:
    words = f"{tally.read:,} documents, {rate(documents_per_second)}/s"
    share = tally.share_positive
    return words if share is None else f"{words}, {share:.0%} positive"
