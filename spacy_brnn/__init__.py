"""Sentiment annotation for spaCy with bidirectional recurrent networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy_brnn.evidence.render import render

__version__ = "0.1.0"
__all__ = ["__version__", "render"]


def __getattr__(name: str) -> Any:
    """`spacy_brnn.render`, imported when it is asked for: importing spaCy takes seconds."""
    if name == "render":
        from spacy_brnn.evidence.render import render

        return render
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
