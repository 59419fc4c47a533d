"""Reading and writing the weights that ship: arrays in half precision, no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import srsly
from thinc.api import Model

from . import storage

DEFAULT = "sentiment_en"
FILE_NAME = "weights.safetensors"


def folder(name: str) -> Path:
    """Where the model of that name lies.

    Raises ValueError for a name that does not ship.
    """
    path = Path(__file__).parent / name
    if name not in shipped_names():
        raise ValueError(f"no weights named {name!r} ship; there are: {', '.join(shipped_names())}")
    return path


def shipped_names() -> list[str]:
    """The names of the models that ship."""
    return sorted(file.parent.name for file in Path(__file__).parent.glob(f"*/{FILE_NAME}"))


def save(model: Model, path: Path, dtypes: Mapping[str, str] | None = None) -> None:
    """Write a model's weights, rounded to half precision, to a folder.

    The precision costs nothing that can be measured and halves the size.

    dtypes: a parameter's name to another precision, such as {"E": "int8"} for a large table;
        storage.write says which there are.
    Raises ValueError for a name or a precision that there is not, and for values out of range.
    """
    message = srsly.msgpack_loads(model.to_bytes())
    message["attrs"] = [_map_values(srsly.msgpack_loads, node) for node in message["attrs"]]
    message["shims"] = [[srsly.msgpack_loads(shim) for shim in node] for node in message["shims"]]
    for node in message["shims"]:
        for shim in node:
            shim["state"] = srsly.msgpack_loads(shim["state"])
    storage.write(path / FILE_NAME, message, dtypes)


def load(model: Model, name: str) -> None:
    """Read the weights of that name into a model of their architecture.

    Raises ValueError where the file of the weights is not whole.
    """
    model.from_dict(_read(folder(name)))


def _read(path: Path) -> dict[str, Any]:
    """The message that Model.from_dict takes."""
    message = storage.read(path / FILE_NAME)
    message["attrs"] = [_map_values(srsly.msgpack_dumps, node) for node in message["attrs"]]
    for node in message["shims"]:
        for shim in node:
            shim["state"] = srsly.msgpack_dumps(shim["state"])
    message["shims"] = [[srsly.msgpack_dumps(shim) for shim in node] for node in message["shims"]]
    return message


def _map_values(function: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {name: function(value) for name, value in values.items()}
