"""Scores as a table to print."""

from __future__ import annotations

from collections.abc import Sequence

from .scores import Scores

MOST_CONFUSIONS = 5


def table(scores: Scores, beside: Sequence[tuple[str, Scores]] = ()) -> str:
    """Precision, recall and F of each label, the commonest confusions, and baselines beside."""
    rows: list[tuple[str, ...]] = [("label", "precision", "recall", "F", "texts")]
    for label, found in scores.by_label.items():
        if found.texts:
            percents = map(_percent, (found.precision, found.recall, found.f))
            rows.append((label, *percents, f"{found.texts:,}"))
        else:
            rows.append((label, "", "", "", "0"))
    parts = [_align(rows)]
    wrong = [(pair, n) for pair, n in scores.confusions.most_common() if pair[0] != pair[1]]
    if wrong:
        most = wrong[:MOST_CONFUSIONS]
        lines = [f"{true} taken for {guess}  {n:,}" for (true, guess), n in most]
        parts.append("\n".join(lines))
    right = "accuracy" if scores.exclusive else "all labels right"
    totals: list[tuple[str, ...]] = [
        ("", right, "macro F") if scores.exclusive else ("", right, "micro F", "macro F")
    ]
    for name, of_model in [("this model", scores), *beside]:
        micro = () if of_model.exclusive else (_percent(of_model.micro_f),)
        totals.append((name, _percent(of_model.accuracy), *micro, _percent(of_model.macro_f)))
    parts.append(_align(totals))
    return "\n\n".join(parts)


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _align(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
