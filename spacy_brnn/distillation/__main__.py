"""Soft labels for unlabelled documents: python -m spacy_brnn.distillation COMMAND."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy
from spacy.cli._util import parse_config_overrides
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from thinc.api import fix_random_seed

from ..corpora.conll import ATTRS
from ..corpora.docbin import read_docbin, write_docbin
from ..corpora.errors import CorpusError
from ..corpora.jsonl import read_objects, read_text
from ..corpora.labelled_texts import LABELS, TextSet, read_sets, review_set, without_copies
from . import document_vector_teacher, mixture, ngram_teacher, pipeline_teacher
from .loading import load_folder, load_taught, needing, use_device
from .passages import draw_passages
from .phrases import draw_phrases
from .reviews import targets
from .scoring import score_texts
from .variants import draw_variants

if TYPE_CHECKING:
    from .entity_teacher import EntityTeacher

Teacher = Callable[[list[Doc], list[bool], list[Doc]], numpy.ndarray]
"""Labelled documents, whether each has the label, and unlabelled ones, to the logits of these."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
ANY_NUMBER, ONE_OR_MORE = click.IntRange(min=0), click.IntRange(min=1)
ABOVE_ZERO = click.FloatRange(min=0.0, min_open=True)

label_option = click.option(
    "--label", default="POSITIVE", show_default=True, help="The label whose logits are scored."
)
other_option = click.option(
    "--other-label", default="NEGATIVE", show_default=True, help="The label for all others."
)


def _with_its_folder(_: click.Context, __: click.Parameter, path: Path) -> Path:
    """The path; its folder is made before the work is done, which may take days."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"{path.parent}: {error.strerror}") from None
    return path


output_option = click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_with_its_folder,
)
folder_option = click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path)
)
without_option = click.option(
    "--without",
    "held_back",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="DocBin of texts that are scored later, or a folder of them: what shares much with one of "
    "them, as a copy or an edit does, is left out.",
)
gpu_option = click.option(
    "--gpu-id", default=-1, show_default=True, help="A CUDA device; -1 is the CPU."
)


def _a_number(_: click.Context, __: click.Parameter, value: float) -> float:
    """The value; click.FloatRange lets a NaN pass."""
    if isnan(value):
        raise click.BadParameter("it is not a number")
    return value


class OneLineErrors(click.Group):
    """A group whose commands say what is wrong with a corpus or a teacher in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CorpusError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=OneLineErrors)
def main() -> None:
    """Let teachers score the documents of a DocBin file, and make labels of their scores."""


@main.command()
@click.argument("labelled", type=FILE)
@click.argument("unlabelled", type=FILE)
@label_option
@output_option
def ngrams(labelled: Path, unlabelled: Path, label: str, output: Path) -> None:
    """Score UNLABELLED by a logistic regression on the n-grams of LABELLED (about 1 minute)."""
    _train(ngram_teacher.score, labelled, unlabelled, label, output)


@main.command()
@click.argument("labelled", type=FILE)
@click.argument("unlabelled", type=FILE)
@label_option
@output_option
def document_vectors(labelled: Path, unlabelled: Path, label: str, output: Path) -> None:
    """Score UNLABELLED by vectors of all documents (for IMDb 40 minutes on one core, 4 GB)."""
    _train(document_vector_teacher.score, labelled, unlabelled, label, output)


@main.command()
@click.argument("folder", metavar="PIPELINE", type=FOLDER)
@click.argument("unlabelled", type=FILE)
@label_option
@gpu_option
@output_option
def pipeline(folder: Path, unlabelled: Path, label: str, gpu_id: int, output: Path) -> None:
    """Score UNLABELLED by a trained PIPELINE."""
    use_device(gpu_id)
    _save(pipeline_teacher.score(folder, label, _read(unlabelled)), output)


