"""Whether what was saved is whole and fits, asked before a component gives up what it has."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import srsly
from thinc.api import Model

from ..architectures.vector_table import copy_vector_tables

# Of a component, as `to_bytes` writes them.
PARTS = frozenset(("cfg", "model", "vocab"))


def check_folder(factory: str, path: Path, model: Model, exclude: Sequence[str]) -> None:
    """Raise ValueError unless the folder of a component can be loaded into such a model."""
    names = [name for name in ("cfg", "model") if name not in exclude]
    for name in names:
        if not (path / name).is_file():
            raise ValueError(
                f"{path} is not the folder of a saved {factory}: it has no file {name!r}"
            )
    if "cfg" in names:
        _check_readable(path / "cfg", srsly.read_json)
    _check_weights(str(path / "model"), (path / "model").read_bytes(), model)
    if "vocab" not in exclude and not (path / "vocab").is_dir():
        raise ValueError(
            f"{path} has no folder 'vocab', as no component within a saved pipeline has: load it "
            'with exclude=["vocab"]'
        )


def check_bytes(factory: str, data: bytes, model: Model) -> bool:
    """Whether a component's bytes hold a model: `to_bytes` may have excluded it.

    Raises ValueError where they are none, or hold one that cannot be loaded into such a model.
    """
    try:
        saved = srsly.msgpack_loads(data)
        known = PARTS.intersection(saved)
    except (ValueError, TypeError) as error:
        raise ValueError(f"these are not the bytes of a saved {factory}: {error}") from error
    if not isinstance(saved, dict) or not known:
        raise ValueError(f"these are not the bytes of a saved {factory}: they hold no part of one")
    if "model" in saved:
        _check_weights("the bytes of the model", saved["model"], model)
    return "model" in saved


def _check_readable(file: Path, read: Callable[[Path], object]) -> None:
    try:
        read(file)
    except ValueError as error:
        raise ValueError(f"{file} cannot be read ({error}): save the pipeline anew") from error


def _check_weights(place: str, data: bytes, model: Model) -> None:
    """Load them into a model of the same shape, which is thrown away."""
    if "untrained" in model.attrs:
        trial = model.attrs["untrained"]()
        copy_vector_tables(model, trial)
    else:
        trial = copy.deepcopy(model)
    try:
        srsly.msgpack_loads(data)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{place} cannot be read ({error}): it is cut short or damaged, save the pipeline anew"
        ) from error
    try:
        trial.from_bytes(data)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise ValueError(
            f"{place} is of another model than the config describes: {error}"
        ) from error
