"""Train a model of a user's labels: read, split, `spacy train`, calibrate, score."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST
from spacy.training.loop import train as run_loop
from thinc.api import Config, require_gpu
from torch import Tensor

from ..architectures.one_thread import one_thread
from ..calibration import MAX_TEMPERATURE, find_temperature, scale_logits
from ..corpora.docbin import write_docbin
from ..corpora.errors import CorpusError
from ..loading import no_gpu
from ..pipeline.english import EnglishCheck
from .baselines import bag_of_words, commonest
from .config import Plan, make_config, write_labels
from .head import fit_heads_again
from .labels import LabelError, polarities_of
from .prediction import categorizer_of, predict_texts
from .scores import Scores, score
from .texts import (
    Fields,
    LabelledText,
    Texts,
    blank_pipeline,
    check_labels,
    check_lengths,
    make_docs,
    read_texts,
    split,
)

# Of fewer texts a temperature says nothing.
FEWEST_TO_CALIBRATE = 30
FEWEST_TO_CHECK = 50
FEWEST_OF_LABEL = 10
# So many texts tell their language.
MOST_LOOKED_AT = 1000


@dataclass(frozen=True)
class TrainOptions:
    """One run's options; see the command's help."""

    file: str
    output: Path
    fields: Fields = field(default_factory=Fields)
    dev: str | None = None
    dev_share: float = 0.2
    from_scratch: bool = False
    lang: str = "en"
    polarities: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    gpu_id: int = -1
    force: bool = False

    @property
    def workings(self) -> Path:
        """The folder of what the run was made of: its config, its DocBins."""
        return self.output.with_name(f"{self.output.name}.training")


@dataclass(frozen=True)
class Prepared:
    """What there is to train on, checked."""

    train: list[LabelledText]
    dev: list[LabelledText]
    labels: list[str]
    exclusive: bool
    polarities: dict[str, float]
    notes: list[str]


@dataclass(frozen=True)
class Trained:
    """The outcome of a run.

    scores: of a model that has not learned from dev.
    beside: the scores of baselines, by name; temperature: None where it was left at 1.
    fitted_to_all: whether the head was then fitted to dev too.
    """

    prepared: Prepared
    scores: Scores
    beside: list[tuple[str, Scores]]
    temperature: float | None
    fitted_to_all: bool


def prepare(options: TrainOptions) -> Prepared:
    """Read and split the texts; nothing is written.

    Raises CorpusError for whatever stands in the way of the training.
    """
    _check_options(options)
    texts = read_texts(options.file, options.fields)
    notes = [*texts.notes, *check_labels(texts)]
    if options.dev is None:
        train, dev = split(texts, options.dev_share)
    else:
        train, dev, more = _split_by_file(texts, read_texts(options.dev, options.fields))
        notes += more
    check_lengths(blank_pipeline(options.lang), [*train, *dev])
    if not train and options.dev is not None:
        raise CorpusError(
            f"{options.dev} holds every text of {options.file}: none is left to train on"
        )
    if not dev or not train:
        raise CorpusError(
            f"{len(texts.texts):,} texts leave {len(train):,} to train on and {len(dev):,} to "
            "check with: give more texts, another --dev-share, or --dev FILE"
        )
    notes += [*_language(options, texts), *_few_in_dev(dev, texts)]
    return Prepared(train, dev, texts.labels, texts.exclusive, _polarities(options, texts), notes)


@one_thread()
def train(options: TrainOptions, prepared: Prepared, log: TextIO) -> Trained:
    """Train, calibrate, write the pipeline and score it on dev.

    log: where spaCy's table of scores and the progress bar go.
    Raises OSError where the output cannot be written.
    """
    workings = options.workings
    workings.mkdir(parents=True, exist_ok=True)
    config = _write_workings(options, prepared, workings)
    with warnings.catch_warnings():
        # Labels that are no sentiments have no polarity, and need none.
        warnings.filterwarnings("ignore", message="every polarity will be 0")
        nlp = init_nlp(config, use_gpu=options.gpu_id)
        nlp.config.to_disk(workings / "config.cfg")
        start = _encoder_weights(nlp)
        run_loop(nlp, workings, use_gpu=options.gpu_id, stdout=log, stderr=log)
    nlp = spacy.load(workings / DIR_MODEL_BEST)
    temperature = calibrate(nlp, prepared)
    scores = _score(nlp, prepared)
    is_start = options.dev is None and bool(start) and _are_equal(start, _encoder_weights(nlp))
    if is_start:
        _fit_to_all(nlp, prepared, temperature)
    if options.output.exists():
        shutil.rmtree(options.output)
    nlp.to_disk(options.output)
    for name in (DIR_MODEL_BEST, DIR_MODEL_LAST):
        shutil.rmtree(workings / name)
    return Trained(prepared, *scores, temperature, is_start)


def calibrate(nlp: Language, prepared: Prepared) -> float | None:
    """Divide the logits by the temperature under which dev's labels are most likely.

    RETURNS: the temperature, or None where dev is too small to tell and nothing is changed.
    """
    if len(prepared.dev) < FEWEST_TO_CALIBRATE:
        return None
    cats = predict_texts(nlp, prepared.labels, [text.text for text in prepared.dev])
    found = numpy.asarray([[row[label] for label in prepared.labels] for row in cats])
    truths = [[text.cats.get(label, 0.0) for label in prepared.labels] for text in prepared.dev]
    if prepared.exclusive:
        places = numpy.asarray(truths).argmax(axis=1)
    else:  # Each label is a question by itself: no or yes.
        found = numpy.stack([1 - found.ravel(), found.ravel()], axis=1)
        places = numpy.asarray(truths).ravel().astype(int)
    # Where all of a small dev is right, the best temperature is 0; none is that sure.
    temperature = min(max(find_temperature(found, places), 0.5), MAX_TEMPERATURE)
    scale_logits(categorizer_of(nlp)[1].model, temperature)
    return temperature


def _encoder_weights(nlp: Language) -> list[Tensor]:
    """Of the encoder below a head that starts as a regression; none for other models."""
    model = categorizer_of(nlp)[1].model
    if model.name != "textcat_ensemble":
        return []
    shims = [shim for node in model.get_ref("tok2vec").walk() for shim in node.shims]
    return [tensor.clone() for shim in shims for tensor in shim._model.state_dict().values()]


def _are_equal(these: list[Tensor], others: list[Tensor]) -> bool:
    return all(map(torch.equal, these, others))


def _fit_to_all(nlp: Language, prepared: Prepared, temperature: float | None) -> None:
    """No step was better than the start, so that dev chose nothing: the head may learn it too.

    The temperature stays that of the head that had not.
    """
    known = make_docs(nlp, [*prepared.train, *prepared.dev], prepared.labels)
    fit_heads_again(nlp, [Example(nlp.make_doc(doc.text), doc) for doc in known])
    if temperature is not None:
        scale_logits(categorizer_of(nlp)[1].model, temperature)


def _check_options(options: TrainOptions) -> None:
    if options.output.exists() and not options.force:
        raise CorpusError(f"{options.output} exists: take another name, or --force to replace it")
    if options.output.exists() and not (options.output / "meta.json").exists():
        raise CorpusError(f"{options.output} is no spaCy pipeline, and is not replaced")
    if options.lang != "en" and not options.from_scratch:
        raise CorpusError(
            f"the weights that ship read English, not {options.lang!r}: train with --from-scratch"
        )
    blank_pipeline(options.lang)
    if options.gpu_id >= 0:
        try:
            require_gpu(options.gpu_id)
        except ValueError as error:
            raise CorpusError(no_gpu(options.gpu_id, error)) from None


def _split_by_file(
    texts: Texts, dev: Texts
) -> tuple[list[LabelledText], list[LabelledText], list[str]]:
    if texts.exclusive != dev.exclusive:
        raise CorpusError("the one file has several labels a text, the --dev file one")
    unknown = sorted(set(dev.labels) - set(texts.labels))
    notes = list(dev.notes)
    if unknown:
        notes.append(f"labels of the --dev file alone, which cannot be learned: {unknown}")
    known = [text for text in dev.texts if not set(text.cats) - set(texts.labels)]
    if not known:
        raise CorpusError(
            f"no text of the --dev file has labels to check with: its own are "
            f"{', '.join(dev.labels)}, those to train on {', '.join(texts.labels)}"
        )
    held = {text.text.strip() for text in dev.texts}
    train = [text for text in texts.texts if text.text.strip() not in held]
    if len(train) < len(texts.texts):
        notes.append(
            f"{len(texts.texts) - len(train):,} texts of --dev are left out of the training"
        )
    return train, known, notes


def _language(options: TrainOptions, texts: Texts) -> list[str]:
    if options.from_scratch:
        return []
    check, nlp = EnglishCheck(), blank_pipeline(options.lang)
    docs = (nlp.make_doc(text.text) for text in texts.texts[:MOST_LOOKED_AT])
    if not any(check.is_other_language([doc]) for doc in docs):
        return []
    return [
        "these texts hardly have an English function word, and the weights that ship read English: "
        "for another language add --from-scratch --lang CODE"
    ]


def _few_in_dev(dev: list[LabelledText], texts: Texts) -> list[str]:
    notes = []
    if len(dev) < FEWEST_TO_CHECK:
        notes.append(f"only {len(dev):,} texts to check with: the scores are rough")
    known = {label for text in dev for label in text.cats}
    missing = [label for label, count in texts.counts().items() if count > 1 and label not in known]
    if missing:
        notes.append(
            f"no text to check with has the label {', '.join(sorted(missing))}: the scores say "
            "nothing of it"
        )
    rare = {label: count for label, count in texts.counts().items() if 1 < count < FEWEST_OF_LABEL}
    if rare:
        shown = ", ".join(f"{label} ({count})" for label, count in sorted(rare.items()))
        notes.append(f"few texts have the label {shown}: it takes some tens to learn one")
    return notes


def _polarities(options: TrainOptions, texts: Texts) -> dict[str, float]:
    scale = options.fields.reader.scale
    known = scale.polarities if scale else {}
    try:
        return polarities_of(texts.labels, {**known, **options.polarities})
    except LabelError as error:
        raise CorpusError(str(error)) from None


def _write_workings(options: TrainOptions, prepared: Prepared, workings: Path) -> Config:
    plan = Plan(
        texts=len(prepared.train),
        exclusive=prepared.exclusive,
        from_scratch=options.from_scratch,
        polarities=prepared.polarities,
        lang=options.lang,
        seed=options.seed,
    )
    paths = workings / "train.spacy", workings / "dev.spacy", workings / "labels.json"
    nlp = blank_pipeline(options.lang)
    for texts, path in zip((prepared.train, prepared.dev), paths, strict=False):
        write_docbin(make_docs(nlp, texts, prepared.labels), path)
    write_labels(prepared.labels, paths[2])
    return make_config(plan, *paths)


def _score(nlp: Language, prepared: Prepared) -> tuple[Scores, list[tuple[str, Scores]]]:
    texts = [text.text for text in prepared.dev]
    labels, exclusive = prepared.labels, prepared.exclusive
    found = {
        "this model": predict_texts(nlp, labels, texts),
        "a bag of words": bag_of_words(nlp, prepared.train, texts, labels, exclusive=exclusive),
        "the commonest label": commonest(prepared.train, labels, len(texts), exclusive=exclusive),
    }
    scores = [
        (name, score(prepared.dev, cats, labels, exclusive=exclusive))
        for name, cats in found.items()
    ]
    return scores[0][1], scores[1:]
