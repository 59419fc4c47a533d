"""From a config for spacy train to a trained student."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from spacy import util
from spacy.schemas import ConfigSchemaTraining
from spacy.training.initialize import init_nlp
from thinc.api import ConfigValidationError
from thinc.util import get_torch_default_device

from ..corpora.errors import CorpusError
from ..pipeline.sentiment import BRNNSentiment
from .student_network import StudentNetwork
from .student_texts import read_texts
from .student_training import StudentSchedule, train

COMPONENT = "brnn_sentiment"


def train_student(
    config_path: Path,
    schedule: StudentSchedule,
    output: Path,
    report: Callable[[str], None],
    overrides: Mapping[str, Any] | None = None,
) -> None:
    """Initialize the pipeline of a config as spacy train does, train it, write it to `output`.

    Goes on from a checkpoint of this very training there.
    overrides: values of the config by their dotted names, as spacy train takes them.
    Raises CorpusError for a config that spacy train would not take, for a pipeline other than one
    brnn_sentiment, for one that is no student, and for a checkpoint of another training.
    """
    with _told_of(config_path):
        config = util.load_config(config_path, overrides=dict(overrides or {}))
        if config["nlp"]["pipeline"] != [COMPONENT]:
            raise ValueError(f"its pipeline must be {[COMPONENT]}")
        nlp = init_nlp(config)
        config = nlp.config.interpolate()
        settings = util.registry.resolve(config["training"], schema=ConfigSchemaTraining)
        (examples,) = util.resolve_dot_names(config, [settings["train_corpus"]])
        pipe = cast(BRNNSentiment, nlp.get_pipe(COMPONENT))
        texts = read_texts(nlp, COMPONENT, examples(nlp))
        report(f"{len(texts.lengths):,} texts, {len(texts.tokens):,} tokens")
        network = StudentNetwork(pipe.model, texts.words, dropout=settings["dropout"])
    network = network.to(get_torch_default_device())
    parts = json.dumps([config["components"], settings["dropout"]], sort_keys=True)
    checkpoint = train(network, texts, schedule, output, report, parts)
    network.write_back()
    if settings["before_to_disk"] is not None:
        nlp = settings["before_to_disk"](nlp)
    nlp.to_disk(output)
    checkpoint.remove()


@contextmanager
def _told_of(config_path: Path) -> Iterator[None]:
    """Raise CorpusError, with the config's name, for what the config says wrongly."""
    try:
        yield
    except CorpusError:
        raise
    except ConfigValidationError as error:
        told = error.from_error(error, title="", show_config=False).text.strip()
        raise CorpusError(f"{config_path}: {told}") from None
    except (ValueError, OSError) as error:
        raise CorpusError(f"{config_path}: {error}") from None
