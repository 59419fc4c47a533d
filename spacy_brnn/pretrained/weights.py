"""Reading and writing the weights that ship: arrays in half precision, no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import srsly
from thinc.api import Model
from thinc.util import convert_recursive

DEFAULT = "imdb_brnn"
FILE_NAME = "weights.msgpack"


def folder(name: str) -> Path:
    """Where the model of that name lies.

    Raises ValueError for a name that does not ship.
    """
    path = Path(__file__).parent / name
    if not (path / FILE_NAME).is_file():
        shipped = sorted(p.parent.name for p in path.parent.glob(f"*/{FILE_NAME}"))
        raise ValueError(f"no weights named {name!r} ship; there are: {', '.join(shipped)}")
    return path


def save(model: Model, path: Path) -> None:
    """Write a model's weights, rounded to half precision, to a folder.

    The precision costs nothing that can be measured and halves the size.
    """
    message = srsly.msgpack_loads(model.to_bytes())
    message["shims"] = [[srsly.msgpack_loads(shim) for shim in node] for node in message["shims"]]
    for node in message["shims"]:
        for shim in node:
            shim["state"] = srsly.msgpack_loads(shim["state"])
    srsly.write_msgpack(path / FILE_NAME, _convert(message, "float32", "float16"))


def load(model: Model, name: str) -> None:
    """Read the weights of that name into a model of their architecture."""
    message = _convert(srsly.read_msgpack(folder(name) / FILE_NAME), "float16", "float32")
    for node in message["shims"]:
        for shim in node:
            shim["state"] = srsly.msgpack_dumps(shim["state"])
    message["shims"] = [[srsly.msgpack_dumps(shim) for shim in node] for node in message["shims"]]
    model.from_dict(message)


def _convert(message: Any, old: str, new: str) -> Any:
    def is_old(value: Any) -> bool:
        return isinstance(value, numpy.ndarray) and value.dtype == old

    return convert_recursive(is_old, lambda array: array.astype(new), message)
