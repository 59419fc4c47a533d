"""Sentiment annotation for spaCy with bidirectional recurrent networks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evidence.render import render
    from .pipeline.extensions import score_spans
    from .pipeline.sentiment_value import Sentiment

__version__ = "0.1.0"
__all__ = ["Sentiment", "render", "score_spans"]

_PLACES = {
    "Sentiment": ".pipeline.sentiment_value",
    "render": ".evidence.render",
    "score_spans": ".pipeline.extensions",
}


def __getattr__(name: str) -> Any:
    # Importing the package stays cheap: spaCy comes in when it is needed.
    if name in _PLACES:
        return getattr(import_module(_PLACES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