@main.command()
@click.argument("start", type=FOLDER)
@click.argument("sets", type=FOLDER)
@click.argument("reviews", nargs=-1, type=FILE)
@without_option
@click.option(
    "--texts",
    type=ONE_OR_MORE,
    default=80_000,
    show_default=True,
    help="Texts drawn, from all sets.",
)
@click.option("--power", default=0.5, show_default=True, help="Of a set's size, for its share.")
@click.option("--max-pieces", default=128, show_default=True, help="Word pieces read of a text.")
@click.option("--learn-rate", default=1e-4, show_default=True)
@click.option("--batch-pieces", default=2400, show_default=True, help="Word pieces of a step.")
@click.option(
    "--frozen-layers",
    type=ANY_NUMBER,
    default=0,
    show_default=True,
    help="Lower layers not trained.",
)
@click.option("--seed", default=0, show_default=True)
@gpu_option
@folder_option
def teach_transformer(
    start: Path,
    sets: Path,
    reviews: tuple[Path, ...],
    held_back: tuple[Path, ...],
    max_pieces: int,
    gpu_id: int,
    output: Path,
    **schedule: Any,
) -> None:
    """Fine-tune the transformer in START on the labelled texts of SETS and on DocBins of REVIEWS.

    START is a folder of Hugging Face: an encoder, a teacher trained so before, or a sequence
    classifier with the labels POSITIVE, NEGATIVE and NEUTRAL. SETS holds NAME.train.jsonl files
    (gzipped or not), objects with text and label. The same command goes on after an interruption.
    """
    with needing("teacher"):
        from . import transformer_training
        from .transformer import TransformerTeacher
    use_device(gpu_id)
    held = [doc.text for doc in _held(held_back)]
    known = without_copies(read_sets(sets), held)
    known += [review_set(path, _read(path)) for path in reviews]
    fix_random_seed(schedule["seed"])  # Of a new head.
    teacher = load_folder(TransformerTeacher, start, max_pieces)
    transformer_training.train(
        teacher,
        known,
        transformer_training.Schedule(**schedule),
        output,
        lambda line: click.echo(line, err=True),
    )


@main.command()
@click.argument("sets", type=FOLDER)
@click.argument("reviews", nargs=-1, type=FILE)
@without_option
@output_option
def texts(sets: Path, reviews: tuple[Path, ...], held_back: tuple[Path, ...], output: Path) -> None:
    """Write the texts to train on of SETS and of DocBins of REVIEWS, for a teacher to score."""
    held = [doc.text for doc in _held(held_back)]
    known = [row.text for one in without_copies(read_sets(sets), held) for row in one.train]
    known += [doc.text for path in reviews for doc in _read(path)]
    _write(({"text": text} for text in known), output)


@main.command()
@click.argument("corpora", nargs=-1, required=True, type=FILE)
@click.option(
    "--number", type=ONE_OR_MORE, default=200_000, show_default=True, help="Passages, at most."
)
@click.option("--seed", default=0, show_default=True)
@output_option
def passages(corpora: tuple[Path, ...], number: int, seed: int, output: Path) -> None:
    """Cut passages of one to three sentences out of CORPORA, for a teacher to score.

    CORPORA are DocBin files, or JSONL files of objects with text (gzipped or not).
    """
    _write(({"text": text} for text in draw_passages(list(corpora), number, seed)), output)


@main.command()
@click.argument("sets", type=FOLDER)
@click.option("--number", type=ONE_OR_MORE, default=50_000, show_default=True, help="Variants.")
@click.option("--seed", default=0, show_default=True)
@output_option
def variants(sets: Path, number: int, seed: int, output: Path) -> None:
    """Make variants of the labelled texts of SETS, for a teacher to score."""
    _write(({"text": text} for text in draw_variants(read_sets(sets), number, seed)), output)


@main.command()
@click.option("--number", default=50_000, show_default=True, help="Phrases.")
@click.option("--seed", default=0, show_default=True)
@click.option("--without", type=FILE, help="Leave out its texts: a line's end, after a tab.")
@output_option
def phrases(number: int, seed: int, without: Path | None, output: Path) -> None:
    """Draw labelled phrases from the grammar in phrases.json."""
    lines = without.read_text(encoding="utf-8").splitlines() if without else []
    left_out = {line.rpartition("\t")[2].lower() for line in lines}
    _write(
        (
            {"text": text, "cats": {known: float(known == label) for known in LABELS}}
            for text, label in draw_phrases(number, seed)
            if text.lower() not in left_out
        ),
        output,
    )


@main.command()
@click.argument("teacher", type=FOLDER)
@click.argument("texts", nargs=-1, required=True, type=FILE)
@click.option("--max-pieces", default=128, show_default=True, help="Word pieces read of a text.")
@gpu_option
@output_option
def transformer(
    teacher: Path, texts: tuple[Path, ...], max_pieces: int, gpu_id: int, output: Path
) -> None:
    """Score TEXTS (JSONL of objects with text) by a TEACHER that teach-transformer trained.

    The same command goes on after an interruption.
    """
    use_device(gpu_id)
    with needing("teacher"):
        from .transformer import TransformerTeacher
    model = load_taught(TransformerTeacher, teacher, max_pieces, command="teach-transformer")
    rows = [text for path in texts for text in read_objects(path, read_text, "text")]
    score_texts(model.score, rows, output, lambda line: click.echo(line, err=True))


