"""The component brnn_sentiment."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from math import isnan
from pathlib import Path

import numpy
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.textcat import TextCategorizer, textcat_score
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer
from thinc.types import Floats2d

from ..architectures.precision import AUTO, check_precision, choose_precision, predict_in
from ..architectures.word_embed import needs_vocabulary, set_vocabulary
from .extensions import (
    DEFAULT_POLARITIES,
    register_extensions,
    register_span_scorer,
    set_polarities,
)
from .objective import SUPERVISED, MixedLoss, Objective, conditional
from .sentiment_value import Sentiment

# How far from 1 the sum of a document's probabilities may be.
SUM_TOLERANCE = 1e-4
DEFAULT_MODEL = {"@architectures": "spacy-brnn.PretrainedTextCatBRNN.v1"}


@Language.factory(
    "brnn_sentiment",
    assigns=["doc.cats", "doc.sentiment", "doc._.sentiment", "span._.sentiment"],
    default_config={
        "model": DEFAULT_MODEL,
        "polarities": DEFAULT_POLARITIES,
        "objective": {"cross_entropy": 1.0},
        "precision": AUTO,
        "scorer": {"@scorers": "spacy.textcat_scorer.v2"},
    },
    default_score_weights={
        "cats_score": 1.0,
        "cats_score_desc": None,
        "cats_micro_p": None,
        "cats_micro_r": None,
        "cats_micro_f": None,
        "cats_macro_p": None,
        "cats_macro_r": None,
        "cats_macro_f": None,
        "cats_macro_auc": None,
        "cats_f_per_type": None,
    },
)
def make_brnn_sentiment(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    polarities: dict[str, float],
    objective: dict[str, float],
    precision: str,
    scorer: Callable | None,
) -> BRNNSentiment:
    """Create a brnn_sentiment component; by default with the weights that ship.

    model: documents to the scores of exclusive labels, as spacy-brnn.TextCatBRNN.v1 gives.
    polarities: what each label counts in the polarity, -1..1; a label not named counts 0.
    objective: the fields of Objective: the weights of the losses in training.
    precision: what predictions are computed in: "float32", "bfloat16", or "auto" for bfloat16
        on a CPU that computes in it, else float32.
    scorer: the scoring method.
    Raises ValueError for a field that Objective does not have or an unknown precision.
    """
    return BRNNSentiment(
        nlp.vocab,
        model,
        name,
        polarities=polarities,
        objective=Objective.from_config(objective),
        precision=precision,
        scorer=scorer,
    )


class BRNNSentiment(TextCategorizer):
    """Annotate documents with sentiment.

    Sets `doc.cats` (probabilities of exclusive labels), `doc._.sentiment` (a Sentiment),
    `doc.sentiment` (its polarity), and answers `span._.sentiment` for any span. A document
    without tokens, or of white space only, has the same probability for each label.

    Beyond spaCy's TextCategorizer, training takes probabilities as labels (0..1, for
    distillation) and documents with labels missing or NaN, which then teach nothing of those: only
    the proportions of the labels that are known count.

    precision: what predictions are computed in, "float32" or "bfloat16"; set to "auto", what the
        processor at hand is for. Scores in bfloat16 differ from those in float32 by some
        thousandths.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Floats2d],
        name: str = "brnn_sentiment",
        *,
        polarities: dict[str, float] = DEFAULT_POLARITIES,
        objective: Objective = SUPERVISED,
        precision: str = AUTO,
        scorer: Callable | None = textcat_score,
    ) -> None:
        if model.attrs.get("multi_label"):
            raise ValueError(
                f"{name!r} needs a model of exclusive classes: set `exclusive_classes = true`, or "
                "use spaCy's textcat_multilabel for labels that may be true together"
            )
        for label, polarity in polarities.items():
            if not -1.0 <= polarity <= 1.0:
                raise ValueError(f"polarities lie in -1..1, not {label!r}: {polarity}")
        super().__init__(vocab, model, name, threshold=0.0, scorer=scorer)
        self.polarities = polarities
        self.objective = objective
        self.precision = precision
        self.cfg["labels"] = list(model.attrs.get("labels", []))
        self._register()

    def __setstate__(self, state: tuple) -> None:
        """Answer for spans in another process or as a copy, too."""
        super().__setstate__(state)
        self._register()

    @property
    def precision(self) -> str:
        """What predictions are computed in, here: a pickled component may have travelled."""
        return choose_precision(self._precision)

    @precision.setter
    def precision(self, name: str) -> None:
        self._precision = check_precision(name)

    @property
    def support_missing_values(self) -> bool:
        """Whether a document may lack some labels."""
        return True

    @property
    def label_polarities(self) -> dict[str, float]:
        """What each label counts in the polarity."""
        return {label: self.polarities.get(label, 0.0) for label in self.labels}

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Score documents without changing them.

        RETURNS: (documents, labels) probabilities, each row's sum is 1.
        Raises ValueError where the component has not been initialized.
        """
        docs = list(docs)
        if not self.labels:
            raise ValueError(
                f"{self.name!r} has no labels yet: train it, load a trained pipeline, or leave "
                "its `model` setting out to use the weights that ship"
            )
        if "labels" in self.model.attrs and self.vocab.lang not in ("", "en"):
            warnings.warn(
                "the weights that ship with spacy-brnn read English, but the pipeline's language "
                f"is {self.vocab.lang!r}: train a model of your own for it",
                stacklevel=2,
            )
        scores = self.model.ops.alloc2f(len(docs), len(self.labels)) + 1.0 / len(self.labels)
        filled = [i for i, doc in enumerate(docs) if any(not token.is_space for token in doc)]
        if filled:
            with predict_in(self.precision):
                scores[filled] = self.model.predict([docs[i] for i in filled])
        return scores

    def set_annotations(self, docs: Iterable[Doc], scores: Floats2d) -> None:
        """Write scores from predict to the documents."""
        docs = list(docs)
        label_polarities = self.label_polarities
        for vocab in {id(doc.vocab): doc.vocab for doc in docs}.values():
            register_span_scorer(self, vocab)
        for doc, row in zip(docs, scores.tolist(), strict=True):
            cats = dict(zip(self.labels, row, strict=True))
            doc.cats.update(cats)
            doc.sentiment = Sentiment.from_scores(cats, self.polarities).polarity
            set_polarities(doc, label_polarities)

    def score_span(self, span: Span) -> Sentiment:
        """The sentiment of a span, read by itself, without its context."""
        scores = self.predict([span.as_doc()])[0].tolist()
        return Sentiment.from_scores(dict(zip(self.labels, scores, strict=True)), self.polarities)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch: from labels, and without them where the objective says how.

        drop: the dropout rate.
        sgd: the optimizer; without one the gradients add up.
        losses: to which the batch's loss is added, under the component's name.
        Raises ValueError for labels out of range.
        """
        if self.objective.is_supervised:
            return super().update(examples, drop=drop, sgd=sgd, losses=losses)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, "BRNNSentiment.update")
        self._validate_categories(examples)
        filled = [example for example in examples if len(example.predicted)]
        if not filled:
            return losses
        truths, mask = self._examples_to_truth(filled)
        docs = [example.predicted for example in filled]
        parts = MixedLoss(self.model, self.objective).backprop(docs, truths, mask, drop)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += self.objective.total(parts)
        return losses

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> tuple[float, Floats2d]:
        """The mean squared error, and the gradient of the cross-entropy by the logits.

        Where some labels of a document are unknown, both are those of a softmax over the others.
        """
        validate_examples(examples, "BRNNSentiment.get_loss")
        self._validate_categories(examples)
        truths, mask = self._examples_to_truth(examples)
        d_scores = (conditional(scores, truths, mask) - truths) * mask
        return float((d_scores**2).mean()), d_scores

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
        positive_label: str | None = None,
        pretrained: bool = False,
    ) -> None:
        """Initialize for training, from scratch unless told otherwise.

        get_examples: returns the training examples; labels and vocabulary are read off them.
        nlp: the pipeline.
        labels: the labels, where they are not to be read off the examples.
        positive_label: the label whose scores the scorer reports; of two labels only.
        pretrained: start from the weights that ship (fine-tuning), rather than from scratch.
        Raises ValueError for examples without labels, or where `pretrained` is asked of a
        model that is not the one that ships.
        """
        validate_get_examples(get_examples, "BRNNSentiment.initialize")
        if pretrained and "pretrained" not in self.model.attrs:
            raise ValueError(
                f"`pretrained = true` for {self.name!r}, but its model is not the one that "
                'ships: set its @architectures to "spacy-brnn.PretrainedTextCatBRNN.v1"'
            )
        if pretrained:
            self.model = self.model.attrs["pretrained"]()
            self.cfg["labels"] = list(self.model.attrs["labels"])
        else:
            self._discard_pretrained()
        for label in labels or []:
            self.add_label(label)
        # One pass over the corpus, which is read and tokenized anew each time it is asked for.
        seen: dict[str, None] = {}
        docs = self._read(get_examples, seen)
        if not pretrained and needs_vocabulary(self.model, self.vocab):
            set_vocabulary(self.model, docs)
        else:
            deque(docs, maxlen=0)
        more = [] if labels is not None else list(seen)
        if pretrained and len(more) > 1 and not set(more) & set(self.labels):
            raise ValueError(
                f"`pretrained = true` goes on with the labels {', '.join(self.labels)}, but the "
                f"examples have {', '.join(more)}: rename these, or train from scratch"
            )
        for label in more:
            self.add_label(label)
        if len(self.labels) < 2:
            raise ValueError(
                f"{self.name!r} needs at least two labels to train on, but has {len(self.labels)}: "
                f"{', '.join(self.labels) or 'none'}. To keep the weights that ship, set "
                f"`pretrained = true` in [initialize.components.{self.name}]"
            )
        self._warn_of_labels_without_polarity()
        if pretrained:
            self._set_positive_label(positive_label)
            return
        sample = list(islice(get_examples(), 10))
        super().initialize(
            lambda: sample, nlp=nlp, labels=self.labels, positive_label=positive_label
        )

    def from_bytes(self, bytes_data: bytes, *, exclude: Sequence[str] = ()) -> BRNNSentiment:
        """Load from bytes, in place of the weights that ship."""
        if "model" not in exclude:
            self._discard_pretrained()
        return super().from_bytes(bytes_data, exclude=exclude)

    def from_disk(self, path: str | Path, *, exclude: Sequence[str] = ()) -> BRNNSentiment:
        """Load from disk, in place of the weights that ship."""
        if "model" not in exclude:
            self._discard_pretrained()
        return super().from_disk(path, exclude=exclude)

    def _read(
        self, get_examples: Callable[[], Iterable[Example]], seen: dict[str, None]
    ) -> Iterator[Doc]:
        """Yield the documents; check their labels on the way and keep them in `seen`."""
        for example in get_examples():
            self._validate_categories([example])
            seen.update(dict.fromkeys(example.reference.cats))
            yield example.predicted  # What the model reads; its tokens have all their norms.

    def _warn_of_labels_without_polarity(self) -> None:
        if not set(self.labels) & set(self.polarities):
            warnings.warn(
                f"every polarity will be 0: none of the labels {', '.join(self.labels)} is in the "
                f"setting `polarities` of {self.name!r}",
                stacklevel=3,
            )

    def _set_positive_label(self, label: str | None) -> None:
        """As TextCategorizer.initialize does."""
        if label is not None and label not in self.labels:
            raise ValueError(Errors.E920.format(pos_label=label, labels=self.labels))
        if label is not None and len(self.labels) != 2:
            raise ValueError(Errors.E919.format(pos_label=label, labels=self.labels))
        self.cfg["positive_label"] = label

    def _register(self) -> None:
        register_extensions()
        register_span_scorer(self, self.vocab)

    def _discard_pretrained(self) -> None:
        if "untrained" in self.model.attrs:
            self.model = self.model.attrs["untrained"]()
            self.cfg["labels"] = []

    def _validate_categories(self, examples: Iterable[Example]) -> None:
        """Raise ValueError for scores outside 0..1 or that add up to more than 1.

        What the cats of other components hold is their business, once the labels are known.
        """
        for example in examples:
            cats = example.reference.cats
            values = [cats[label] for label in self.labels or cats if label in cats]
            scores = [value for value in values if not isnan(value)]
            if (
                any(not 0.0 <= score <= 1.0 for score in scores)
                or sum(scores) > 1.0 + SUM_TOLERANCE
            ):
                raise ValueError(
                    "labels are exclusive, so their values must lie in 0..1 and add up to 1 at "
                    f"most, not {example.reference.cats} (document that begins "
                    f"{example.reference.text[:40]!r})"
                )

    def _examples_to_truth(self, examples: Iterable[Example]) -> tuple[Floats2d, Floats2d]:
        """Target and mask, both (examples, labels); what must follow is filled in."""
        rows = [self._truth(example.reference.cats) for example in examples]
        truths = numpy.asarray(rows, dtype="float32").reshape(len(rows), len(self.labels))
        mask = ~numpy.isnan(truths)
        return (
            self.model.ops.asarray2f(numpy.nan_to_num(truths)),
            self.model.ops.asarray2f(mask.astype("float32")),
        )

    def _truth(self, cats: dict[str, float]) -> list[float]:
        missing = [label for label in self.labels if label not in cats]
        rest = 1.0 - sum(cats.get(label, 0.0) for label in self.labels)
        known = len(missing) == 1 or rest <= SUM_TOLERANCE
        fill = max(rest, 0.0) if cats and known else numpy.nan
        return [cats.get(label, fill) for label in self.labels]
