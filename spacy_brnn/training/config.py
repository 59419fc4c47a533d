"""The config of a training run, as `spacy train` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import srsly
from spacy.util import load_config
from thinc.api import Config

COMPONENT = "brnn_sentiment"
MULTILABEL_COMPONENT = "textcat_multilabel"

BATCH = 32
EPOCHS = {False: 10, True: 20}
"""Passes over the texts at most, from the weights that ship and from scratch."""
FEWEST_STEPS, MOST_STEPS = 60, 3000
EVALUATIONS_AN_EPOCH = 2
PATIENCE = 5
"""So many evaluations without a better one end the training."""


@dataclass(frozen=True)
class Plan:
    """What a config is made from.

    texts: how many there are to train on; the number of steps depends on it.
    polarities: of labels, for exclusive ones; empty where none is a sentiment.
    """

    texts: int
    exclusive: bool
    from_scratch: bool
    polarities: Mapping[str, float]
    lang: str = "en"
    seed: int = 0


def make_config(plan: Plan, train: Path, dev: Path, labels: Path) -> Config:
    """The config that trains by this plan on these DocBins; `labels` is a JSON list of them."""
    name = "scratch.cfg" if plan.from_scratch else "finetune.cfg"
    config = load_config(Path(str(files(__package__) / name)), interpolate=False)
    config["paths"].update(train=str(train), dev=str(dev))
    config["system"]["seed"] = plan.seed
    config["nlp"]["lang"] = plan.lang
    _set_steps(config, plan)
    component = config["components"][COMPONENT]
    if plan.exclusive:
        component["polarities"] = dict(plan.polarities)
    else:
        _make_multilabel(config)
    config["initialize"]["components"] = {
        config["nlp"]["pipeline"][0]: {
            "labels": {"@readers": "spacy.read_labels.v1", "path": str(labels)}
        }
    }
    return config


def write_labels(labels: list[str], path: Path) -> None:
    """Write the labels as `spacy.read_labels.v1` reads them."""
    srsly.write_json(path, labels)


def _set_steps(config: Config, plan: Plan) -> None:
    training = config["training"]
    epoch = -(-plan.texts // BATCH)
    steps = max(FEWEST_STEPS, min(EPOCHS[plan.from_scratch] * epoch, MOST_STEPS))
    frequency = max(epoch // EVALUATIONS_AN_EPOCH, steps // 20)
    training.update(max_steps=steps, eval_frequency=frequency, patience=PATIENCE * frequency)
    training["batcher"]["size"] = BATCH
    training["optimizer"]["learn_rate"]["warmup_steps"] = min(epoch, steps // 5)


def _make_multilabel(config: Config) -> None:
    component = config["components"].pop(COMPONENT)
    component["factory"] = MULTILABEL_COMPONENT
    component["model"]["exclusive_classes"] = False
    config["components"][MULTILABEL_COMPONENT] = component
    config["nlp"]["pipeline"] = [MULTILABEL_COMPONENT]
    if "tok2vec" in component["model"] and "encode" in component["model"]["tok2vec"]:
        embed = f"${{components.{MULTILABEL_COMPONENT}.model.tok2vec.embed.width}}"
        component["model"]["tok2vec"]["encode"]["input_width"] = embed
