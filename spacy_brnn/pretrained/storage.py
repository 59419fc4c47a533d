"""Nested lists and dicts with arrays among them, as a file of tensors, without pickle."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

# One entry alone: the order of several would differ from file to file.
METADATA = "spacy-brnn"
# Stands in the structure for the tensor of that name.
TENSOR = "tensor"
SCALE = ".scale"
DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int8": torch.int8,
}


def write(path: Path, content: Any, dtypes: Mapping[str, str] | None = None) -> None:
    """Write a structure; its arrays of float32 are rounded, others stay as they are.

    content: lists, dicts with names as keys, numpy arrays, and what JSON knows.
    dtypes: the last name of an array to what it is written in: "float32", "bfloat16",
        "float16" (which all others get) or "int8" (rows, each with a scale of its own).
    Raises ValueError for a name or dtype that there is not, and for values out of its range.
    """
    arrays: dict[str, numpy.ndarray] = {}
    structure = _take_arrays(content, [], arrays)
    tensors = _encode_all(arrays, dtypes or {})
    metadata = json.dumps({"content": structure, "checksum": _checksum(tensors)})
    save_file(tensors, path, metadata={METADATA: metadata})


def read(path: Path) -> Any:
    """Read what write wrote; rounded arrays are float32 again.

    Raises ValueError where the file is not whole.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[METADATA])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata["checksum"] != _checksum(tensors):
            raise ValueError("its checksum is another one")
        return _put_arrays(metadata["content"], tensors)
    except (SafetensorError, KeyError, ValueError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> ValueError:
    """The error for a file of weights that cannot be read."""
    return ValueError(
        f"{path} is damaged or not a file of weights ({error}): install spacy-brnn again, or "
        "take the file from its source again"
    )


def _take_arrays(value: Any, place: list[str], arrays: dict[str, numpy.ndarray]) -> Any:
    if isinstance(value, numpy.ndarray):
        arrays[".".join(place)] = value
        return {TENSOR: ".".join(place)}
    if isinstance(value, dict):
        return {key: _take_arrays(item, [*place, key], arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_take_arrays(item, [*place, str(i)], arrays) for i, item in enumerate(value)]
    return value


def _put_arrays(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict) and list(value) == [TENSOR]:
        return _decode(tensors, value[TENSOR])
    if isinstance(value, dict):
        return {key: _put_arrays(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_arrays(item, tensors) for item in value]
    return value


def _encode_all(arrays: dict[str, numpy.ndarray], dtypes: Mapping[str, str]) -> dict[str, Tensor]:
    last_names = {name.rpartition(".")[2] for name in arrays}
    for name, dtype in dtypes.items():
        if name not in last_names:
            raise ValueError(f"no array is named {name!r}; there are: {', '.join(last_names)}")
        if dtype not in DTYPES:
            raise ValueError(f"a dtype must be one of {', '.join(DTYPES)}, not {dtype!r}")
    tensors: dict[str, Tensor] = {}
    for name, array in arrays.items():
        tensor = torch.from_numpy(array.copy())  # those of msgpack are read-only
        dtype = dtypes.get(name.rpartition(".")[2], "float16")
        tensors |= _encode(name, tensor, dtype) if array.dtype == "float32" else {name: tensor}
    return tensors


def _encode(name: str, tensor: Tensor, dtype: str) -> dict[str, Tensor]:
    if dtype == "int8":
        scale = tensor.abs().amax(dim=-1, keepdim=True) / 127
        rows = (tensor / scale.clamp_min(torch.finfo(scale.dtype).tiny)).round()
        encoded = {name: rows.to(torch.int8), name + SCALE: scale}
    else:
        encoded = {name: tensor.to(DTYPES[dtype])}
    if not all(x.isfinite().all() for x in encoded.values()):
        raise ValueError(f"{name} has values that {dtype} has no number for")
    return encoded


def _decode(tensors: dict[str, Tensor], name: str) -> numpy.ndarray:
    tensor = tensors[name]
    if name + SCALE in tensors:
        tensor = tensor * tensors[name + SCALE]
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _checksum(tensors: dict[str, Tensor]) -> int:
    checksum = 0
    for name in sorted(tensors):
        flat = tensors[name].contiguous().flatten()
        checksum = zlib.crc32(flat.view(torch.uint8).numpy().data, checksum)
    return checksum
