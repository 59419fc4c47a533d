"""What a run says on standard error, and the process's exit status."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from spacy_brnn.annotate.plan import STDOUT, AnnotateOptions, Result
from spacy_brnn.annotate.records import AnnotateError, RecordError, one_line
from spacy_brnn.annotate.run import Interrupted, annotate_corpus
from spacy_brnn.annotate.sources import STDIN
from spacy_brnn.annotate.tally import rate, shown_label

FAILED = 1
PIPE_CLOSED = 141
SIGNALLED = 128


def annotate_and_report(options: AnnotateOptions) -> int:
    """Run, print the summary or what went wrong, and return the exit status."""
    try:
        with _warnings_in_one_line():
            result = _engine(options)(options)
    except BrokenPipeError:
        return _pipe_closed()
    except Interrupted as stop:
        _say(f"Stopped by {stop} {_how_far(options, stop)}")
        return SIGNALLED + stop.signum
    except AnnotateError as error:
        _say(f"Error: {error}")
        if error.read:
            _say(f"Stopped {_how_far(options, error)}")
        return FAILED
    except OSError as error:
        _say(f"Error: {error.filename or options.output}: {error.strerror or error}")
        if options.partial_path.exists():
            _say("What was done is safe: the same command goes on there")
        return FAILED
    if not result.tally.read:
        _say(f"Warning: no record in {_shown(options.inputs)}: nothing was annotated")
    if not options.quiet:
        _say(summary(result))
    for one in result.tally.unread:
        _say(f"Error: {one['place']}: {one['reason']}; the output lacks what follows there")
    return FAILED if result.tally.unread else 0


def summary(result: Result) -> str:
    """The final table."""
    tally = result.tally
    labels = [
        (shown_label(name), f"{count:,}", f"{share:.1%}")
        for name, (count, share) in tally.shares().items()
    ]
    held = [
        (name, f"{count:,}", f"holds for {share:.1%}")
        for name, (count, share) in tally.shares_held().items()
    ]
    rows = [
        ("read", f"{tally.read:,}", ""),
        ("written", f"{tally.written:,}", str(result.output or "")),
        ("rejected", f"{tally.rejected:,}", str(result.rejects or "")),
        *labels,
        *held,
        ("time", _duration(tally.seconds), f"{rate(tally.documents_per_second)} documents/s"),
    ]
    if result.resumed_at:
        rows.append(("resumed", f"{result.resumed_at:,}", "had been read by earlier runs"))
    names = max(9, *(len(name) for name, _, _ in rows))
    width = max(len(value) for _, value, _ in rows)
    return "\n".join(
        f"{name:<{names}} {value:>{width}}  {note}".rstrip() for name, value, note in rows
    )


def _engine(options: AnnotateOptions) -> Callable[[AnnotateOptions], Result]:
    if options.engine == "local":
        return annotate_corpus
    try:
        from spacy_brnn.annotate.cluster import annotate_on_ray
    except ImportError:
        raise AnnotateError(
            "--engine ray needs the extra 'ray': pip install 'spacy-brnn[ray]'"
        ) from None
    return annotate_on_ray


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Say a warning once and in one line, without the place in the code that it comes from."""
    said: set[str] = set()

    def say(message: Warning | str, *where: object) -> None:
        line = one_line(message)
        if line not in said:
            said.add(line)
            _say(f"Warning: {line}")

    with warnings.catch_warnings():
        warnings.showwarning = say  # type: ignore[assignment]
        yield


def _shown(inputs: Sequence[str]) -> str:
    return ", ".join("standard input" if name == STDIN else name for name in inputs)


def _how_far(options: AnnotateOptions, stop: AnnotateError | Interrupted) -> str:
    if not stop.read:
        return "before a record was written"
    if options.output == STDOUT:
        return f"after {stop.read:,} records"
    way = "the same command goes on from there"
    if isinstance(stop, RecordError):
        way = f"with --errors skip {way}; when the input is mended, add --restart"
    return f"after {stop.read:,} records, which are safe; {way}"


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
