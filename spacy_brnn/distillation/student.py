"""From a config for spacy train to a trained student."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

from spacy import util
from spacy.schemas import ConfigSchemaTraining
from spacy.training.initialize import init_nlp
from thinc.util import get_torch_default_device

from ..corpora.errors import CorpusError
from ..pipeline.sentiment import BRNNSentiment
from .student_network import StudentNetwork
from .student_texts import read_texts
from .student_training import StudentSchedule, train

COMPONENT = "brnn_sentiment"


def train_student(
    config_path: Path, schedule: StudentSchedule, output: Path, report: Callable[[str], None]
) -> None:
    """Initialize the pipeline of a config as spacy train does, train it, write it to `output`.

    Goes on from a checkpoint of this very training there.
    Raises CorpusError for a pipeline other than one brnn_sentiment, for one that is no student, and
    for a checkpoint of another training.
    """
    config = util.load_config(config_path)
    if config["nlp"]["pipeline"] != [COMPONENT]:
        raise CorpusError(f"{config_path}: its pipeline must be {[COMPONENT]}")
    nlp = init_nlp(config)
    config = nlp.config.interpolate()
    settings = util.registry.resolve(config["training"], schema=ConfigSchemaTraining)
    (examples,) = util.resolve_dot_names(config, [settings["train_corpus"]])
    pipe = cast(BRNNSentiment, nlp.get_pipe(COMPONENT))
    try:
        texts = read_texts(nlp, COMPONENT, examples(nlp))
        report(f"{len(texts.lengths):,} texts, {len(texts.tokens):,} tokens")
        network = StudentNetwork(
            pipe.model,
            texts.words,
            dropout=settings["dropout"],
        )
    except ValueError as error:
        raise CorpusError(f"{config_path}: {error}") from None
    network = network.to(get_torch_default_device())
    parts = json.dumps([config["components"], settings["dropout"]], sort_keys=True)
    checkpoint = train(network, texts, schedule, output, report, parts)
    network.write_back()
    if settings["before_to_disk"] is not None:
        nlp = settings["before_to_disk"](nlp)
    nlp.to_disk(output)
    checkpoint.remove()
