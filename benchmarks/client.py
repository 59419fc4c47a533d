"""The near end of a worker process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from tempfile import TemporaryFile
from threading import Timer
from typing import Any

from .machine import ROOT

SECONDS_LIMIT = 3600.0
THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip


class Problem(Exception):
    """Why a system could not do what it was asked."""


class Worker:
    """A system in a process of its own, on the CPU, with its threads limited.

    show: let what it prints through, rather than keep its last line for an error.
    """

    def __init__(self, system: str, threads: int, show: bool = False) -> None:
        environment = dict.fromkeys(THREAD_SETTINGS, str(threads))
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment |= {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join(paths)}
        self._log = None if show else TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", system],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Ask, and wait for the answer. Raises Problem."""
        timer = Timer(SECONDS_LIMIT, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise Problem(f"ended with status {self._process.wait()}{self._last_words()}")
        reply = json.loads(line)
        if "problem" in reply:
            raise Problem(reply["problem"])
        return reply

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        if self._log is not None:
            self._log.close()

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return f": {lines[-1]}" if lines else ""
