"""What is installed, what it runs on, and what ships: for bug reports and for the curious."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import spacy_brnn

REQUIRED = ("spacy", "thinc", "torch")
OPTIONAL = ("cupy-cuda12x", "cupy-cuda13x", "pyarrow", "ray")


def installation() -> dict[str, str]:
    """Versions of this package and what it builds on, the machine's cores and its GPU."""
    import torch

    from spacy_brnn.annotate.sources import zstd_module
    from spacy_brnn.architectures.precision import has_bfloat16
    from spacy_brnn.nn.compiled_mingru import is_compiled, is_quicker_rounded

    facts = {"spacy-brnn": spacy_brnn.__version__, "python": platform.python_version()}
    facts.update({name: version(name) for name in REQUIRED})
    facts.update({name: _version_if_there(name) for name in OPTIONAL})
    facts["zstd"] = "yes" if zstd_module() else "not installed"
    facts["platform"] = platform.platform()
    facts["cores"] = str(os.cpu_count())
    facts["compiled reading"] = "yes" if is_compiled() else "no: PyTorch does it, slower"
    facts["bfloat16"] = "yes" if has_bfloat16() else "not on this processor"
    facts["int8"] = "yes" if is_quicker_rounded() else "no quicker, or not compiled"
    facts["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return facts


def shipped_models() -> dict[str, Any]:
    """The cards of the models that `brnn_sentiment` and `brnn_ner` use by default.

    In the place of a card that is not installed, why it is not there.
    """
    from spacy_brnn.architectures import pretrained_tagger
    from spacy_brnn.pretrained import card, weights

    names = {"shipped model": weights.DEFAULT, "shipped tagger": pretrained_tagger.DEFAULT}
    cards: dict[str, Any] = {}
    for shown, name in names.items():
        try:
            cards[shown] = {"name": name, **card.load(name)}
        except ValueError as error:
            cards[shown] = f"none: {error}"
    return cards


def as_lines(facts: dict[str, Any]) -> str:
    """Facts as aligned lines; nested ones are indented below their name, a list's a line each."""
    return "\n".join(_lines(facts, ""))


def _lines(facts: dict[str, Any], indent: str) -> list[str]:
    width = max((len(name) for name in facts), default=0) + 2
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
            lines.append(f"{indent}{name}")
            lines += (f"{indent}  {'; '.join(map(str, item.values()))}" for item in value)
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{indent}{name:<{width}}{shown}")
    return lines


def _version_if_there(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
