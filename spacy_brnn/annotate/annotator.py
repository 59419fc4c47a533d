"""A loaded pipeline that annotates batches of texts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spacy_brnn.annotate.fields import (
    ENTITIES,
    EXTRA_FIELDS,
    SENTIMENT,
    SEVERAL_LABELS,
    DocFields,
    label_fields,
)
from spacy_brnn.annotate.records import AnnotateError, Targeted, one_line, replace_surrogates
from spacy_brnn.loading import (
    PipelineError,
    allow_long_texts,
    find_component,
    load_named_pipeline,
    no_gpu,
    sets_attribute,
)
from spacy_brnn.targets.fields import TARGETS_FIELD, toward_places

if TYPE_CHECKING:
    import numpy
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

MOST_NEW_STRINGS = 300_000
"""How many words a pipeline may learn before it forgets them again: a corpus has no end of them."""
KEPT_NEW_STRINGS = 30_000
"""How many it learns first and keeps: spaCy's tokenizer remembers what is made of these alone."""

_RULES = ("entity_ruler", "span_ruler")
"""What they find stays, and brnn_ner finds the rest."""


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


@dataclass(frozen=True, slots=True)
class Tokenized:
    """All that spaCy's tokenizer knows of a text, in the form that is the fastest to read.

    A serialized Doc takes longer to read than its text takes to tokenize.

    words: the tokens' texts; spaces: whether a space follows each; norms: the hash of each
    token's norm, which is one that the vocab knows, of a word or of a tokenizer exception.
    """

    words: list[str]
    spaces: list[bool]
    norms: numpy.ndarray

    @classmethod
    def of(cls, doc: Doc) -> Tokenized:
        """Take it from a Doc to which nothing but the tokenizer was applied."""
        from spacy.attrs import NORM, ORTH, SPACY

        strings = doc.vocab.strings
        words, spaces, norms = doc.to_array([ORTH, SPACY, NORM]).T
        return cls([strings[word] for word in words.tolist()], spaces.astype(bool).tolist(), norms)

    def to_doc(self, vocab: Vocab) -> Doc:
        """The Doc again."""
        from spacy.attrs import NORM
        from spacy.tokens import Doc

        doc = Doc(vocab, words=self.words, spaces=self.spaces)
        norms: Any = self.norms[:, None]  # spaCy's stub knows no numpy.
        return doc.from_array([NORM], norms)


Document = str | bytes | Tokenized


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """What every process of a run makes its Annotator of.

    model: a pipeline's folder or package; None for a blank English pipeline with the
    `brnn_sentiment` that ships. gpu_id: the CUDA device, -1 for the CPU. with_docs: also keep
    the Docs, serialized. neutral: ask for the third label, NEUTRAL. entities: add the `brnn_ner`
    that ships, unless the pipeline has one. extra_fields: names among EXTRA_FIELDS. targets:
    documents come as Targeted, and get the sentiment toward their places.
    """

    model: str | None = None
    gpu_id: int = -1
    with_docs: bool = False
    neutral: bool = False
    entities: bool = False
    extra_fields: tuple[str, ...] = ()
    targets: bool = False

    def load(self) -> Annotator:
        """Load the pipeline, for a process of the run's own.

        It keeps to one core, so that results do not depend on how many there are.
        """
        annotator = Annotator(self)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(1)
        return annotator


