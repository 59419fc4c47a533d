"""The report in Markdown, from what the JSON report holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
NOTHING = "–"


def as_markdown(report: dict[str, Any]) -> str:
    """Render all sections that were measured."""
    sections = [_heading(report["machine"], report["run"])]
    if rows := report.get("speed"):
        sections += [_speed(rows, report["run"]), _notes(rows)]
    if rows := report.get("training"):
        sections.append(_training(rows, report["run"]))
    if rows := report.get("lengths"):
        sections.append(_lengths(rows))
    return "\n\n".join(section for section in sections if section) + "\n"


def _heading(machine: Row, run: Row) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    flags = ", ".join(machine["flags"]) or "no flags"
    lines = [
        "# Speed, side by side",
        "",
        f"    {run['command']}",
        "",
        f"- {machine['cpu']}, {machine['cores']} cores ({flags}), "
        f"{machine['memory_gigabytes']} GB of memory, load average {machine['load_average']} at "
        f"the start; {machine['system']}",
        f"- Python {machine['python']}; {packages}",
        f"- {machine['date']}, commit {machine['commit']}",
        f"- {run['documents']:,} documents ({run['tokens']:,} tokens of spaCy's) of "
        f"`{run['source']}`, {run['threads']} thread(s) a process",
    ]
    return "\n".join(lines)


def _speed(rows: list[Row], run: Row) -> str:
    head = (
        "system", "accuracy", "documents/s", "tokens/s", "of the tokenizer",
        "documents/s, 2 processes", "peak MB", "size MB", "load s", "latency ms",
    )  # fmt: skip
    text = [
        "## Annotation",
        "",
        f"Text in, score out. Each system in a process of its own, warmed up on "
        f"{run['warmup']} documents, then timed in {run['rounds']} rounds of "
        f"{run['documents_per_round']} documents that it has not seen, one system at a time, the "
        "order rotated: medians of the rounds. *Of the tokenizer*: tokens/s as a share of those "
        "of spaCy's tokenizer in the same round. Two processes are started anew for each pass, in "
        "its time. *Peak*: the most resident memory (RSS) that the one process had. *Load*: "
        "from before the first import to the first result, in a fresh process. *Latency*: one "
        "sentence of 11 words, above the tokenizer's.",
        "",
        *_table(head, [_speed_cells(row, len(head)) for row in rows]),
    ]
    return "\n".join(text)


def _speed_cells(row: Row, width: int) -> list[str]:
    if row["problem"]:
        return [row["title"], row["problem"], *[""] * (width - 2)]
    one, two = row["processes_1"], row["processes_2"]
    return [
        row["title"],
        _accuracy(row),
        _median(one["documents_per_second"], _rate),
        _median(one["tokens_per_second"], _rate),
        _median(row["share_of_tokenizer"], lambda share: f"{share:.3g}"),
        _median(two["documents_per_second"], _rate)
        + _median(row["gain_of_2_processes"], _gain, ""),
        _megabytes(row["peak_bytes"], 0),
        _megabytes(row["size_bytes"], 1),
        _median(row["load_seconds"], lambda seconds: f"{seconds:.2f}"),
        _number(row["latency_above_tokenizer_seconds"], lambda seconds: f"{seconds * 1e3:.2f}"),
    ]


def _accuracy(row: Row) -> str:
    if row["published"]:
        published = row["published"]
        return f"{published['accuracy']:.1%} (published, {published['source']})"
    return _number(row["accuracy"], lambda share: f"{share:.2%}")


def _notes(rows: list[Row]) -> str:
    most = max((row["documents_per_round"] or 0 for row in rows), default=0)
    measured = [row for row in rows if not row["problem"]]
    notes = [_beside_peers(row, rows) for row in measured if row["name"].startswith("brnn")]
    for row in measured:
        if row["documents_per_round"] and row["documents_per_round"] < most:
            notes.append(f"- {row['title']}: {row['documents_per_round']} documents a round")
        notes += [f"- {row['title']}: {note}" for note in row["notes"]]
    return "\n".join(notes)


def _beside_peers(row: Row, rows: list[Row]) -> str:
    """How many times as fast as each other system, by tokens/s as a share of the tokenizer's."""
    share = row["share_of_tokenizer"]
    others = [other for other in rows if other is not row and other["share_of_tokenizer"]]
    if not share or not others:
        return f"- {row['title']}: not measured beside others"
    times = (
        f"{share['median'] / other['share_of_tokenizer']['median']:.3g} times {other['title']}"
        for other in others
    )
    return f"- {row['title']}, tokens/s: {', '.join(times)}"


def _training(rows: list[Row], run: Row) -> str:
    head = ("system", "documents/s", "full training", "dev accuracy")
    cells = [
        [
            row["title"],
            row.get("problem") or _number(row.get("documents_per_second"), _rate),
            _number(_full(row, "seconds_in_all"), lambda seconds: f"{seconds / 60:.1f} min"),
            _number(_full(row, "dev_accuracy"), lambda share: f"{share:.1%}"),
        ]
        for row in rows
    ]
    text = [
        "## Training",
        "",
        f"Documents a second over {run['train_documents']:,} documents of the train split, after "
        "the first step, without evaluations; one run each. *Full training*: the last "
        "`python -m benchmarks train`, with its evaluations.",
        "",
        *_table(head, cells),
    ]
    return "\n".join(text)


def _full(row: Row, name: str) -> float | None:
    return (row["full"] or {}).get(name)


def _lengths(rows: list[Row]) -> str:
    head = ("tokens a document", "documents", "system", "microseconds a token", "peak MB")
    cells = [
        [
            f"{row['tokens']:,}",
            f"{row['documents']:,}",
            row["title"],
            row.get("problem") or f"{row['microseconds_per_token']:.2f}",
            _megabytes(row.get("peak_bytes"), 0),
        ]
        for row in rows
    ]
    text = [
        "## Cost against size",
        "",
        "Reviews joined to one text, which is cut into documents of so many tokens: the same words "
        "at each length. Each in a fresh process, the quickest of the rounds; `nlp.max_length` "
        "raised.",
        "",
        *_table(head, cells),
    ]
    return "\n".join(text)


def _table(head: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = [list(head), ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _median(figure: Row | None, shown: Callable[[float], str], nothing: str = NOTHING) -> str:
    return shown(figure["median"]) if figure else nothing


def _number(value: float | None, shown: Callable[[float], str]) -> str:
    return NOTHING if value is None else shown(value)


def _gain(value: float) -> str:
    return f" ({value:.2f} times one)"


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _megabytes(value: int | None, digits: int) -> str:
    return _number(value, lambda number: f"{number / 1e6:,.{digits}f}")
