"""VADER, by its own package."""

from __future__ import annotations

from pathlib import Path

from .base import System, bytes_below
from .forked import score_by_processes


class Vader(System):
    """`SentimentIntensityAnalyzer`, which takes no batches."""

    def load(self) -> None:
        """Read the lexicon."""
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        self.analyzer = SentimentIntensityAnalyzer()

    def score_all(self, texts: list[str], processes: int = 1) -> list[float]:
        """The compound score of each text."""
        if processes > 1:
            return score_by_processes(self.score_all, texts, processes)
        return [self.score_one(text) for text in texts]

    def score_one(self, text: str) -> float:
        """The compound score."""
        return self.analyzer.polarity_scores(text)["compound"]

    def size(self) -> int:
        """The lexicons of words and emoji."""
        import vaderSentiment

        folder = Path(vaderSentiment.__file__).parent
        return sum(bytes_below(path) for path in folder.glob("*lexicon*.txt"))