class Annotator:
    """A spaCy pipeline with `brnn_sentiment`, `textcat_multilabel` or what sets entities.

    Raises AnnotateError if the pipeline cannot be loaded, sets neither, or lacks what is asked for.
    """

    def __init__(self, options: PipelineOptions) -> None:
        """Load the pipeline."""
        if options.gpu_id >= 0:
            _use_gpu(options.gpu_id)
        self._with_docs = options.with_docs
        model = options.model
        self.nlp = _load(model, neutral=options.neutral)
        if options.entities:
            _add_entities(self.nlp, model)
        self._fields = _fields(self.nlp, model, options.extra_fields)
        names = dict.fromkeys(name for fields in self._fields for name in fields.columns)
        self.columns = (*names, TARGETS_FIELD) if options.targets else tuple(names)
        if options.targets:
            _check_head(self.nlp, model)
        allow_long_texts(self.nlp)
        self._words = ForgottenWords(self.nlp)

    def __call__(self, documents: Sequence[Document | Targeted]) -> Annotations:
        """Annotate one batch of texts (or of serialized Docs, or of tokenized texts).

        A document that the pipeline cannot take is a Failure; the others are annotated.
        """
        self._words.forget()
        refused = [self._refuse(text) for text in documents]
        pairs = zip(documents, refused, strict=True)
        accepted = [document for document, refusal in pairs if not refusal]
        annotated = iter(self._annotate(accepted))
        return Annotations(self.columns, [refusal or next(annotated) for refusal in refused])

    def _refuse(self, document: Document | Targeted) -> Failure | None:
        limit = self.nlp.max_length
        document = _bare(document)
        if not isinstance(document, str) or len(document) <= limit:
            return None
        return Failure(
            f"{len(document):,} characters are more than the pipeline's max_length ({limit:,})"
        )

    def _annotate(self, documents: Sequence[Document | Targeted]) -> list[Annotation | Failure]:
        try:
            bare = map(_bare, documents)
            docs = self.nlp.pipe(map(self._prepare, bare), batch_size=len(documents) or 1)
            if TARGETS_FIELD not in self.columns:
                return [self._annotation(doc) for doc in docs]
            scored = list(docs)
            places = [document.places for document in documents if isinstance(document, Targeted)]
            pairs = zip(scored, toward_places(scored, places), strict=True)
            return [self._annotation(doc, {TARGETS_FIELD: toward}) for doc, toward in pairs]
        except Exception as error:
            if len(documents) == 1:
                return [Failure(f"the pipeline failed: {type(error).__name__}: {error}")]
        # One document spoils the whole batch: find it by taking each one alone.
        return [result for document in documents for result in self._annotate([document])]

    def _prepare(self, document: Document) -> str | Doc:
        if isinstance(document, str):
            return replace_surrogates(document)
        if not isinstance(document, bytes):
            return document.to_doc(self.nlp.vocab)
        from spacy.tokens import Doc

        return Doc(self.nlp.vocab).from_bytes(document)

    def _annotation(self, doc: Doc, more: Mapping[str, Any] | None = None) -> Annotation:
        values: dict[str, Any] = {}
        for fields in self._fields:
            values.update(fields.make(doc))
        return Annotation({**values, **(more or {})}, doc.to_bytes() if self._with_docs else None)


class ForgottenWords:
    """Lets a pipeline forget, now and then, the words that it has learnt from documents.

    It keeps the first: in a memory zone of spaCy's the tokenizer remembers nothing anew, and is
    slow with what it does not remember. A zone for each batch would cost a third of the time, too.
    """

    def __init__(self, nlp: Language) -> None:
        """Count the words that the pipeline knows."""
        self._nlp = nlp
        self._zone: ExitStack | None = None
        known = len(nlp.vocab.strings)
        self._kept, self._most = known + KEPT_NEW_STRINGS, known + MOST_NEW_STRINGS

    def forget(self) -> None:
        """Forget them if they are many; no Doc of the pipeline may be in use."""
        if len(self._nlp.vocab.strings) <= (self._most if self._zone else self._kept):
            return
        if self._zone:
            self._zone.close()
        self._zone = ExitStack()
        self._zone.enter_context(self._nlp.memory_zone())


def _bare(document: Document | Targeted) -> Document:
    return document.document if isinstance(document, Targeted) else document


def _sentiment(nlp: Language, model: str | None, option: str) -> Any:
    """The brnn_sentiment that the option is for."""
    try:
        return find_component(nlp, "brnn_sentiment", model)
    except PipelineError as error:
        raise AnnotateError(f"{error}; leave {option} out") from error


