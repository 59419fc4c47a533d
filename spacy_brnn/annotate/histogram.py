"""The distribution of polarity as an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 800, 220
TOP, BOTTOM = 18, 24
TICKS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def histogram_svg(counts: Sequence[int]) -> str:
    """Bars for equal bins of polarity from -1 to 1, each with its numbers as a tooltip."""
    most = max(counts, default=0) or 1
    bars = "".join(_bar(index, count, most, len(counts)) for index, count in enumerate(counts))
    ticks = "".join(_tick(value) for value in TICKS)
    label = f"Documents by polarity; the fullest bin holds {most:,}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{TOP}" y2="{TOP}"/>'
        f'<text class="tick" x="0" y="{TOP - 5}">{most:,} documents</text>'
        f"{bars}"
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
        f"{ticks}</svg>"
    )


def _bar(index: int, count: int, most: int, bins: int) -> str:
    step = WIDTH / bins
    height = (HEIGHT - TOP - BOTTOM) * count / most
    # A single document among millions still shows.
    height = max(height, 1.5) if count else 0
    low, high = -1 + 2 * index / bins, -1 + 2 * (index + 1) / bins
    side = "negative" if high <= 0 else "positive"
    return (
        f'<rect class="{side}" x="{index * step + 1:.1f}" width="{step - 2:.1f}" '
        f'y="{HEIGHT - BOTTOM - height:.1f}" height="{height:.1f}">'
        f"<title>{low:.2f} to {high:.2f}: {count:,} documents</title></rect>"
    )


def _tick(value: float) -> str:
    anchor = {-1.0: "start", 1.0: "end"}.get(value, "middle")
    x = (value + 1) / 2 * WIDTH
    return (
        f'<text class="tick" x="{x:.0f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{value:g}</text>'
    )
