"""Ctrl-C and SIGTERM, at moments when nothing is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """The run was asked to stop; signum: by which signal; read: records done by then."""

    read = 0

    def __init__(self, signum: int) -> None:
        """Keep the signal's number."""
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Interruption:
    """Turns SIGINT and SIGTERM into Interrupted, held back while a batch is being committed."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self._asked: int | None = None
        self._shielded = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take over both signals; outside the main thread, where that cannot be, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {which: signal.signal(which, self._ask) for which in _SIGNALS}
        try:
            yield
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Hold a signal back until the block is done."""
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False
        if self._asked is not None:
            raise Interrupted(self._asked)

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        self._asked = signum
        if not self._shielded:
            raise Interrupted(signum)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
