"""Documents a second against accuracy, a point for each system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PROJECT, PEER = "#c0392b", "#34495e"
DOTS_PER_INCH = 150
# The least distance between two labels, as a share of the range of accuracies.
LABEL_HEIGHT = 0.05


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw the rows of the speed section. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    axes.set(xscale="log", ylabel="accuracy, %", xlabel="documents a second, one thread")
    points = sorted(_points(rows), key=lambda point: (point[2], point[1]))
    accuracies = [accuracy for _, _, accuracy in points]
    gap = LABEL_HEIGHT * max(max(accuracies, default=0) - min(accuracies, default=0), 1)
    height = float("-inf")
    for row, speed, accuracy in points:
        height = max(accuracy, height + gap)
        colour = PROJECT if row["name"].startswith("brnn") else PEER
        fill = "none" if row["published"] else colour
        axes.scatter(speed, accuracy, s=60, color=colour, facecolor=fill, zorder=3)
        label = row["title"].strip("*") + (" (accuracy: published)" if row["published"] else "")
        right = speed < 10
        beside = speed * (1.2 if right else 1 / 1.2)
        axes.text(
            beside, height, label, fontsize=8, color=colour, va="center",
            ha="left" if right else "right",
        )  # fmt: skip
    for row in rows:
        speed = _speed(row)
        if row["name"] == "tokenizer" and speed:
            axes.axvline(speed, color=PEER, linestyle="--", linewidth=1, zorder=1)
            axes.text(
                speed, 1.01, row["title"], fontsize=8, color=PEER, ha="center",
                transform=axes.get_xaxis_transform(),
            )  # fmt: skip
    axes.margins(x=0.1, y=0.15)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=DOTS_PER_INCH)
    pyplot.close(figure)


def _points(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], float, float]]:
    """Of each system that has both: its row, documents a second, accuracy in percent."""
    found = []
    for row in rows:
        accuracy = row["published"]["accuracy"] if row["published"] else row["accuracy"]
        speed = _speed(row)
        if accuracy is not None and speed is not None:
            found.append((row, speed, 100 * accuracy))
    return found


def _speed(row: dict[str, Any]) -> float | None:
    figure = row["processes_1"]["documents_per_second"]
    return figure["median"] if figure else None
