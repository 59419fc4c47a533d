"""The file of a trained head for targets: arrays in half precision, no pickle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy
import srsly
import torch
from torch.random import fork_rng

from ..architectures.cut_model import CutModel
from ..nn.target_head import TargetHead

FILE_NAME = "toward.msgpack"


def save_head(head: TargetHead, sizes: dict[str, int], cut: CutModel, path: Path) -> None:
    """Write a head; it goes with this encoder only.

    sizes: the arguments that it was made with.
    """
    state = {name: array.numpy().astype("float16") for name, array in head.state_dict().items()}
    srsly.write_msgpack(path, {"sizes": sizes, "encoder": fingerprint(cut), "state": state})


def load_head(path: Path, cut: CutModel) -> TargetHead:
    """Read a head.

    Raises ValueError where there is none, or it was trained on another encoder.
    """
    advice = (
        "train one with `python -m spacy_brnn.targets train` and name its file in the setting "
        "`target_head`"
    )
    if not path.is_file():
        raise ValueError(f"there is no head for the sentiment toward a span, {path}: {advice}")
    try:
        message: dict[str, Any] = srsly.read_msgpack(path)
        encoder, sizes, arrays = (message[key] for key in ("encoder", "sizes", "state"))
    except Exception:  # Of msgpack, of what it may hold in place of a dict: any will do.
        raise ValueError(f"{path} is no head for the sentiment toward a span: {advice}") from None
    if encoder != fingerprint(cut):
        raise ValueError(
            f"the head for the sentiment toward a span in {path} was trained on another encoder "
            f"than this pipeline's: {advice}"
        )
    with fork_rng(devices=()):  # What is drawn is replaced.
        head = TargetHead(**sizes)
    state = {name: torch.tensor(array.astype("float32")) for name, array in arrays.items()}
    head.load_state_dict(state)
    return head.eval()


def fingerprint(cut: CutModel) -> str:
    """What tells an encoder from another: a hash of its weights, rounded as they are saved."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in (cut.embed, cut.encode):
        for node in part.walk():
            for name in node.param_names:
                digest.update(_half(node.ops.to_numpy(node.get_param(name))))
            for shim in node.shims:
                for parameter in shim._model.parameters():
                    digest.update(_half(parameter.detach().cpu().numpy()))
    return digest.hexdigest()


def _half(array: numpy.ndarray) -> bytes:
    return array.astype("float16").tobytes()
