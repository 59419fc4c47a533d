"""A loaded pipeline that annotates batches of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.values import encodable

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    from spacy_brnn.annotate.tokenized import Tokenized

SENTIMENT_FIELDS = ("sentiment_label", "sentiment_score", "sentiment_polarity")
ENTITIES_FIELD = "entities"
LONGEST_DOCUMENT = 1_000_000_000
MOST_NEW_STRINGS = 300_000
"""How many words a pipeline may learn before it is loaded anew: its vocabulary only ever grows."""
DECIMALS = 6

_MEMORY_PER_TOKEN = (
    "parser",
    "beam_parser",
    "ner",
    "beam_ner",
    "transformer",
    "curated_transformer",
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a pipeline says about one document.

    fields: the output fields, JSON values; doc: the serialized Doc where it was asked for.
    """

    fields: dict[str, Any]
    doc: bytes | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the pipeline could not annotate a document."""

    reason: str


@dataclass(frozen=True, slots=True)
class Annotations:
    """A batch's results, in the batch's order, and the names of the fields they hold."""

    columns: tuple[str, ...]
    results: list[Annotation | Failure]


class Annotator:
    """A spaCy pipeline with `brnn_sentiment`, or with a component that sets entities.

    model: a pipeline's folder or package; None for a blank English pipeline with the
    `brnn_sentiment` that ships. gpu_id: the CUDA device, -1 for the CPU. with_docs: also keep
    the Docs, serialized.

    Raises AnnotateError if the pipeline cannot be loaded, or sets neither.
    """

    def __init__(
        self, model: str | Path | None = None, gpu_id: int = -1, *, with_docs: bool = False
    ) -> None:
        """Load the pipeline."""
        if gpu_id >= 0:
            _use_gpu(gpu_id)
        self._model = model
        self._with_docs = with_docs
        self._load()
        self._sentiment = _sets(self.nlp, "doc._.sentiment", "brnn_sentiment")
        self._entities = _sets(self.nlp, "doc.ents", "brnn_ner")
        if not (self._sentiment or self._entities):
            raise AnnotateError(
                f"the pipeline {model} has neither brnn_sentiment nor a component that sets "
                f"entities (it has: {', '.join(self.nlp.pipe_names) or 'nothing'})"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the fields that annotations hold."""
        sentiment = SENTIMENT_FIELDS if self._sentiment else ()
        return (*sentiment, ENTITIES_FIELD) if self._entities else sentiment

    def __call__(self, documents: Sequence[str | bytes | Tokenized]) -> Annotations:
        """Annotate one batch of texts (or of serialized Docs, or of tokenized texts).

        A document that the pipeline cannot take is a Failure; the others are annotated.
        """
        if len(self.nlp.vocab.strings) > self._most_strings:
            self._load()
        results: list[Annotation | Failure | None] = [self._refuse(text) for text in documents]
        accepted = [index for index, refused in enumerate(results) if refused is None]
        annotated = self._annotate([documents[index] for index in accepted])
        for index, result in zip(accepted, annotated, strict=True):
            results[index] = result
        return Annotations(self.columns, results)

    def _load(self) -> None:
        self.nlp = _load(self._model)
        self._most_strings = len(self.nlp.vocab.strings) + MOST_NEW_STRINGS
        if not any(self._factory(name) in _MEMORY_PER_TOKEN for name in self.nlp.pipe_names):
            self.nlp.max_length = LONGEST_DOCUMENT

    def _refuse(self, document: str | bytes | Tokenized) -> Failure | None:
        limit = self.nlp.max_length
        if not isinstance(document, str) or len(document) <= limit:
            return None
        return Failure(
            f"{len(document):,} characters are more than the pipeline's max_length ({limit:,})"
        )

    def _annotate(self, documents: list[str | bytes | Tokenized]) -> list[Annotation | Failure]:
        try:
            docs = self.nlp.pipe(map(self._prepare, documents), batch_size=len(documents) or 1)
            return [self._annotation(doc) for doc in docs]
        except Exception as error:
            if len(documents) == 1:
                return [Failure(f"the pipeline failed: {type(error).__name__}: {error}")]
        # One document spoils the whole batch: find it by taking each one alone.
        return [result for document in documents for result in self._annotate([document])]

    def _prepare(self, document: str | bytes | Tokenized) -> str | Doc:
        if isinstance(document, str):
            return encodable(document)
        if not isinstance(document, bytes):
            return document.to_doc(self.nlp.vocab)
        from spacy.tokens import Doc

        return Doc(self.nlp.vocab).from_bytes(document)

    def _annotation(self, doc: Doc) -> Annotation:
        fields: dict[str, Any] = {}
        if self._sentiment:
            sentiment = doc._.sentiment
            if sentiment is None:
                raise ValueError("the pipeline gave the document no sentiment")
            values = (
                sentiment.label,
                round(float(sentiment.score), DECIMALS),
                round(float(sentiment.polarity), DECIMALS),
            )
            fields.update(zip(SENTIMENT_FIELDS, values, strict=True))
        if self._entities:
            fields[ENTITIES_FIELD] = [
                {
                    "start": ent.start_char,
                    "end": ent.end_char,
                    "label": ent.label_,
                    "text": ent.text,
                }
                for ent in doc.ents
            ]
        return Annotation(fields, doc.to_bytes() if self._with_docs else None)

    def _factory(self, pipe_name: str) -> str:
        return self.nlp.get_pipe_meta(pipe_name).factory


def _load(model: str | Path | None) -> Language:
    import spacy

    try:
        if model is not None:
            return spacy.load(model)
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_sentiment")
        return nlp
    except (OSError, ValueError, ImportError, KeyError) as error:
        name = "that ships" if model is None else model
        line = " ".join(str(error).split())
        raise AnnotateError(f"cannot load the pipeline {name}: {line}") from error


def _sets(nlp: Language, attribute: str, factory: str) -> bool:
    metas = [nlp.get_pipe_meta(name) for name in nlp.pipe_names]
    return any(attribute in meta.assigns or meta.factory == factory for meta in metas)


def _use_gpu(gpu_id: int) -> None:
    import spacy

    try:
        spacy.require_gpu(gpu_id)
    except ValueError as error:
        line = " ".join(str(error).split())
        raise AnnotateError(f"cannot use GPU {gpu_id}: {line}") from error
