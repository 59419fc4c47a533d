"""How many documents a training takes in a second, its evaluations not counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any


class Enough(Exception):
    """Raised in the midst of a training that has seen as many documents as were asked for."""


@dataclass
class Clock:
    """Counts the documents between the beginnings of steps; the first step warms up.

    limit: raise Enough after so many documents.
    """

    limit: int | None = None
    documents: int = 0
    seconds: float = 0.0
    _steps: int = 0
    _since: float = 0.0
    _pending: int = 0

    def step(self, documents: int) -> None:
        """Take note that a step over so many documents begins."""
        now = perf_counter()
        if self._steps > 1:
            self.documents += self._pending
            self.seconds += now - self._since
        if self.limit is not None and self.documents >= self.limit:
            raise Enough
        self._steps += 1
        self._since, self._pending = now, documents

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count what is done inside."""
        started = perf_counter()
        try:
            yield
        finally:
            self._since += perf_counter() - started

    def pausing(self, function: Callable) -> Callable:
        """The same function, not counted."""

        def paused(*args: Any, **kwargs: Any) -> Any:
            with self.paused():
                return function(*args, **kwargs)

        return paused

    def figures(self) -> dict[str, float | None]:
        """What was counted, for the report; None per second where it was too short."""
        rate = self.documents / self.seconds if self.seconds else None
        return {
            "documents": self.documents,
            "seconds": self.seconds,
            "documents_per_second": rate,
        }
