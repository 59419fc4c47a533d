"""The memory of `spacy-brnn annotate` by the size of the corpus.

    python -m benchmarks.annotate_memory REVIEWS.jsonl --megabytes 10 --megabytes 1000

Repeats the reviews, each time with new words in them, up to each size, annotates that corpus in a
process of its own, and prints the highest resident memory that any of its processes reached.
Linux only: it reads /proc.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.mistakes import told_in_a_line
from spacy_brnn.corpora.jsonl import read_objects, read_text

NEW_WORDS = 8
SECONDS_BETWEEN_LOOKS = 0.5


@click.command()
@click.argument("reviews", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--megabytes", type=int, multiple=True, default=(10, 100, 1000), show_default=True)
@click.option(
    "--padding",
    type=int,
    default=0,
    show_default=True,
    help="Bytes of another field in every record: a large corpus in less time.",
)
@click.option("--model", help="As for `spacy-brnn annotate`.")
@click.option("--n-process", type=int, default=2, show_default=True)
def main(
    reviews: Path, megabytes: tuple[int, ...], padding: int, model: str | None, n_process: int
) -> None:
    """Print one line of Markdown for each size."""
    with told_in_a_line():
        texts = list(read_objects(reviews, read_text, "text"))
    if not texts:
        raise click.ClickException(f"{reviews} is empty")
    click.echo("| corpus, MB | documents | documents/s | parent, MB | highest worker, MB |")
    click.echo("|---|---|---|---|---|")
    for size in megabytes:
        with tempfile.TemporaryDirectory() as folder:
            documents = _write_corpus(texts, Path(folder, "in.jsonl"), size * 1_000_000, padding)
            click.echo(_measure(size, documents, Path(folder), model, n_process))


def _measure(size: int, documents: int, folder: Path, model: str | None, n_process: int) -> str:
    command = [
        sys.executable, "-c", "from spacy_brnn.cli import main; main()", "annotate",
        str(folder / "in.jsonl"), "-o", str(folder / "out.jsonl"),
        "--n-process", str(n_process), "--quiet",
    ]  # fmt: skip
    started = time.monotonic()
    process = subprocess.Popen(command + (["--model", model] if model else []))
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for pid in [process.pid, *_descendants(process.pid)]:
            peaks[pid] = max(peaks.get(pid, 0), _peak_kilobytes(pid))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        raise SystemExit(process.returncode)
    rate = documents / (time.monotonic() - started)
    parent = peaks.pop(process.pid) / 1000
    worker = max(peaks.values(), default=0) / 1000
    return f"| {size:,} | {documents:,} | {rate:,.0f} | {parent:,.0f} | {worker:,.0f} |"


def _write_corpus(texts: list[str], target: Path, size: int, padding: int) -> int:
    documents = written = 0
    with target.open("w", encoding="ascii") as corpus:
        while written < size:
            # A vocabulary that never stops growing, as that of a real corpus does.
            new = " ".join(f"word{documents}x{i}" for i in range(NEW_WORDS))
            text = f"{texts[documents % len(texts)]} {new}"
            record = {"id": documents, "text": text, "padding": "x" * padding}
            written += corpus.write(json.dumps(record) + "\n")
            documents += 1
    return documents


def _descendants(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [
            child for thread in threads for child in (thread / "children").read_text().split()
        ]
    except OSError:
        return []
    found = [int(child) for child in children]
    return found + [below for child in found for below in _descendants(child)]


def _peak_kilobytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) if lines else 0


if __name__ == "__main__":
    main()