@main.command()
@click.argument("start", type=FOLDER)
@click.argument("gold", nargs=-1, required=True, type=FILE)
@click.option("--dev", multiple=True, type=FILE, help="DocBin to score the teacher on.")
@click.option(
    "--passes", type=ONE_OR_MORE, default=4, show_default=True, help="Over all documents."
)
@click.option("--batch-pieces", default=5000, show_default=True, help="Word pieces of a step.")
@click.option("--learn-rate", default=5e-5, show_default=True)
@click.option("--seed", default=0, show_default=True)
@gpu_option
@folder_option
def teach_tagger(
    start: Path,
    gold: tuple[Path, ...],
    dev: tuple[Path, ...],
    gpu_id: int,
    output: Path,
    **schedule: Any,
) -> None:
    """Fine-tune the encoder in START on the entities of GOLD, DocBins.

    START is a folder of Hugging Face. The name of each GOLD file becomes a style, which `tag` can
    imitate; a file that is named twice is read twice as often. One minute on an H200; the same
    command goes on after an interruption.
    """
    with needing("teacher"):
        from . import entity_training
    use_device(gpu_id)
    read = {path: _read(path) for path in gold}
    labels = sorted({ent.label_ for docs in read.values() for doc in docs for ent in doc.ents})
    if not labels:
        raise click.ClickException(f"{', '.join(map(str, gold))}: no entity in it")
    fix_random_seed(schedule["seed"])  # Of a new head.
    teacher = _load_tagger(start, labels, [path.stem for path in read])
    corpora = [(path.stem, read[path]) for path in gold]
    plan = entity_training.Schedule(**schedule)
    entity_training.train(teacher, corpora, plan, output, lambda line: click.echo(line, err=True))
    for path in dev:
        click.echo(f"{path}: F1 {entity_training.score(teacher, path.stem, _read(path)):.1%}")


@main.command()
@click.argument("teacher", type=FOLDER)
@click.argument("texts", nargs=-1, required=True, type=FILE)
@click.option("--style", help="Annotate as the corpus of this name; without, as no one.")
@without_option
@click.option(
    "--doubt",
    type=click.FloatRange(0, 1),
    default=0.65,
    show_default=True,
    help="Words whose tag is less likely are unknown.",
)
@click.option("--most-words", type=ONE_OR_MORE, help="Stop after so many tokens.")
@click.option("--one-sentence", is_flag=True, help="Each text is a sentence, as tweets are.")
@click.option("--whole-hyphens", is_flag=True, help='"Tokyo-based" is one word, as in CoNLL-2003.')
@gpu_option
@output_option
def tag(
    teacher: Path,
    texts: tuple[Path, ...],
    style: str | None,
    held_back: tuple[Path, ...],
    doubt: float,
    most_words: int | None,
    one_sentence: bool,
    whole_hyphens: bool,
    gpu_id: int,
    output: Path,
) -> None:
    """Tag TEXTS (DocBins, or JSONL of objects with text) by a TEACHER of teach-tagger."""
    with needing("teacher"):
        from . import entity_silver
    use_device(gpu_id)
    model = _load_tagger(teacher)
    docs = entity_silver.read_unlabelled(
        texts,
        _held(held_back),
        most_words=most_words,
        one_sentence=one_sentence,
        whole_hyphens=whole_hyphens,
    )
    silver = DocBin(attrs=ATTRS, docs=entity_silver.tag(model, docs, style, doubt))
    silver.to_disk(output)
    click.echo(f"{output}: {len(silver):,} documents", err=True)


@main.command()
@click.argument("sets", type=FOLDER)
@click.option("--reviews", multiple=True, type=FILE, help="DocBin with POSITIVE and NEGATIVE.")
@click.option("--most-reviews", type=ANY_NUMBER, help="Documents of each such file, at most.")
@click.option("--scored", multiple=True, type=FILE, help="JSONL that `transformer` wrote.")
@without_option
@click.option(
    "--texts", type=ANY_NUMBER, default=300_000, show_default=True, help="Texts drawn from SETS."
)
@click.option("--power", default=0.7, show_default=True, help="Of a set's size, for its share.")
@click.option("--dev", is_flag=True, help="Draw from the dev parts of SETS.")
@click.option("--seed", default=0, show_default=True)
@output_option
def mix(
    sets: Path,
    reviews: tuple[Path, ...],
    most_reviews: int | None,
    scored: tuple[Path, ...],
    held_back: tuple[Path, ...],
    texts: int,
    power: float,
    dev: bool,
    seed: int,
    output: Path,
) -> None:
    """Write what the student reads: a DocBin (.spacy), or JSONL of text and cats."""
    held = [doc.text for doc in _held(held_back)]
    known = read_sets(sets)
    if dev:
        known = [TextSet(one.name, one.dev, one.train) for one in known]
    known = without_copies(known, held)
    parts = [
        mixture.labelled(known, texts, power, seed),
        *(mixture.reviews(path, _read(path)[:most_reviews]) for path in reviews),
        *(mixture.scored(path) for path in scored),
    ]
    number = mixture.write_mixture(chain.from_iterable(parts), output, seed)
    click.echo(f"{output}: {number:,} documents", err=True)


