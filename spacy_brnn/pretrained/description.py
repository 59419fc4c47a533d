"""What a pipeline's meta.json, and so its model card, says of the weights that ship."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.util import walk_dict

from . import card

# What the factories' components find.
TASKS = {"brnn_sentiment": "sentiment", "brnn_ner": "named entities"}
NUMBER = re.compile(r"(\d+(?:\.\d+)?)( %)?")


class Shipped(NamedTuple):
    """Weights that ship, in a component."""

    component: str
    name: str
    is_whole: bool
    """Whether they are all of the component's model, so that their scores are the component's."""


def create_describe() -> Callable[[Language], Language]:
    """For `[initialize.after_init]` (spacy-brnn.describe.v1): see describe."""
    return describe


def describe(nlp: Language) -> Language:
    """Say in `nlp.meta` where the weights that ship come from.

    `spacy package` and `spacy huggingface-hub push` make a model card of it: of `description`,
    `license`, `sources` (name, author, license), `performance` (0..1) and `notes`. What is there
    already stays, and those of another pipeline's components are added to.

    RETURNS: nlp.
    Raises ValueError for a pipeline without weights that ship.
    """
    found = list(_find_shipped(nlp))
    if not found:
        raise ValueError(
            f"none of the components {', '.join(nlp.component_names) or '(there is none)'} has "
            "weights that ship with spacy-brnn: fill nlp.meta in yourself"
        )
    meta = nlp.meta
    meta["description"] = meta["description"] or _description(nlp)
    meta["license"] = meta["license"] or "MIT"
    sources = meta.setdefault("sources", [])
    meta.setdefault("notes", "")
    for shipped in found:
        facts = card.load(shipped.name)
        sources += [source for source in _sources(facts) if source not in sources]
        if shipped.is_whole:
            meta.setdefault("performance", {}).update(_performance(facts))
        if (notes := _notes(shipped, facts)) not in meta["notes"]:
            meta["notes"] = f"{meta['notes']}\n\n{notes}".lstrip()
    return nlp


def _find_shipped(nlp: Language) -> Iterator[Shipped]:
    for component in nlp.component_names:
        config = nlp.get_pipe_config(component)
        for path, value in walk_dict(config.get("model", {})):
            if path[-1] == "@architectures" and value.startswith("spacy-brnn.Pretrained"):
                settings = config["model"]
                for key in path[:-1]:
                    settings = settings[key]
                yield Shipped(component, settings["name"], len(path) == 1)


def _description(nlp: Language) -> str:
    factories = [nlp.get_pipe_meta(name).factory for name in nlp.component_names]
    tasks = [TASKS[factory] for factory in factories if factory in TASKS]
    found = " and ".join(dict.fromkeys(tasks)) or "texts read"
    return f"English: {found} by bidirectional recurrent networks (spacy-brnn)"


def _corpora(facts: dict[str, Any]) -> list[dict[str, str]]:
    head = facts.get("head for targets", {})
    return [*facts.get("corpora", []), *facts.get("unlabelled", []), *head.get("corpora", [])]


def _sources(facts: dict[str, Any]) -> list[dict[str, str]]:
    """As meta.json has them."""
    corpora = _corpora(facts) or [{"name": facts["corpus"]}]
    names = {"name": "name", "paper": "author", "licence": "license"}
    sources = [
        {names[key]: value for key, value in corpus.items() if key in names} for corpus in corpora
    ]
    # What follows a colon is how they were made.
    more = (facts[key].split(":")[0] for key in ("vectors", "teacher") if key in facts)
    return sources + [{"name": name} for name in more]


def _performance(facts: dict[str, Any]) -> dict[str, float]:
    """The scores that are one number."""
    matches = {name: NUMBER.fullmatch(score) for name, score in facts["scores"].items()}
    return {
        name: round(float(match[1]) / (100.0 if match[2] else 1.0), 6)
        for name, match in matches.items()
        if match
    }


def _notes(shipped: Shipped, facts: dict[str, Any]) -> str:
    lines = [f"### What `{shipped.component}` was trained on", "", facts["corpus"] + "."]
    lines += ["", f"Scores of {shipped.name}: {facts['split'].removeprefix('scores: ')}.", ""]
    lines += [f"- {name}: {score}" for name, score in facts["scores"].items()]
    by_licence: dict[str, list[str]] = {}
    for corpus in _corpora(facts):
        by_licence.setdefault(corpus["licence"], []).append(corpus["name"])
    if by_licence:
        lines += ["", "Licences of the corpora, none of which is part of this package:", ""]
        lines += [f"- {licence}: {', '.join(names)}" for licence, names in by_licence.items()]
    return "\n".join(lines)
