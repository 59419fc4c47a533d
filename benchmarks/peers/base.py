"""What every system that is measured has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TRAINED = ROOT / "training" / "benchmarks"


class Unavailable(Exception):
    """Why a system cannot be measured here, for its row in the table."""


@dataclass(frozen=True)
class Published:
    """An accuracy that was not measured here, and where it comes from."""

    accuracy: float
    source: str


class System(ABC):
    """A system under measurement. Making one is cheap: what it needs comes in with load().

    name: for --systems, and of its folder of trained weights.
    title: for tables and the plot.
    """

    # A slow system is timed on so many documents of each round at most.
    most_documents: int | None = None
    # Instead of a measured accuracy.
    published: Published | None = None
    gives_sentiment = True
    # Only its load time is of interest.
    load_only = False
    # Only how fast it trains is of interest.
    training_only = False
    # It cannot be run by two processes.
    one_process_only = False
    # What a reader of its row should know.
    notes: tuple[str, ...] = ()
    # `python -m benchmarks train` makes what it loads.
    needs_training = False
    # It has its row among the trainings.
    times_training = False
    # It has its rows among the documents of different lengths.
    times_length = False

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title

    @property
    def folder(self) -> Path:
        """Where `python -m benchmarks train` puts what it makes."""
        return TRAINED / self.name

    @abstractmethod
    def load(self) -> None:
        """Import and load all that scoring needs. Raises Unavailable, or ImportError."""

    def prepare(self) -> None:  # noqa: B027
        """Do after load() what is not part of loading."""

    @abstractmethod
    def score_all(self, texts: list[str], processes: int = 1) -> list[float]:
        """One score for each text, in order, by so many processes: above 0 is positive."""

    @abstractmethod
    def score_one(self, text: str) -> float:
        """Score one text, the shortest way."""

    def detail(self) -> str | None:
        """What its row should say that is known only after load()."""
        return None

    def size(self) -> int | None:
        """Bytes on disk of the weights or the lexicon; call it after load()."""
        return None

    def train(
        self, train: Path, dev: Path, output: Path | None, limit: int | None = None
    ) -> dict[str, Any]:
        """Train on a DocBin file.

        output: the folder to save to, if at all.
        limit: stop after so many documents.
        RETURNS: Clock.figures(), and "dev_accuracy" where there is one.
        """
        raise Unavailable("nothing to train")

    def trained(self, path: Path) -> Path:
        """The path, if it is there. Raises Unavailable."""
        if not path.exists():
            raise Unavailable(f"not trained: python -m benchmarks train --systems {self.name}")
        return path


def bytes_below(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