def _check_head(nlp: Language, model: str | None) -> None:
    component = _sentiment(nlp, model, "--targets")
    try:
        component.score_targets([])
    except ValueError as error:
        raise AnnotateError(
            f"--targets: {one_line(error)}; without --model, the weights that ship have one"
        ) from error


def _load(model: str | None, *, neutral: bool) -> Language:
    try:
        nlp = load_named_pipeline(model)
    except PipelineError as error:
        raise AnnotateError(str(error)) from error
    if neutral:
        _ask_for_neutral(nlp, model)
    return nlp


def _ask_for_neutral(nlp: Language, model: str | None) -> None:
    component = _sentiment(nlp, model, "--neutral")
    try:
        if hasattr(component, "neutral"):
            component.neutral = True
        labels = component.labels
    except ValueError as error:
        raise AnnotateError(f"{model}: {one_line(error)}; leave --neutral out") from error
    if "NEUTRAL" not in labels:
        raise AnnotateError(
            f"the pipeline {model} has no label NEUTRAL (its labels: {', '.join(labels)}); "
            "leave --neutral out"
        )


def _add_entities(nlp: Language, model: str | None) -> None:
    factories = {name: nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    if "brnn_ner" in factories.values():
        return
    for name, factory in factories.items():
        if "doc.ents" in nlp.get_pipe_meta(name).assigns and factory not in _RULES:
            raise AnnotateError(
                f"the pipeline {model} finds entities already, by {name!r}; leave --entities out"
            )
    if nlp.lang != "en":
        raise AnnotateError(
            f"--entities adds a recognizer of English, but the language of the pipeline {model} "
            f"is {nlp.lang!r}; leave it out, or add a brnn_ner of your own to the pipeline"
        )
    nlp.add_pipe("brnn_ner")


def _fields(nlp: Language, model: str | None, extra: Sequence[str]) -> list[DocFields]:
    fields = []
    factories = {nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    if sets_attribute(nlp, "doc._.sentiment") or "brnn_sentiment" in factories:
        fields.append(SENTIMENT)
    if SEVERAL_LABELS in factories:
        fields.append(label_fields(_several_labels(nlp, model)))
    if sets_attribute(nlp, "doc.ents") or "brnn_ner" in factories:
        fields.append(ENTITIES)
    if not fields:
        raise AnnotateError(
            f"the pipeline {model} has neither brnn_sentiment nor {SEVERAL_LABELS} nor a component "
            f"that sets entities (it has: {', '.join(nlp.pipe_names) or 'nothing'})"
        )
    fields += [EXTRA_FIELDS[name] for name in extra]
    for one in fields:
        if one.prepare is not None:
            try:
                one.prepare(nlp)
            except ValueError as error:
                raise AnnotateError(one_line(error)) from error
    return fields


def _several_labels(nlp: Language, model: str | None) -> Any:
    """The textcat_multilabel, whose labels must not be another component's: cats are one dict."""
    writers: dict[str, Any] = {
        name: nlp.get_pipe(name)
        for name in nlp.pipe_names
        if "doc.cats" in nlp.get_pipe_meta(name).assigns
    }
    several = [name for name in writers if nlp.get_pipe_meta(name).factory == SEVERAL_LABELS]
    if len(several) > 1:
        raise AnnotateError(
            f"the pipeline {model} has {len(several)} {SEVERAL_LABELS} ({', '.join(several)}): "
            "annotate with a pipeline of one"
        )
    component = writers.pop(several[0])
    for name, other in writers.items():
        if shared := set(component.labels) & set(getattr(other, "labels", ())):
            raise AnnotateError(
                f"the pipeline {model} has the label {min(shared)} twice, in {name!r} and "
                f"{several[0]!r}, and doc.cats has room for one: annotate with each by itself"
            )
    return component


def _use_gpu(gpu_id: int) -> None:
    import spacy

    try:
        spacy.require_gpu(gpu_id)  # type: ignore[attr-defined]  # Of Thinc, handed on.
    except ValueError as error:
        raise AnnotateError(no_gpu(gpu_id, error)) from error
