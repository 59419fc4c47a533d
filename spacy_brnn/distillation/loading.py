"""Loading of a teacher from a folder of Hugging Face, for the commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from thinc.util import get_torch_default_device


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
