"""What the user may choose about a run, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy_brnn.annotate.tally import Tally

STDOUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotateOptions:
    """Everything the user may choose.

    inputs: files, globs, folders, "-"; output: a file, or "-" for standard output; model: see
    Annotator; n_process: None for one per core; gpu_id: the CUDA device, -1 for the CPU; errors:
    "stop" or "skip"; rejects: the rejects file, None for OUTPUT.rejects.jsonl;
    checkpoint_seconds: least time between two checkpoints; engine: "local" or "ray"; ray_address:
    the cluster's address, None for one on this machine.
    """

    inputs: Sequence[str]
    output: str = STDOUT
    model: str | None = None
    text_field: str = "text"
    batch_size: int = 256
    n_process: int | None = None
    gpu_id: int = -1
    input_format: str | None = None
    output_format: str | None = None
    errors: str = "stop"
    rejects: str | None = None
    restart: bool = False
    checkpoint_seconds: float = 10.0
    quiet: bool = False
    report: str | None = None
    engine: str = "local"
    ray_address: str | None = None

    @property
    def rejects_path(self) -> Path | None:
        """Where rejected records go; None for standard error."""
        if self.rejects:
            return Path(self.rejects)
        return None if self.output == STDOUT else Path(f"{self.output}.rejects.jsonl")


@dataclass(slots=True)
class Result:
    """What a run did: its counts, and the files it wrote (None where it wrote none)."""

    tally: Tally
    output: Path | None
    rejects: Path | None = None
    resumed_at: int = 0
