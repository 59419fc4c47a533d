"""The training loop of `spacy train`, with a clock in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as run_loop
from spacy.util import load_config, load_meta

from ..clock import Clock, Enough
from .base import Unavailable

# Until the clock stops it, without an evaluation on the way.
ENDLESS = {"training.max_steps": 0, "training.max_epochs": 0, "training.eval_frequency": 10**9}


def train_pipeline(
    config: Path,
    train: Path,
    dev: Path,
    output: Path | None,
    limit: int | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """Train a config as `spacy train` does; see System.train.

    overrides: of the config's values, by their dotted names.
    Raises Unavailable where its vectors are not there.
    """
    values = {"paths.train": str(train), "paths.dev": str(dev), **overrides}
    if limit is not None:
        values |= ENDLESS
    loaded = load_config(config, overrides=values, interpolate=False)
    vectors = loaded["paths"].get("vectors")
    if vectors is not None and not Path(vectors).exists():
        raise Unavailable(f"{vectors} is not there: spacy project run vectors")
    nlp = init_nlp(loaded)
    clock = Clock(limit)
    _attach(clock, nlp)
    try:
        run_loop(nlp, output, stdout=sys.stdout, stderr=sys.stderr)
    except Enough:
        return clock.figures()
    scores = load_meta(output / "model-best" / "meta.json")["performance"] if output else {}
    return {**clock.figures(), "dev_accuracy": scores.get("cats_micro_f")}


def _attach(clock: Clock, nlp: Language) -> None:
    update = nlp.update

    def counted(examples: Iterable[Example], *args: Any, **kwargs: Any) -> dict[str, float]:
        examples = list(examples)
        clock.step(len(examples))
        return update(examples, *args, **kwargs)

    nlp.update = counted
    nlp.evaluate = clock.pausing(nlp.evaluate)
    nlp.to_disk = clock.pausing(nlp.to_disk)
