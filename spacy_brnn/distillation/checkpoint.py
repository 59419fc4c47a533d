"""What a long training goes on from after it was stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from ..corpora.errors import CorpusError

NAME = "checkpoint.pt"
# In a plan, what only this text would have.
DIGEST = "digest"


class Stateful(Protocol):
    """A part of a training: a model, an optimizer, a schedule of rates, a source of chance."""

    def state_dict(self) -> dict[str, Any]:
        """All that it needs to go on, in tensors and plain values."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Go on from there."""


class Chance:
    """The state of PyTorch's own generators: the CPU's, and the device's where that is a GPU."""

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

    folder: where the file is, named NAME.
    plan: what makes one training another one, in values that the file can hold; under DIGEST, of
        the texts.
    parts: by their names. seconds: least time between two that are kept.
    """

    def __init__(
        self, folder: Path, plan: dict[str, Any], parts: Mapping[str, Stateful], seconds: float
    ) -> None:
        self.path = folder / NAME
        self.plan, self.parts, self.seconds = plan, parts, seconds
        self._kept = time.monotonic()

    def resume(self) -> int:
        """Give the parts the state that is kept, if one is. RETURNS: the steps that are done.

        Makes the folder: where that cannot be done, it is known before the work.
        Raises CorpusError for a checkpoint of another training.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            return 0
        state = torch.load(self.path, weights_only=True, map_location="cpu")
        if "plan" not in state:
            raise CorpusError(
                f"{self.path} does not say of what training it is: remove it to begin anew, or "
                "name another folder"
            )
        if state["plan"] != self.plan:
            raise CorpusError(
                f"{self.path} is of another training: {_differences(state['plan'], self.plan)}: "
                "give the same settings to go on, or remove it to begin anew"
            )
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        return state["step"]

    def keep_if_due(self, step: int) -> None:
        """Keep the parts' states after this many steps, unless that was done just before."""
        if time.monotonic() - self._kept <= self.seconds:
            return
        partial = self.path.with_name(NAME + ".partial")
        states = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save({**states, "plan": self.plan, "step": step}, partial)
        os.replace(partial, self.path)
        self._kept = time.monotonic()

    def remove(self) -> None:
        """Forget it: what was trained is written."""
        self.path.unlink(missing_ok=True)


def _differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    found = [
        f"{name} was {old.get(name)}, is {value}"
        for name, value in new.items()
        if name != DIGEST and old.get(name) != value
    ]
    if old.get(DIGEST) != new[DIGEST]:
        found.append("the texts are others")
    return "; ".join(found)
