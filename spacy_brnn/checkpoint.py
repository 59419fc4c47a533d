"""What a long training goes on from after it was stopped."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from .corpora.errors import CorpusError

NAME = "checkpoint.pt"
# Between two that are saved.
SECONDS = 180.0


class Stateful(Protocol):
    """A part of a training: a model, an optimizer, a schedule of rates, a source of chance."""

    def state_dict(self) -> dict[str, Any]:
        """All that it needs to go on, in tensors and plain values."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Go on from there."""


class RandomState:
    """That of PyTorch's own generators: the CPU's, and the device's where that is a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def state_dict(self) -> dict[str, Any]:
        """Of each generator, its state."""
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from a state; one of another kind of device is left out."""
        torch.set_rng_state(state_dict["cpu"])
        if self.device.type == "cuda" and "cuda" in state_dict:
            torch.cuda.set_rng_state(state_dict["cuda"], self.device)


class Checkpoint:
    """The parts of a training and the steps that are done, kept in a file.

    path: the file. plan: of `make_plan`. parts: by their names.
    seconds: least time between two that `save_if_due` saves.
    """

    def __init__(
        self,
        path: Path,
        plan: dict[str, Any],
        parts: Mapping[str, Stateful],
        seconds: float = SECONDS,
    ) -> None:
        self.path, self.plan, self.parts, self.seconds = path, plan, parts, seconds
        self._partial = path.with_name(path.name + ".partial")
        self._saved = time.monotonic()

    def resume(self) -> int:
        """Give the parts the state that is kept, if one is. RETURNS: the steps that are done.

        Makes its folder: where that cannot be done, it is known before the work.
        Raises CorpusError for a checkpoint of another training.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            return 0
        state = self._load()
        if state["plan"] != self.plan:
            raise CorpusError(
                f"{self.path} is of another training: {_differences(state['plan'], self.plan)}: "
                "give the same settings to go on, or remove it to begin anew"
            )
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        return state["step"]

    def save_if_due(self, step: int) -> None:
        """Save the parts' states after this many steps, unless that was done just before."""
        if time.monotonic() - self._saved > self.seconds:
            self.save(step)
            self._saved = time.monotonic()

    def save(self, step: int) -> None:
        """Save the parts' states after this many steps."""
        states = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save({**states, "plan": self.plan, "step": step}, self._partial)
        os.replace(self._partial, self.path)

    def remove(self) -> None:
        """Forget it: what was trained is written."""
        for path in (self.path, self._partial):
            path.unlink(missing_ok=True)

    def _load(self) -> dict[str, Any]:
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            said = (str(error) or type(error).__name__).splitlines()[0]
            raise CorpusError(
                f"{self.path} cannot be read ({said}): remove it to begin anew"
            ) from None
        if "plan" not in state:
            raise CorpusError(
                f"{self.path} does not say of what training it is: remove it to begin anew, or "
                "write elsewhere"
            )
        return state


def make_plan(
    schedule: Mapping[str, Any], model: nn.Module, texts: str, **settings: Any
) -> dict[str, Any]:
    """What makes one training another one, in values that a file can hold.

    model: as it is before the training. texts: a digest of what is read, in its order, and of what
    it teaches. settings: what else counts.
    """
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).numpy().data)
    plan = {**schedule, **settings, "weights": digest.hexdigest(), "digest": texts}
    plan.pop("checkpoint_seconds", None)  # It changes no weight.
    return plan


def _differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    if old.keys() != new.keys():
        return "it was made by another version of this package"
    words = {
        "digest": "the texts are others",
        "weights": "it began with other weights",
        "config": "the config is another",
    }
    return "; ".join(
        words.get(name, f"{name} was {old[name]}, is {value}")
        for name, value in new.items()
        if old[name] != value
    )
