"""What a run says on standard error, and the process's exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.interruption import Interrupted
from spacy_brnn.annotate.options import STDOUT, AnnotateOptions, Result
from spacy_brnn.annotate.progress import rate
from spacy_brnn.annotate.run import annotate_corpus
from spacy_brnn.annotate.tally import Tally

FAILED = 1
PIPE_CLOSED = 141
SIGNALLED = 128


def annotate_and_report(options: AnnotateOptions) -> int:
    """Run, print the summary or what went wrong, and return the exit status."""
    try:
        result = _engine(options)(options)
    except BrokenPipeError:
        return _pipe_closed()
    except Interrupted as stop:
        _say(f"Stopped by {stop} {_how_far(options, stop.read)}")
        return SIGNALLED + stop.signum
    except AnnotateError as error:
        _say(f"Error: {error}")
        if error.read:
            _say(f"Stopped {_how_far(options, error.read)}")
        return FAILED
    except OSError as error:
        _say(f"Error: {error.filename or options.output}: {error.strerror or error}")
        if Path(f"{options.output}.partial", "checkpoint.json").exists():
            _say("What was done up to the last checkpoint is safe: the same command goes on there")
        return FAILED
    if not options.quiet:
        _say(summary(result))
    return 0


def summary(result: Result) -> str:
    """The final table."""
    tally = result.tally
    rows = [
        ("read", f"{tally.read:,}", ""),
        ("written", f"{tally.written:,}", str(result.output or "")),
        ("rejected", f"{tally.rejected:,}", str(result.rejects or "")),
        *_sentiment_rows(tally),
        ("time", _duration(tally.seconds), f"{rate(tally.documents_per_second)} documents/s"),
    ]
    if result.resumed_at:
        rows.append(("resumed", f"{result.resumed_at:,}", "had been read by earlier runs"))
    width = max(len(value) for _, value, _ in rows)
    return "\n".join(f"{name:<10}{value:>{width}}  {note}".rstrip() for name, value, note in rows)


def _engine(options: AnnotateOptions) -> Callable[[AnnotateOptions], Result]:
    if options.engine == "local":
        return annotate_corpus
    try:
        from spacy_brnn.annotate.ray_engine import annotate_on_ray
    except ImportError:
        raise AnnotateError(
            "--engine ray needs the extra 'ray': pip install 'spacy-brnn[ray]'"
        ) from None
    return annotate_on_ray


def _sentiment_rows(tally: Tally) -> list[tuple[str, str, str]]:
    total = tally.positive + tally.negative + tally.neutral
    counts = {"positive": tally.positive, "negative": tally.negative, "neutral": tally.neutral}
    return [(name, f"{count:,}", f"{count / total:.1%}") for name, count in counts.items() if count]


def _how_far(options: AnnotateOptions, read: int) -> str:
    if options.output == STDOUT or options.engine == "ray":
        return f"after {read:,} records"
    return f"after {read:,} records, which are safe; the same command goes on from there"


def _pipe_closed() -> int:
    # Python flushes standard output once more at exit, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _say("Stopped: standard output was closed")
    return PIPE_CLOSED


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest:.0f} s" if minutes else f"{rest:.1f} s"


def _say(message: str) -> None:
    click.echo(message, err=True)
