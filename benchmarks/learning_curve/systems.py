"""What learns from the labelled texts: `spacy-brnn train`, and what it is measured against."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import spacy
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as run_loop
from spacy.util import load_config

from spacy_brnn.training.baselines import bag_of_words
from spacy_brnn.training.labels import LabelReader
from spacy_brnn.training.prediction import predict_texts
from spacy_brnn.training.run import TrainOptions, prepare, train
from spacy_brnn.training.scores import score
from spacy_brnn.training.texts import Fields, LabelledText, make_docs

CONFIGS = Path(__file__).parents[1] / "configs"
EPOCHS, PATIENCE = 40, 8

Cats = list[dict[str, float]]


def by_brnn(known: list[LabelledText], texts: list[str], folder: Path, seed: int) -> Cats:
    """`spacy-brnn train` with nothing set."""
    path = folder / "texts.jsonl"
    rows = ({"text": text.text, "label": text.best} for text in known)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    fields = Fields(reader=LabelReader())
    options = TrainOptions(str(path), folder / "brnn", fields, seed=seed)
    train(options, prepare(options), io.StringIO())
    return predict_texts(spacy.load(options.output), texts)


def by_bag_of_words(known: list[LabelledText], texts: list[str], folder: Path, seed: int) -> Cats:
    """A logistic regression on tf-idf of words and pairs, its penalty by cross-validation."""
    labels = sorted({text.best for text in known})
    return bag_of_words(spacy.blank("en"), known, texts, labels, exclusive=True)


def by_config(name: str) -> Callable[..., Cats]:
    """`spacy train` with one of the benchmarks' configs, until dev no longer gains."""

    def by_spacy(known: list[LabelledText], texts: list[str], folder: Path, seed: int) -> Cats:
        nlp, labels = spacy.blank("en"), sorted({text.best for text in known})
        parts = {"train": known[len(known) // 5 :], "dev": known[: len(known) // 5]}
        for part, of_part in parts.items():
            docs = make_docs(nlp, of_part, labels)
            DocBin(docs=docs, store_user_data=True).to_disk(folder / f"{part}.spacy")
        epoch = -(-len(parts["train"]) // 32)
        overrides = {
            **{f"paths.{part}": str(folder / f"{part}.spacy") for part in parts},
            "system.seed": seed,
            "training.max_epochs": 0,
            "training.max_steps": EPOCHS * epoch,
            "training.eval_frequency": epoch,
            "training.patience": PATIENCE * epoch,
        }
        config = load_config(CONFIGS / f"{name}.cfg", overrides=overrides, interpolate=False)
        config["training"]["batcher"] = {"@batchers": "spacy.batch_by_sequence.v1", "size": 32}
        quiet = io.StringIO()
        (folder / name).mkdir()
        run_loop(init_nlp(config), folder / name, stdout=quiet, stderr=quiet)
        return predict_texts(spacy.load(folder / name / "model-best"), texts)

    return by_spacy


# By name: how a report calls it, and the function.
SYSTEMS: dict[str, tuple[str, Callable[..., Cats]]] = {
    "brnn": ("spacy-brnn train", by_brnn),
    "bow": ("bag of words, logistic regression", by_bag_of_words),
    "textcat_bow": ("spacy.TextCatBOW.v3", by_config("textcat_bow")),
    "textcat_ensemble": ("spacy.TextCatEnsemble.v2", by_config("textcat_ensemble")),
}


def measure(
    known: list[LabelledText], held_out: Sequence[LabelledText], system: str, seed: int
) -> dict[str, float]:
    """Train one system, and score it on the texts held out."""
    labels = sorted({text.best for text in [*known, *held_out]})
    wall, cpu = time.monotonic(), time.process_time()
    with TemporaryDirectory() as folder:
        texts = [text.text for text in held_out]
        predicted = SYSTEMS[system][1](known, texts, Path(folder), seed)
    full = [{label: cats.get(label, 0.0) for label in labels} for cats in predicted]
    scores = score(held_out, full, labels, exclusive=True)
    return {
        "accuracy": scores.accuracy,
        "macro_f": scores.macro_f,
        "texts": len(known),
        "held_out": len(held_out),
        "seconds": round(time.monotonic() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
