"""Annotating pandas frames: the function to hand to Spark, Dask, Ray or anything else.

    # Dask
    reviews.map_partitions(annotate_frame, meta=annotate_frame(reviews._meta))
    # Spark: schema names the columns that come out
    reviews.mapInPandas(annotate_frames, schema="text string, sentiment_label string, ...")

Each process loads the pipeline once, at its first frame that has a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from spacy_brnn.annotate.annotator import Annotation, Annotator, PipelineOptions
from spacy_brnn.annotate.records import ENTITIES_FIELD, SENTIMENT_FIELDS

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = SENTIMENT_FIELDS[1:]
# Frames may come from several threads, of Dask for one, and an Annotator serves one at a time.
_one_at_a_time = Lock()


def annotate_frame(
    frame: pd.DataFrame,
    *,
    text_field: str = "text",
    model: str | None = None,
    gpu_id: int = -1,
    neutral: bool = False,
    entities: bool = False,
    batch_size: int = 256,
) -> pd.DataFrame:
    """A copy of the frame with the annotation's columns added, index and order kept.

    text_field: the column of texts; a row with a missing value there gets missing values. model,
    gpu_id, neutral, entities: see PipelineOptions. A frame without rows gets the three sentiment
    columns, and that of the entities if these are asked for; no pipeline is loaded for it.

    Raises TypeError for what is no frame, KeyError if it has no such column, ValueError if it has
    two, for a value that is no string, or for a text that the pipeline cannot take, AnnotateError
    if the pipeline cannot be loaded.
    """
    texts = _texts(frame, text_field)
    options = PipelineOptions(model, gpu_id, neutral=neutral, entities=entities)
    columns: tuple[str, ...] = (*SENTIMENT_FIELDS, *([ENTITIES_FIELD] if entities else []))
    rows: list[dict[str, Any]] = [{} for _ in texts]
    present = iter([(index, text) for index, text in enumerate(texts) if text is not None])
    while batch := list(islice(present, batch_size)):
        with _one_at_a_time:
            annotator = _annotator(options)
            annotations = annotator([text for _, text in batch])
        columns = annotations.columns
        for (index, _), result in zip(batch, annotations.results, strict=True):
            if not isinstance(result, Annotation):
                raise ValueError(f"row {frame.index[index]!r}: {result.reason}")
            rows[index] = result.fields
    return frame.assign(**{name: _column(frame, rows, name) for name in columns})


def annotate_frames(frames: Iterator[pd.DataFrame], **options: Any) -> Iterator[pd.DataFrame]:
    """Annotate frames one by one: what Spark's mapInPandas calls.

    options: those of annotate_frame.
    """
    return map(partial(annotate_frame, **options), frames)


def _texts(frame: pd.DataFrame, field: str) -> list[str | None]:
    """The column's strings, None for a missing value."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"annotate_frame takes a pandas DataFrame, not {type(frame).__name__}")
    columns = ", ".join(map(str, frame.columns)) or "none"
    if field not in frame.columns:
        raise KeyError(f'no column "{field}" (columns: {columns}); name it with text_field')
    values = frame[field]
    if values.ndim > 1:
        raise ValueError(f'two columns are called "{field}" (columns: {columns}): rename one')
    texts: list[str | None] = []
    for row, value in zip(frame.index, values, strict=True):
        is_text = isinstance(value, str)
        if not is_text and not (pd.api.types.is_scalar(value) and pd.isna(value)):
            raise ValueError(
                f'row {row!r}: column "{field}" holds {type(value).__name__}, not a string: name '
                "the column of texts with text_field, or make strings of it by astype(str)"
            )
        texts.append(value if is_text else None)
    return texts


def _column(frame: pd.DataFrame, rows: list[dict[str, Any]], name: str) -> pd.Series:
    import pandas as pd

    values = [row.get(name) for row in rows]
    return pd.Series(values, index=frame.index, dtype="float64" if name in _NUMBERS else "object")


@lru_cache(maxsize=1)
def _annotator(options: PipelineOptions) -> Annotator:
    return Annotator(options)
