"""The component brnn_ner."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.training.batchers import minibatch_by_words
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d, Ints1d

from ..architectures.crf_layer import predict_marginals
from ..architectures.one_thread import one_thread
from ..architectures.tagger import add_labels, set_labels
from ..architectures.vector_table import copy_vector_tables
from ..architectures.vocabulary import needs_vocabulary, set_vocabulary
from ..nn.marginals import Marginals
from .ner_confidence import (
    LabelledSpan,
    answer_for,
    forget_confidences,
    keep_confidences,
    register_confidence,
    register_entity_scorer,
)
from .ner_scorer import score_entities
from .ner_tags import TagSet, set_entities
from .saved_model import check_bytes, check_folder

DEFAULT_MODEL = {"@architectures": "spacy-brnn.PretrainedBRNNTagger.v1"}
# Of a batch: fewer are slower, and so are more, which take memory, some 5 KB each.
TOKENS_AT_ONCE = 16_000


@dataclass
class Tagging:
    """What predict finds in a document."""

    tags: Ints1d
    """(tokens,) numbered as in TagSet."""
    confidences: dict[LabelledSpan, float] = field(default_factory=dict)
    """Of the entities, where they are wanted."""
    runners_up: dict[LabelledSpan, float] | None = None
    """All spans that are likely enough, where they are wanted."""


@Language.factory(
    "brnn_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
    default_config={
        "model": DEFAULT_MODEL,
        "min_confidence": 0.0,
        "runners_up": None,
        "keep_confidence": False,
        "scorer": {"@scorers": "spacy-brnn.ner_scorer.v1"},
    },
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_brnn_ner(
    nlp: Language,
    name: str,
    model: Model[list[Doc], list[Floats2d]],
    min_confidence: float,
    runners_up: float | None,
    keep_confidence: bool,
    scorer: Callable | None,
) -> BRNNEntityRecognizer:
    """Create a brnn_ner component; by default with the weights that ship.

    model: a tagger, as spacy-brnn.BRNNTagger.v1 makes.
    min_confidence: entities of a lower probability are left out.
    runners_up: entities that were not chosen are kept in `doc.spans` from this probability on;
        None keeps none.
    keep_confidence: compute the probability of each entity at once, and keep it with the document.
    scorer: the scoring method.
    Raises ValueError for a probability out of range.
    """
    return BRNNEntityRecognizer(
        nlp.vocab,
        model,
        name,
        min_confidence=min_confidence,
        runners_up=runners_up,
        keep_confidence=keep_confidence,
        scorer=scorer,
    )


class BRNNEntityRecognizer(TrainablePipe):
    """Find named entities by tags on every token.

    Sets `doc.ents`. Entities that earlier components have set stay as they are, and the rest
    is tagged to fit them. In training, tokens without annotation may have any tag.

    `ent._.confidence` is the probability that the text has an entity of that label in exactly
    that place, whatever other components have set; it is computed when it is asked for, by
    reading the document once more, and at once where keep_confidence says so or min_confidence or
    runners_up need it.

    min_confidence: entities of a lower probability are left out.
    runners_up: spans that are not among the entities, but an entity with at least this
        probability, are in `doc.spans[name]`, their probabilities in its attrs["scores"].
    keep_confidence: compute the confidences of entities at once, for all documents of a batch
        together, and keep them in `doc.user_data`: faster where all are asked for, and there
        without the pipeline, too.
    Raises ValueError for a probability out of range.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "brnn_ner",
        *,
        min_confidence: float = 0.0,
        runners_up: float | None = None,
        keep_confidence: bool = False,
        scorer: Callable | None = score_entities,
    ) -> None:
        _check_probabilities(name, min_confidence, runners_up)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.min_confidence = min_confidence
        self.runners_up = runners_up
        self.keep_confidence = keep_confidence
        self.scorer = scorer
        self.cfg: dict[str, list[str]] = {"labels": list(model.attrs.get("labels", []))}
        # Labels that were asked for: training from scratch drops the others that come with weights.
        self._added: list[str] = []
        self._said_unannotated = False
        self._register()

    def __setstate__(self, state: tuple) -> None:
        """Answer for spans in another process or as a copy, too."""
        super().__setstate__(state)
        self._register()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of entities."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """What `spacy init labels` saves."""
        return self.labels

    def add_label(self, label: str) -> int:
        """Add a label; initialize keeps it.

        Entities of the labels that there are stay what they were, until the component is trained
        with examples of the new one.

        RETURNS: 0 if there is such a label, otherwise 1.
        Raises ValueError for what is not a string.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        if label not in self._added:
            self._added.append(label)
        if label in self.labels:
            return 0
        self._add_labels([label])
        return 1

    def predict(self, docs: Iterable[Doc]) -> list[Tagging]:
        """Tag documents without changing them.

        Raises ValueError where the component has not been initialized.
        """
        self._require_labels()
        self._warn_of_language()
        tags = TagSet(self.labels)
        docs = list(docs)
        found: dict[int, Tagging] = {}
        # By their places, as long documents come out first.
        for places in minibatch_by_words(
            range(len(docs)), TOKENS_AT_ONCE, tolerance=0.0, get_length=lambda i: len(docs[i])
        ):
            found.update(zip(places, self._tag([docs[i] for i in places], tags), strict=True))
        return [found[i] for i in range(len(docs))]

    def _tag(self, docs: list[Doc], tags: TagSet) -> list[Tagging]:
        if not any(len(doc) for doc in docs):
            none: dict[LabelledSpan, float] | None = None if self.runners_up is None else {}
            return [Tagging(self.model.ops.alloc1i(0), runners_up=none) for _ in docs]
        scores = self.model.predict(docs)
        allowed = tags.allow_valid(docs)
        taggings = [Tagging(x) for x in self.model.get_ref("crf").predict((scores, allowed))]
        if self.keep_confidence or self.min_confidence or self.runners_up is not None:
            self._add_confidences(docs, taggings, scores, tags)
        return taggings

    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[Tagging]) -> None:
        """Write entities to the documents, by what predict gave."""
        docs, predictions = list(docs), list(predictions)
        if not docs:
            return
        found = self._spans(predictions, TagSet(self.labels))
        for doc, tagging, spans in zip(docs, predictions, found, strict=True):
            answer_for(self, doc)
            forget_confidences(doc)
            keep_confidences(doc, tagging.confidences, tagging.confidences.values())
            set_entities(doc, [x for x in spans if self._is_sure(x, tagging.confidences)])
            if tagging.runners_up is not None:
                self._set_runners_up(doc, tagging.runners_up)

    @one_thread()
    def score_entities(self, doc: Doc, spans: Sequence[LabelledSpan]) -> list[float]:
        """The probability that each span is an entity of its label.

        doc: read by itself, whatever entities and sentences are set.
        spans: with labels of the component.
        Raises ValueError for another label.
        """
        tags = TagSet(self.labels)
        (scores,) = self.model.predict([doc])
        marginals = self._marginals([doc], [scores], tags)
        return marginals.spans(tags.to_spans(spans)).tolist()

    @one_thread()
    def _add_confidences(
        self, docs: list[Doc], taggings: list[Tagging], scores: list[Floats2d], tags: TagSet
    ) -> None:
        """Add to all documents, by one pass over the batch."""
        marginals = self._marginals(docs, scores, tags)
        start = 0
        for tagging, chosen in zip(taggings, self._spans(taggings, tags), strict=True):
            end = start + len(tagging.tags)
            self._add_to_tagging(tagging, chosen, marginals[start:end], tags)
            start = end

    def _spans(self, taggings: list[Tagging], tags: TagSet) -> list[list[LabelledSpan]]:
        return tags.spans([self.model.ops.to_numpy(tagging.tags) for tagging in taggings])

    def _add_to_tagging(
        self, tagging: Tagging, chosen: list[LabelledSpan], marginals: Marginals, tags: TagSet
    ) -> None:
        confidences = marginals.spans(tags.to_spans(chosen)).tolist()
        tagging.confidences.update(zip(chosen, confidences, strict=True))
        if self.runners_up is not None:
            likely = marginals.likely(self.runners_up)
            probabilities = marginals.spans(likely).tolist()
            of_spans = zip(tags.from_spans(likely), probabilities, strict=True)
            tagging.runners_up = dict(of_spans)

    def _marginals(self, docs: list[Doc], scores: list[Floats2d], tags: TagSet) -> Marginals:
        crf = self.model.get_ref("crf")
        return predict_marginals(crf, scores, tags.allow_text(docs))

    def _is_sure(self, span: LabelledSpan, confidences: dict[LabelledSpan, float]) -> bool:
        return confidences.get(span, 1.0) >= self.min_confidence

    def _set_runners_up(self, doc: Doc, likely: dict[LabelledSpan, float]) -> None:
        ents = {LabelledSpan(ent.start, ent.end, ent.label_) for ent in doc.ents}
        rest = {span: p for span, p in likely.items() if span not in ents}
        spans = [Span(doc, start, end, label=label) for start, end, label in rest]
        group = SpanGroup(doc, name=self.name, spans=spans)
        group.attrs["scores"] = numpy.asarray(list(rest.values()), dtype="float32")
        doc.spans[self.name] = group
        keep_confidences(doc, rest, rest.values())

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of examples.

        drop: the dropout rate of Thinc's layers.
        sgd: the optimizer; None to leave the weights as they are.
        losses: a dictionary to which the batch's loss is added.
        RETURNS: the losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, "BRNNEntityRecognizer.update")
        if not any(len(example.predicted) for example in examples):
            return losses
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update([example.predicted for example in examples])
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """The loss (nats per token, in the mean) and its gradient with respect to the scores.

        The gradient with respect to the weights of the CRF is added to the CRF's gradients.
        """
        validate_examples(examples, "BRNNEntityRecognizer.get_loss")
        examples = list(examples)
        self._warn_of_no_annotation(examples)
        tags = TagSet(self.labels)
        allowed = [tags.allow_gold(example) for example in examples]
        losses, backprop = self.model.get_ref("crf").begin_update((scores, allowed))
        n_tokens = max(sum(len(x) for x in scores), 1)
        d_losses = self.model.ops.alloc1f(len(losses)) + 1.0 / n_tokens
        return float(losses.sum()) / n_tokens, backprop(d_losses)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
        pretrained: bool = False,
    ) -> None:
        """Initialize for training, from scratch unless told otherwise.

        get_examples: returns the training examples; labels and vocabulary are read off them.
        nlp: the pipeline.
        labels: the labels, where they are not to be read off the examples.
        pretrained: start from the weights that ship (fine-tuning), rather than from scratch.
        Labels that were added before are kept.

        Raises ValueError where there is no label, or where `pretrained` is asked of a model that
        is not the one that ships, or for examples with labels that it lacks and that were not
        added.
        """
        validate_get_examples(get_examples, "BRNNEntityRecognizer.initialize")
        if pretrained:
            self._start_pretrained(self._find_labels(get_examples()) if labels is None else labels)
            return
        self._discard_pretrained()
        labels = self._find_labels(get_examples()) if labels is None else labels
        self._set_labels(dict.fromkeys([*self._added, *labels]))
        self._require_labels()
        if needs_vocabulary(self.model, self.vocab):
            set_vocabulary(self.model, (example.predicted for example in get_examples()))
        set_labels(self.model, len(self.labels))
        self.model.initialize(X=[example.predicted for example in islice(get_examples(), 10)])

    def from_bytes(self, bytes_data: bytes, *, exclude: Sequence[str] = ()) -> BRNNEntityRecognizer:
        """Load from bytes, in place of the weights that ship.

        Raises ValueError for what are not a whole component's bytes, and changes nothing then.
        """
        if "model" not in exclude and check_bytes("brnn_ner", bytes_data, self.model):
            self._discard_pretrained()
        return super().from_bytes(bytes_data, exclude=exclude)

    def from_disk(self, path: str | Path, *, exclude: Sequence[str] = ()) -> BRNNEntityRecognizer:
        """Load from disk, in place of the weights that ship.

        Raises ValueError for a folder that does not hold a whole component, naming the file at
        fault, and changes nothing then.
        """
        if "model" not in exclude:
            check_folder("brnn_ner", Path(path), self.model, exclude)
            self._discard_pretrained()
        return super().from_disk(path, exclude=exclude)

    def _start_pretrained(self, labels: Iterable[str]) -> None:
        if "pretrained" not in self.model.attrs:
            raise ValueError(
                f"`pretrained = true` for {self.name!r}, but its model is not the one that "
                'ships: set its @architectures to "spacy-brnn.PretrainedBRNNTagger.v1"'
            )
        self.model = self.model.attrs["pretrained"]()
        shipped = self.model.attrs["labels"]
        if others := sorted(set(labels) - {*shipped, *self._added}):
            raise ValueError(
                f"`pretrained = true` goes on with the labels {', '.join(shipped)}, but the "
                f"examples have {', '.join(others)}: rename these, add them by "
                f"`nlp.get_pipe({self.name!r}).add_label`, or train from scratch"
            )
        self._set_labels(shipped)
        self._add_labels(self._added)

    def _discard_pretrained(self) -> None:
        if "untrained" in self.model.attrs:
            untrained = self.model.attrs["untrained"]()
            # Word vectors are no training's; those of [initialize] take their place.
            copy_vector_tables(self.model, untrained)
            self.model = untrained
            self.cfg["labels"] = []

    def _warn_of_no_annotation(self, examples: Sequence[Example]) -> None:
        """Say once that a batch teaches nothing."""
        if self._said_unannotated or not examples:
            return
        if not any(example.reference.has_annotation("ENT_IOB") for example in examples):
            self._said_unannotated = True
            warnings.warn(
                f"none of the {len(examples)} documents of a batch says of a word whether it is in "
                f"an entity: they teach {self.name!r} nothing",
                stacklevel=3,
            )

    def _warn_of_language(self) -> None:
        if "labels" in self.model.attrs and self.vocab.lang not in ("", "en"):
            warnings.warn(
                "the weights that ship with spacy-brnn read English, but the pipeline's language "
                f"is {self.vocab.lang!r}: train a model of your own for it",
                stacklevel=3,
            )

    def _register(self) -> None:
        register_confidence()
        register_entity_scorer(self)

    def _set_labels(self, labels: Iterable[str]) -> None:
        self.cfg["labels"] = list(labels)
        for label in self.labels:
            self.vocab.strings.add(label)

    def _add_labels(self, labels: Iterable[str]) -> None:
        every = list(dict.fromkeys([*self.labels, *labels]))
        if len(every) > len(self.labels) and self.model.get_ref("output_layer").has_param("W"):
            add_labels(self.model, len(every))
        self._set_labels(every)

    def _find_labels(self, examples: Iterable[Example]) -> list[str]:
        """The labels that were added and those of the examples."""
        found = {ent.label_ for example in examples for ent in example.reference.ents}
        return sorted(found.union(self.labels))


def _check_probabilities(name: str, min_confidence: float, runners_up: float | None) -> None:
    if not 0.0 <= min_confidence <= 1.0:
        raise ValueError(
            f"min_confidence of {name!r} is a probability, 0 to 1, not {min_confidence}"
        )
    if runners_up is not None and not 0.0 < runners_up <= 1.0:
        raise ValueError(
            f"runners_up of {name!r} is a probability above 0, at most 1, or null for none, "
            f"not {runners_up}"
        )
