"""Loading the pipeline that a command's user names."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from spacy.language import Language


LONGEST_DOCUMENT = 1_000_000_000
# Components that take so much for each token that spaCy limits a text's length.
_MEMORY_PER_TOKEN = (
    "parser",
    "beam_parser",
    "ner",
    "beam_ner",
    "transformer",
    "curated_transformer",
)


class PipelineError(click.ClickException):
    """Why there is no such pipeline, in one line."""


def find_pipeline(name: str | Path) -> Path:
    """The folder of a pipeline, or that of an installed package.

    Raises PipelineError if it is neither.
    """
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.cfg").exists():
            raise PipelineError(f"{name}: this folder is no pipeline{_advice(folder)}")
        return folder
    try:
        spec = find_spec(str(name))
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise PipelineError(f"{name}: neither a pipeline's folder nor an installed package")
    return Path(spec.submodule_search_locations[0])


def find_component(nlp: Language, factory: str, pipeline: str | Path | None = None) -> Any:
    """The component of a factory, whatever its name; the first of several.

    pipeline: what the user calls nlp, for the message.
    Raises PipelineError where there is none.
    """
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory == factory:
            return nlp.get_pipe(name)
    has = ", ".join(nlp.pipe_names) or "nothing"
    raise PipelineError(f"the pipeline {pipeline or 'that ships'} has no {factory} (it has: {has})")


def allow_long_texts(nlp: Language) -> None:
    """Let it take texts of any length, unless a component of it is why spaCy does not."""
    factories = {nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    if factories.isdisjoint(_MEMORY_PER_TOKEN):
        nlp.max_length = LONGEST_DOCUMENT


def sets_attribute(nlp: Language, attribute: str) -> bool:
    """Whether a component of the pipeline sets it, as `doc.ents`."""
    return any(attribute in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)


def load_named_pipeline(name: str | Path | None) -> Language:
    """Load it; None for a blank English one with the brnn_sentiment that ships.

    Raises PipelineError where that cannot be.
    """
    import spacy

    try:
        if name is not None:
            folder = find_pipeline(name)
            if not Path(name).is_dir() and not (folder / "meta.json").exists():
                raise PipelineError(f"{name}: this package is no pipeline")
            return _with_sentiment(load_folder_or_package(name))
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_sentiment")
        return nlp
    except (OSError, ValueError, ImportError, KeyError) as error:
        shown, said = name or "that ships", " ".join(str(error).split())
        raise PipelineError(f"cannot load the pipeline {shown}: {said}") from error


def load_folder_or_package(name: str | Path, **options: Any) -> Language:
    """As spacy.load, which takes a package for a folder of the same name."""
    import spacy

    return spacy.load(Path(name) if Path(name).is_dir() else name, **options)


def _with_sentiment(nlp: Language) -> Language:
    """With a brnn_sentiment that answers by the usual name, where none of several does."""
    components: list[Any] = [
        pipe for name, pipe in nlp.pipeline if nlp.get_pipe_meta(name).factory == "brnn_sentiment"
    ]
    if components and all(component.extension != "sentiment" for component in components):
        components[-1].extension = "sentiment"
    return nlp


def _advice(folder: Path) -> str:
    trained = folder / "model-best"  # As `spacy train` leaves it.
    return f"; name {trained}" if trained.is_dir() else " (it holds no config.cfg)"


def no_gpu(gpu_id: int, error: Exception) -> str:
    """Why a GPU cannot be used, in one line."""
    advice = ": install the extra cuda12x or cuda13x" if "CuPy" in str(error) else ""
    return f"cannot use GPU {gpu_id}: {' '.join(str(error).split())}{advice}"
