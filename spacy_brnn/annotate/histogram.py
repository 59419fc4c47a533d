"""The distribution of polarity as a picture: an SVG between two lines of text."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 820, 180
TICKS = ("-1", "-0.5", "0", "0.5", "1")


def histogram_figure(counts: Sequence[int]) -> str:
    """Bars for equal bins of polarity from -1 to 1, each with its numbers as a tooltip.

    The bars stretch with the page, the text around them does not.
    """
    most = max(counts, default=0) or 1
    bars = "".join(_bar(index, count, most, len(counts)) for index, count in enumerate(counts))
    ticks = "".join(f"<span>{tick}</span>" for tick in TICKS)
    label = f"Documents by polarity; the fullest bin holds {most:,}"
    return (
        f"<figure><div>{most:,} documents</div>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{bars}</svg>'
        f'<div class="ticks">{ticks}</div></figure>'
    )


def _bar(index: int, count: int, most: int, bins: int) -> str:
    step = WIDTH / bins
    # A single document among millions still shows.
    height = max(HEIGHT * count / most, 1.5) if count else 0
    low, high = -1 + 2 * index / bins, -1 + 2 * (index + 1) / bins
    side = "negative" if high <= 0 else "positive" if low >= 0 else "neutral"
    return (
        f'<rect class="{side}" x="{index * step + 1:.1f}" width="{step - 2:.1f}" '
        f'y="{HEIGHT - height:.1f}" height="{height:.1f}">'
        f"<title>{low:.2f} to {high:.2f}: {count:,} documents</title></rect>"
    )
