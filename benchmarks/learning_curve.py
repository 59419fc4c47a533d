"""Few labelled texts: `spacy-brnn train` beside others. python -m benchmarks.learning_curve FOLDER.

FOLDER holds sets as NAME.train.jsonl.gz, an object with `text` and `label` a line. The third of a
set whose md5 says so is held out; the first 100, 500 and 2,000 of the others, in the order of
another hash, are what each system gets. Systems that stop early keep a fifth of those for it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import spacy
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as run_loop
from spacy.util import load_config

from spacy_brnn.training.baselines import bag_of_words
from spacy_brnn.training.labels import LabelReader
from spacy_brnn.training.prediction import predict_texts
from spacy_brnn.training.run import TrainOptions, prepare, train
from spacy_brnn.training.scores import score
from spacy_brnn.training.texts import Fields, LabelledText, make_docs

from .machine import describe

SETS = ("brand_tweets", "cebab_restaurants", "senti4sd_stackoverflow")
SIZES = (100, 500, 2000)
HELD_OUT = 3
CONFIGS = Path(__file__).parent / "configs"
EPOCHS, PATIENCE = 40, 8

Cats = list[dict[str, float]]


def read_set(
    folder: Path, name: str, field: str = "label"
) -> tuple[list[LabelledText], list[LabelledText]]:
    """The texts to learn from and those held out, each text once."""
    with gzip.open(folder / f"{name}.train.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = {row["text"].strip(): str(row[field]) for row in rows}
    texts = [LabelledText(text, {label: 1.0}, "") for text, label in found.items()]
    texts.sort(key=lambda text: _hash(f"order {text.text}"))
    held_out = [text for text in texts if _hash(text.text) % HELD_OUT == 0]
    return [text for text in texts if _hash(text.text) % HELD_OUT], held_out


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
            spacy.tokens.DocBin(docs=docs, store_user_data=True).to_disk(folder / f"{part}.spacy")
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


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel for each set: macro F by labelled texts. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(row["set"] for row in rows))
    figure, panels = pyplot.subplots(
        1, len(names), figsize=(4 * len(names), 3.6), squeeze=False, sharex=True
    )
    for axes, name in zip(panels[0], names, strict=True):
        axes.set(title=name, xscale="log", xlabel="labelled texts")
        for system, (title, _) in SYSTEMS.items():
            points = [row for row in rows if row["set"] == name and row["system"] == system]
            points.sort(key=lambda row: row["size"])
            sizes, values = [p["size"] for p in points], [100 * p["macro_f"] for p in points]
            axes.plot(
                sizes, values, marker="o", label=title, linewidth=2 if system == "brnn" else 1
            )
        axes.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
        axes.grid(alpha=0.3)
    panels[0][0].set_ylabel("macro F, %")
    panels[0][-1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A table: macro F and accuracy in percent, CPU seconds of training and scoring."""
    lines = ["| set | texts | system | macro F | accuracy | CPU s |", "|---|---|---|---|---|---|"]
    order = list(SYSTEMS)
    for row in sorted(rows, key=lambda r: (r["set"], r["size"], order.index(r["system"]))):
        lines.append(
            f"| {row['set']} | {row['size']:,} | {SYSTEMS[row['system']][0]} "
            f"| {row['macro_f']:.1%} | {row['accuracy']:.1%} | {row['cpu_seconds']:.0f} |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option(
    "--set", "sets", multiple=True, default=SETS, help="NAME, or NAME:FIELD of the label."
)
@click.option("--size", "sizes", multiple=True, type=int, default=SIZES)
@click.option("--system", "systems", multiple=True, type=click.Choice(list(SYSTEMS)))
@click.option("--seed", default=0)
def main(
    folder: Path,
    output: Path,
    sets: Iterable[str],
    sizes: Iterable[int],
    systems: Iterable[str],
    seed: int,
) -> None:
    """Measure what is not measured yet, and write learning_curve.jsonl, .md and .png to OUTPUT."""
    output.mkdir(parents=True, exist_ok=True)
    results = output / "learning_curve.jsonl"
    lines = results.read_text().splitlines() if results.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {(row["set"], row["size"], row["system"], row["seed"]) for row in rows}
    for name in sets:
        known, held_out = read_set(folder, *name.split(":"))
        for size in sizes:
            for system in systems or SYSTEMS:
                what = {"set": name, "size": size, "system": system, "seed": seed}
                if tuple(what.values()) in done:
                    continue
                found = {**what, **measure(known[:size], held_out, system, seed)}
                rows.append({**found, "machine": describe()})
                with results.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
                click.echo(json.dumps(found))
    (output / "learning_curve.md").write_text(as_markdown(rows))
    draw(rows, output / "learning_curve.png")


def _hash(text: str) -> int:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), 16)


if __name__ == "__main__":
    main()
