"""Points of the curve as lines of JSON, which outlive an interruption; their table and plot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.pretrained import weights

from .systems import SYSTEMS

NAME = "learning_curve"
Row = dict[str, Any]


def weights_hash() -> str:
    """Which weights ship, of which the points of `brnn` are."""
    return hashlib.sha256(
        (weights.folder(weights.DEFAULT) / weights.FILE_NAME).read_bytes()
    ).hexdigest()[:12]


def point(name: str, size: int, system: str, seed: int) -> Row:
    """What tells a point from others."""
    what = {"set": name, "size": size, "system": system, "seed": seed}
    return {**what, "weights": weights_hash()} if system == "brnn" else what


class Results:
    """The points in a file, learning_curve.jsonl.

    Those of weights that ship no more are kept there, and not shown.
    Raises CorpusError for a file of anything else.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{NAME}.jsonl"
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        # The last line may be half one of a run that was killed.
        self._whole = [line for line in lines if line.endswith(b"\n")]
        try:
            self.all: list[Row] = [json.loads(line) for line in self._whole]
        except ValueError:
            raise CorpusError(f"{self.path} holds no results: move it away") from None

    def holds(self, what: Row) -> bool:
        """Whether the point is measured."""
        return any(what.items() <= row.items() for row in self.all)

    def add(self, row: Row) -> None:
        """Write one more."""
        self.all.append(row)
        self._whole.append(json.dumps(row).encode() + b"\n")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"".join(self._whole))

    def current(self, seed: int) -> list[Row]:
        """The points of systems as they are now."""
        now = weights_hash()
        return [row for row in self.all if row["seed"] == seed and row.get("weights", now) == now]


def as_markdown(rows: Sequence[Row]) -> str:
    """A table: macro F and accuracy in percent, CPU seconds of training and scoring."""
    lines = ["| set | texts | system | macro F | accuracy | CPU s |", "|---|---|---|---|---|---|"]
    order = list(SYSTEMS)
    for row in sorted(rows, key=lambda r: (r["set"], r["size"], order.index(r["system"]))):
        lines.append(
            f"| {row['set']} | {row['size']:,} | {SYSTEMS[row['system']][0]} "
            f"| {row['macro_f']:.1%} | {row['accuracy']:.1%} | {row['cpu_seconds']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[Row], path: Path) -> None:
    """A panel for each set: macro F by labelled texts. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(row["set"] for row in rows))
    sizes = sorted({row["size"] for row in rows})
    columns = min(2, len(names))
    figure, panels = pyplot.subplots(
        -(-len(names) // columns), columns, squeeze=False, sharex=True, layout="constrained",
        figsize=(4.5 * columns, 3.2 * -(-len(names) // columns)),
    )  # fmt: skip
    for axes, name in zip(panels.flat, names, strict=False):
        axes.set(title=name.replace(":", ", "), xscale="log")
        for system, (title, _) in SYSTEMS.items():
            points = [row for row in rows if row["set"] == name and row["system"] == system]
            points.sort(key=lambda row: row["size"])
            axes.plot(
                [row["size"] for row in points], [100 * row["macro_f"] for row in points],
                label=title, **_STYLES[system],
            )  # fmt: skip
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    for axes in panels.flat[len(names) :]:
        axes.set_axis_off()
    figure.supxlabel("labelled texts", fontsize=10)
    figure.supylabel("macro F, %", fontsize=10)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


# Told apart without colours, too.
_STYLES: dict[str, dict[str, Any]] = {
    "brnn": {"color": "#c0392b", "marker": "o", "linewidth": 2.2},
    "bow": {"color": "#1f77b4", "marker": "s", "linestyle": "--"},
    "textcat_bow": {"color": "#7f8c8d", "marker": "^", "linestyle": ":"},
    "textcat_ensemble": {"color": "#2c3e50", "marker": "D", "linestyle": "-."},
}
