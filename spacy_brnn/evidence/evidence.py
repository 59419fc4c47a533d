"""What `doc._.sentiment.evidence()` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spacy.tokens import Span

from .segments import clauses, sentences

# Clauses that `strongest` gives at most, and the share of all that speaks for them, enough to stop.
MOST_CLAUSES = 3
ENOUGH = 0.6


@dataclass(frozen=True)
class Evidence:
    """What the tokens of a text add to its score.

    Iterates over the tokens in their order as (span, contribution). A contribution above 0
    speaks for `toward`, one below 0 for `against`.

    text: the text, as a span of its document.
    contributions: one per token of the text, on the scale of logits; 0 for white space.
    logit: logit(POSITIVE) - logit(NEGATIVE), or what `toward` and `against` say. The
        contributions and the remainder add up to it.
    remainder: what no token adds: the bias, and what the method leaves unexplained.
    toward, against: the labels at the two ends.
    """

    text: Span
    contributions: tuple[float, ...]
    logit: float
    remainder: float
    toward: str
    against: str

    def __iter__(self) -> Iterator[tuple[Span, float]]:
        return iter(self.tokens)

    def __len__(self) -> int:
        return len(self.contributions)

    @property
    def tokens(self) -> list[tuple[Span, float]]:
        """Each token and what it adds, in the order of the text."""
        doc, start = self.text.doc, self.text.start
        return [(doc[start + i : start + i + 1], c) for i, c in enumerate(self.contributions)]

    @property
    def sentences(self) -> list[tuple[Span, float]]:
        """Each sentence and what it adds: the sum over its tokens."""
        return self._sums(sentences)

    @property
    def clauses(self) -> list[tuple[Span, float]]:
        """Each sentence, or clause where a sentence has several, and what it adds."""
        return self._sums(clauses)

    def strongest(self, most: int = MOST_CLAUSES) -> list[tuple[Span, float]]:
        """The clauses that say most for the side that prevails, the strongest first.

        No more than it takes for most of what speaks for that side. The side that prevails is
        that of the logit's sign without the remainder.

        most: clauses at most.
        """
        sign = 1.0 if sum(self.contributions) >= 0 else -1.0
        speaking = [clause for clause in self.clauses if clause[1] * sign > 0]
        speaking.sort(key=lambda clause: -clause[1] * sign)
        total = sum(contribution for _, contribution in speaking)
        chosen: list[tuple[Span, float]] = []
        for clause in speaking[:most]:
            chosen.append(clause)
            if sum(contribution for _, contribution in chosen) * sign >= ENOUGH * total * sign:
                break
        return chosen

    def __str__(self) -> str:
        ends = f"{self.toward} (+) against {self.against} (-)"
        head = f"{ends}: logit {self.logit:+.2f}, of it {self.remainder:+.2f} from no token"
        rows = [f"  {value:+.2f}  {span.text}" for span, value in self.strongest()]
        words = sorted(self.tokens, key=lambda token: -abs(token[1]))[:8]
        named = ", ".join(f"{span.text} {value:+.2f}" for span, value in words)
        return "\n".join([head, *rows, f"  {named}"] if words else [head])

    def _sums(self, cut: Callable[[Span], list[Span]]) -> list[tuple[Span, float]]:
        first = self.text.start
        return [
            (piece, float(sum(self.contributions[piece.start - first : piece.end - first])))
            for piece in cut(self.text)
        ]
