"""Telling whether the model is still the same one."""

from __future__ import annotations

import importlib.util
from hashlib import sha256
from pathlib import Path

import spacy

from spacy_brnn.annotate.errors import AnnotateError

_SHIPPED = "spacy_brnn.pretrained"
_BLOCK = 1 << 20


def describe_model(model: str | None) -> str:
    """A digest of the model's files and of spaCy's version.

    Raises AnnotateError if `model` is neither a folder nor an installed package.
    """
    folder = _folder(model)
    digest = sha256(spacy.__version__.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode())
            with open(path, "rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()


def _folder(model: str | None) -> Path:
    if model is not None and Path(model).is_dir():
        return Path(model)
    try:
        spec = importlib.util.find_spec(_SHIPPED if model is None else model)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise AnnotateError(f"{model}: neither a pipeline's folder nor an installed package")
    return Path(spec.submodule_search_locations[0])