@main.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("config", type=FILE)
@click.option(
    "--passes",
    type=ABOVE_ZERO,
    callback=_a_number,
    default=5.3,
    show_default=True,
    help="Over the training corpus.",
)
@click.option("--batch-tokens", type=ONE_OR_MORE, default=49_152, show_default=True)
@click.option("--learn-rate", type=ABOVE_ZERO, callback=_a_number, default=3e-3, show_default=True)
@click.option("--seed", default=0, show_default=True)
@gpu_option
@folder_option
@click.pass_context
def student(
    context: click.Context, /, config: Path, gpu_id: int, output: Path, **schedule: Any
) -> None:
    """Train the brnn_sentiment of CONFIG as spacy train would, but on texts in memory.

    The pipeline, its corpus and its dropout are CONFIG's, but for values that are given after it as
    to spacy train: `--paths.train FILE`; batches, optimizer and steps are the options', in full
    precision. A GPU does not wait for documents. The same command goes on after an interruption.
    """
    from . import student_training
    from .student import train_student

    overrides = parse_config_overrides(context.args)
    use_device(gpu_id)
    train_student(
        config,
        student_training.StudentSchedule(**schedule),
        output,
        lambda line: click.echo(line, err=True),
        overrides,
    )


@main.command()
@click.argument("labelled", type=FILE)
@click.argument("unlabelled", type=FILE)
@click.argument("scores", nargs=-1, required=True, type=FILE)
@label_option
@other_option
@click.option("--seed", default=0, show_default=True, help="Of the order of the documents.")
@output_option
def combine(
    labelled: Path,
    unlabelled: Path,
    scores: tuple[Path, ...],
    label: str,
    other_label: str,
    seed: int,
    output: Path,
) -> None:
    """Write LABELLED with its labels and UNLABELLED with those of the teachers' SCORES, mixed.

    A document's probability is that of the mean of its logits, after each teacher's have been
    brought to the spread that the teachers' have in the mean: so all count alike.
    """
    gold, docs = _read(labelled), _read(unlabelled)
    logits = [numpy.load(path, allow_pickle=False) for path in scores]
    for path, teacher in zip(scores, logits, strict=True):
        if teacher.shape != (len(docs),):
            raise click.ClickException(
                f"{path} holds {teacher.shape} scores, but {unlabelled} {len(docs)} documents"
            )
        if not numpy.isfinite(teacher).all() or teacher.std() == 0:
            raise click.ClickException(f"{path} holds scores that are all the same, or no numbers")
    spreads = [teacher.std() for teacher in logits]
    scaled = [
        teacher * (numpy.mean(spreads) / s) for teacher, s in zip(logits, spreads, strict=True)
    ]
    for doc, probability in zip(docs, 1 / (1 + numpy.exp(-numpy.mean(scaled, 0))), strict=True):
        doc.cats = {label: float(probability), other_label: float(1 - probability)}
    mixed = [*gold, *docs]
    order = numpy.random.default_rng(seed).permutation(len(mixed))
    write_docbin((mixed[place] for place in order), output)
    click.echo(f"{output}: {len(mixed):,} documents", err=True)


def _load_tagger(
    folder: Path, labels: Sequence[str] = (), styles: Sequence[str] = ()
) -> EntityTeacher:
    with needing("teacher"):
        from .entity_teacher import EntityTeacher
    tagger = load_folder(EntityTeacher, folder, labels, styles)
    if not tagger.labels:
        raise click.ClickException(f"{folder} is no teacher of entities: teach-tagger makes one")
    return tagger


def _train(teacher: Teacher, labelled: Path, unlabelled: Path, label: str, output: Path) -> None:
    docs = _read(labelled)
    with needing("distillation"):
        _save(teacher(docs, targets(docs, label, labelled), _read(unlabelled)), output)


def _write(rows: Iterable[dict[str, Any]], output: Path) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    output.write_text("".join(lines), encoding="utf-8")
    click.echo(f"{output}: {len(lines):,} texts", err=True)


def _held(paths: Iterable[Path]) -> Iterator[Doc]:
    """The documents of DocBins, and of those in folders."""
    for path in paths:
        files = sorted(path.rglob("*.spacy")) if path.is_dir() else [path]
        if not files:
            raise CorpusError(f"{path}: no .spacy file in this folder")
        yield from chain.from_iterable(map(_read, files))


def _read(path: Path) -> list[Doc]:
    return list(read_docbin(path, Vocab()))


def _save(logits: numpy.ndarray, output: Path) -> None:
    with output.open("wb") as file:
        numpy.save(file, logits.astype("float32"))
    share = float((logits > 0).mean())
    click.echo(f"{output}: {len(logits):,} documents, {share:.1%} above 0", err=True)


if __name__ == "__main__":
    main()
