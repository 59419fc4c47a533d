"""What `train`, `evaluate` and `convert csv` say, and how they fail."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..corpora.errors import CorpusError
from ..corpora.staging import check_keeps_input
from ..loading import allow_long_texts, load_named_pipeline
from .labels import LabelError, LabelReader, Scale, parse_polarity
from .texts import (
    Fields,
    Texts,
    blank_pipeline,
    check_lengths,
    counted,
    make_docs,
    read_texts,
)

if TYPE_CHECKING:
    from .run import Prepared, Trained


def train_and_report(
    *, file: str, output: Path, polarities: Iterable[str], quiet: bool, **options: Any
) -> None:
    """Train, and print the table. Raises click.ClickException for what the user can mend."""
    from .run import TrainOptions, prepare, train

    with _plain_errors():
        fields = _take_fields(options)
        given = dict(map(parse_polarity, polarities))
        run = TrainOptions(file=file, output=output, fields=fields, polarities=given, **options)
        prepared = prepare(run)
        _say_notes(prepared.notes)
        if not quiet:
            _say(_what_is_read(prepared))
        trained = train(run, prepared, io.StringIO() if quiet else sys.stderr)
    click.echo(_summary(trained))
    if not quiet:
        _say(_how_to_use(run.output, run.workings, fields))


def evaluate_and_report(*, model: str, file: str, as_json: bool, **options: Any) -> None:
    """Score a pipeline on a file, and print the table."""
    from .prediction import categorizer_of, is_exclusive, labels_of, predict_texts
    from .scores import score
    from .table import table

    with _plain_errors():
        fields = _take_fields(options)
        nlp = load_named_pipeline(model)
        allow_long_texts(nlp)
        texts = read_texts(file, fields)
        check_lengths(nlp, texts.texts, f"{model} reads")
        _, component = categorizer_of(nlp, texts.counts())
        labels, exclusive = labels_of(component), is_exclusive(component)
        _check_known(texts, labels, exclusive, model)
        _say_notes(texts.notes)
        predicted = predict_texts(nlp, labels, (text.text for text in texts.texts))
        scores = score(texts.texts, predicted, labels, exclusive=exclusive)
    if as_json:
        pairs = [[*pair, count] for pair, count in scores.confusions.most_common()]
        click.echo(json.dumps({**asdict(scores), "confusions": pairs}, indent=2))
    else:
        click.echo(table(scores))


def convert_and_report(*, file: str, output: Path, lang: str, **options: Any) -> None:
    """Write a DocBin, and print how many documents it has."""
    from ..corpora.docbin import write_docbin

    with _plain_errors():
        check_keeps_input(file, output)
        nlp = blank_pipeline(lang)
        texts = read_texts(file, _take_fields(options))
        check_lengths(nlp, texts.texts)
        output.parent.mkdir(parents=True, exist_ok=True)
        write_docbin(make_docs(nlp, texts.texts, texts.labels), output)
    _say_notes(texts.notes)
    _say(f"{output}: {len(texts.texts):,} documents with the labels {', '.join(texts.labels)}")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What the user can mend as one line, not as a traceback."""
    try:
        yield
    except (CorpusError, LabelError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from None


def _take_fields(options: dict[str, Any]) -> Fields:
    scale = options.pop("scale")
    reader = LabelReader(Scale.parse(scale) if scale else None, options.pop("label_delimiter"))
    return Fields(
        text=options.pop("text_field"),
        label=options.pop("label_field"),
        input_format=options.pop("input_format"),
        reader=reader,
        **{name: options.pop(name) for name in ("encoding", "delimiter", "header", "quotes")},
    )


def _check_known(texts: Texts, labels: list[str], exclusive: bool, model: str) -> None:
    unknown = sorted(texts.counts().keys() - set(labels))
    if unknown:
        raise CorpusError(
            f"{model} has the labels {', '.join(labels)}, and none called {', '.join(unknown)}; "
            "rename them, or train a model of these labels"
        )
    if exclusive and not texts.exclusive:
        raise CorpusError(f"{model} gives each text one label, but these texts have several")


def _what_is_read(prepared: Prepared) -> str:
    kind = "one a text" if prepared.exclusive else "several a text"
    return (
        f"{len(prepared.train):,} texts to train on, {len(prepared.dev):,} to check with; "
        f"{counted(len(prepared.labels), 'label')}, {kind}: {', '.join(prepared.labels)}"
    )


def _summary(trained: Trained) -> str:
    from .table import table

    texts = f"On the {trained.scores.texts:,} texts kept to check with:"
    summary = f"{texts}\n\n{table(trained.scores, trained.beside)}"
    if trained.fitted_to_all:
        summary += (
            "\n\nNo step of training was better than the regression that it starts from, which was "
            "then\nfitted to all texts, those kept to check with too."
        )
    return summary


def _how_to_use(output: Path, workings: Path, fields: Fields) -> str:
    return (
        f"\nTo use it:    spacy-brnn annotate FILE --text-field {fields.text} --model {output} "
        f'-o OUTPUT\nin Python:    nlp = spacy.load("{output}"); nlp("...").cats\n'
        f"to go on:     spacy train {workings / 'config.cfg'} --output FOLDER"
    )


def _say_notes(notes: Iterable[str]) -> None:
    for note in notes:
        _say(f"Note: {note}")


def _say(message: str) -> None:
    click.echo(message, err=True)
