"""The command line: `python -m benchmarks`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .client import Problem
from .length import LENGTHS
from .peers import SYSTEMS
from .run import Options, run, tell
from .training import train_fully

SECTIONS = ("speed", "training", "lengths")
NEED_TRAINING = tuple(name for name, system in SYSTEMS.items() if system.needs_training)
FILE = click.Path(dir_okay=False, path_type=Path)
COUNT = click.IntRange(min=1)


class Names(click.ParamType):
    """Names out of a few, separated by commas."""

    name = "a,b,c"

    def __init__(self, *known: str) -> None:
        self.known = known

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Split and check."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        unknown = [name for name in names if name not in self.known]
        if unknown or not names:
            self.fail(f"{', '.join(unknown) or 'nothing'} is none of {', '.join(self.known)}")
        return tuple(dict.fromkeys(names))


def _option(name: str, kind: Any, default: Any, text: str) -> Any:
    return click.option(name, type=kind, default=default, show_default=True, help=text)


def _corpus(split: str) -> Path:
    return Path("corpus", f"{split}.spacy")


@click.group(
    invoke_without_command=True,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Systems: {', '.join(SYSTEMS)}.",
)
@_option("--docbin", FILE, _corpus("dev"), "The documents, with their cats.")
@_option("--jsonl", FILE, None, 'The documents instead, with "text" and perhaps "label".')
@_option("--limit", COUNT, None, "Only so many documents.")
@_option("--rounds", COUNT, 9, "speed: each has its own documents; lengths: the best counts.")
@_option("--warmup", COUNT, 100, "Documents read before the clock runs.")
@_option("--loads", COUNT, 3, "Fresh processes that the load time is measured in.")
@_option("--systems", Names(*SYSTEMS), ",".join(SYSTEMS), "The tokenizer always takes part.")
@_option("--sections", Names(*SECTIONS), ",".join(SECTIONS), "What to measure.")
@_option("--train", FILE, _corpus("train"), "What trainings are timed on.")
@_option("--train-documents", COUNT, 2000, "How long each training is timed.")
@_option("--longest", click.IntRange(min=min(LENGTHS)), max(LENGTHS), "Tokens of a document.")
@_option("--threads", COUNT, 1, "Threads of each process.")
@_option(
    "--output",
    click.Path(file_okay=False, path_type=Path),
    Path("benchmarks", "report"),
    "Folder of report.md, report.json and report.png.",
)
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Measure the project and its peers side by side, and write a report.

    A system that is not installed or not trained has a row that says so.
    """
    if context.invoked_subcommand is None:
        try:
            run(Options(**options))
        except OSError as error:
            raise click.ClickException(str(error)) from None
        click.echo(options["output"] / "report.md")


@main.command()
@_option("--systems", Names(*NEED_TRAINING), ",".join(NEED_TRAINING), "What to train.")
@_option("--train", FILE, _corpus("train"), "Train split.")
@_option("--dev", FILE, _corpus("dev"), "Dev split.")
@_option("--threads", COUNT, 1, "Threads of each process.")
def train(systems: tuple[str, ...], train: Path, dev: Path, threads: int) -> None:
    """Train the peers that need it, into training/benchmarks."""
    for path in (train, dev):
        if not path.exists():
            raise click.ClickException(f"{path} is not there: `spacy project run convert`")
    failed = []
    for name in systems:
        tell(f"training: {name}")
        try:
            record = train_fully(SYSTEMS[name], train, dev, threads)
        except Problem as problem:
            failed.append(f"{name}: {problem}")
            continue
        shown = ("documents_per_second", "dev_accuracy", "seconds_in_all")
        figures = (f"{key} {record[key]:.4g}" for key in shown if record.get(key) is not None)
        click.echo(f"{name}: {', '.join(figures)}")
    if failed:
        raise click.ClickException("; ".join(failed))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
