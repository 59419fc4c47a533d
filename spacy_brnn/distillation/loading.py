"""What the commands begin with: their device, and a teacher from a folder of Hugging Face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import torch
from spacy.cli._util import setup_gpu
from thinc.util import get_torch_default_device


def use_device(gpu_id: int) -> None:
    """Compute on that GPU from now on; -1 is the CPU.

    Beside a GPU this process keeps to one thread: what is left for the CPU is too short to share,
    and where other processes have cores, threads that wait for each other cost more than the GPU.
    """
    setup_gpu(gpu_id)
    if gpu_id >= 0:
        torch.set_num_threads(1)


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Say in one line that an extra is not installed, where what is imported within lacks it."""
    try:
        yield
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'spacy-brnn[{extra}]'"
        ) from None


def load_folder(kind: Callable[..., Any], folder: Path, *settings: Any) -> Any:
    """A teacher of this kind, on the device in use.

    Raises click.ClickException for a folder that holds none.
    """
    if not (folder / "config.json").exists():
        raise click.ClickException(f"{folder} is no model of Hugging Face: it has no config.json")
    try:
        return kind(folder, *settings).to(get_torch_default_device())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{folder}: {error}") from None


def load_taught(kind: Callable[..., Any], folder: Path, *settings: Any, command: str) -> Any:
    """As load_folder, of a teacher that is to score.

    command: which teaches such a one.
    Raises click.ClickException, too, for a folder without a head.
    """
    teacher = load_folder(kind, folder, *settings)
    if not teacher.is_taught:
        raise click.ClickException(
            f"{folder} holds an encoder without a head, whose scores would be chance: teach it "
            f"first, by `{command}`"
        )
    return teacher
