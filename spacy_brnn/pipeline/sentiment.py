"""The component brnn_sentiment."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from math import isnan
from numbers import Real
from pathlib import Path
from typing import Any

import numpy
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.textcat import textcat_score
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer
from thinc.types import Floats2d

from ..architectures.precision import AUTO, check_precision, choose_precision, predict_in
from ..architectures.textcat import pooling_network, reads_words_alone
from ..architectures.vocabulary import needs_vocabulary, set_vocabulary
from ..architectures.words import Words
from .english import EnglishCheck
from .explaining import Explaining, check_abstention
from .extensions import (
    ATTRIBUTE,
    DEFAULT_POLARITIES,
    SUM_TOLERANCE,
    annotate,
    make_room,
    register_extensions,
    register_span_scorer,
    require_spans,
)
from .objective import SUPERVISED, MixedLoss, Objective, condition_on_known
from .plain_tokens import TokenizeText
from .reading import Reader
from .saved_model import check_bytes, check_folder
from .sentiment_value import NEUTRAL, Sentiment

DEFAULT_MODEL = {"@architectures": "spacy-brnn.PretrainedTextCatBRNN.v1"}
# How many spans are scored at once.
SPANS_AT_ONCE = 512
# A sum of probabilities below which their proportions are rounding errors.
SMALLEST_SUM = 1e-30


@Language.factory(
    "brnn_sentiment",
    assigns=["doc.cats", "doc.sentiment", "doc._.sentiment", "span._.sentiment"],
    default_config={
        "model": DEFAULT_MODEL,
        "polarities": DEFAULT_POLARITIES,
        "neutral": None,
        "markup": True,
        "extension": ATTRIBUTE,
        "objective": {"cross_entropy": 1.0},
        "precision": AUTO,
        "threshold": 0.0,
        "abstain_below": 0.0,
        "targets": None,
        "target_head": None,
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
    neutral: bool | None,
    markup: bool,
    extension: str,
    objective: dict[str, float],
    precision: str,
    threshold: float,
    abstain_below: float,
    targets: str | None,
    target_head: str | None,
    scorer: Callable | None,
) -> BRNNSentiment:
    """Create a brnn_sentiment component; by default with the weights that ship.

    model: documents to the scores of exclusive labels, as spacy-brnn.TextCatBRNN.v1 gives.
    polarities: what each label counts in the polarity, -1..1; a label not named counts 0.
    neutral: whether the label NEUTRAL shows, see BRNNSentiment.
    markup: whether texts may be HTML: tags and character references are then read as a person
        would read them.
    extension: the name of `doc._.sentiment` and `span._.sentiment`.
    objective: the fields of Objective: the weights of the losses in training.
    precision: what predictions are computed in: "float32", "bfloat16", "int8" (layers of minGRU, on
        a CPU with AVX2), or "auto" for the fastest: bfloat16 where a cell with a matrix product per
        step (LSTM, GRU) runs on a CPU that computes in it, int8 where there is no AVX-512 or
        where that has products of 8 bits (VNNI), else float32.
    threshold: handed to the scorer, as spaCy's textcat does.
    abstain_below: the probability, 0..1, below which `doc._.sentiment` and `span._.sentiment`
        have no label, but None.
    targets: spans that `span._.sentiment_toward` is computed for with the document, rather than
        when asked: "ents", or the key of a group in `doc.spans`.
    target_head: the file of a head for `span._.sentiment_toward`, as `python -m
        spacy_brnn.targets train` writes it; None for the one that ships with the weights.
    scorer: the scoring method.
    Raises ValueError for a field that Objective does not have, an unknown precision, or an
    extension that is taken.
    """
    component = BRNNSentiment(
        nlp.vocab,
        model,
        name,
        polarities=polarities,
        neutral=neutral,
        markup=markup,
        extension=extension,
        objective=Objective.from_config(objective),
        precision=precision,
        threshold=threshold,
        abstain_below=abstain_below,
        targets=targets,
        target_head=target_head,
        scorer=scorer,
    )
    component.reader.follow(nlp)
    return component


class BRNNSentiment(Explaining):
    """Annotate documents with sentiment.

    Sets `doc.cats` (probabilities of exclusive labels), `doc._.sentiment` (a Sentiment),
    `doc.sentiment` (its polarity), and answers `span._.sentiment` for any span.

    The model reads a document as Reader gives it: white space, invisible characters and markup
    are nothing. Only a model that listens to another component's tok2vec reads it as it is. A
    document of which nothing is left to read is NEUTRAL, where there is that label, and else has
    the same probability for each label.

    Beyond spaCy's TextCategorizer, training takes probabilities as labels (0..1, for
    distillation) and documents with labels missing or NaN, which then teach nothing of those: only
    the proportions of the labels that are known count.

    neutral: whether the label NEUTRAL shows in `doc.cats` and the rest. If not, the other labels'
        probabilities are scaled to sum to 1. None shows it where it is a label of one's own
        training, and not where it comes with the weights that ship.
    precision: what predictions are computed in, "float32", "bfloat16" or "int8"; set to "auto", the
        fastest for this network on the processor at hand. Scores in bfloat16 and in int8 differ
        from those in float32 by some thousandths.
    tokenizer: the pipeline's, for texts with markup or invisible characters; without one these
        are read as they are.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Floats2d],
        name: str = "brnn_sentiment",
        *,
        polarities: dict[str, float] = DEFAULT_POLARITIES,
        neutral: bool | None = None,
        markup: bool = True,
        extension: str = ATTRIBUTE,
        objective: Objective = SUPERVISED,
        precision: str = AUTO,
        threshold: float = 0.0,
        abstain_below: float = 0.0,
        targets: str | None = None,
        target_head: str | None = None,
        scorer: Callable | None = textcat_score,
        tokenizer: TokenizeText | None = None,
    ) -> None:
        if model.attrs.get("multi_label"):
            raise ValueError(
                f"{name!r} needs a model of exclusive classes: set `exclusive_classes = true`, or "
                "use spaCy's textcat_multilabel for labels that may be true together"
            )
        for label, polarity in polarities.items():
            if not -1.0 <= polarity <= 1.0:
                raise ValueError(f"polarities lie in -1..1, not {label!r}: {polarity}")
        abstain_below = check_abstention(name, abstain_below)
        _check_choice(name, neutral)
        super().__init__(vocab, model, name, threshold=threshold, scorer=scorer)
        self.polarities = dict(polarities)
        self.targets = targets
        self.target_head = target_head
        self.objective = objective
        self.precision = precision
        self.reader = Reader(tokenizer, markup=markup)
        self.cfg["labels"] = list(model.attrs.get("labels", []))
        self.cfg["hides_neutral"] = NEUTRAL in self.cfg["labels"]
        # What may be changed later and is saved: as it is in force, and as the config has it.
        self._configured = {"neutral": neutral, "abstain_below": abstain_below}
        for setting, value in self._configured.items():
            self.cfg[setting] = self.cfg[f"configured_{setting}"] = value
        # Labels that were asked for: training from scratch drops the others that come with weights.
        self._added: list[str] = []
        self._english = EnglishCheck()
        self._said_unlabelled = False
        self.extension = extension

    def __setstate__(self, state: tuple) -> None:
        """Answer for spans in another process or as a copy, too."""
        super().__setstate__(state)
        self.extension = self._extension

    @property
    def precision(self) -> str:
        """What predictions are computed in, here: a pickled component may have travelled."""
        return choose_precision(self._precision, self.model, pooling_network(self.model))

    @precision.setter
    def precision(self, name: str) -> None:
        self._precision = check_precision(name)

    @property
    def extension(self) -> str:
        """The name of the extensions that it answers by; another one may be set.

        Raises ValueError when set to one that is taken, or to what is no name.
        """
        return self._extension

    @extension.setter
    def extension(self, name: str) -> None:
        register_extensions(name)
        self._extension = name
        register_span_scorer(self)

    @property
    def support_missing_values(self) -> bool:
        """Whether a document may lack some labels."""
        return True

    @property
    def neutral(self) -> bool | None:
        """Whether the label NEUTRAL shows; None where that depends on whose label it is.

        Raises ValueError when set to True without there being that label, or to what is none of
        True, False and None.
        """
        return self.cfg["neutral"]

    @neutral.setter
    def neutral(self, value: bool | None) -> None:
        _check_choice(self.name, value)
        if value and self.labels:
            self._require_neutral()
        self.cfg["neutral"] = value

    @property
    def visible_labels(self) -> tuple[str, ...]:
        """The labels that documents get: all, or all but NEUTRAL."""
        shows = not self.cfg["hides_neutral"] if self.neutral is None else self.neutral
        return tuple(label for label in self.labels if shows or label != NEUTRAL)

    @property
    def label_polarities(self) -> dict[str, float]:
        """What each visible label counts in the polarity."""
        return {label: self.polarities.get(label, 0.0) for label in self.visible_labels}

    def add_label(self, label: str) -> int:
        """Add a label; initialize keeps it.

        RETURNS: 0 if there is such a label, otherwise 1.
        Raises ValueError for what is not a string.
        """
        added = super().add_label(label)
        if label not in self._added:
            self._added.append(label)
        if label == NEUTRAL:
            self.cfg["hides_neutral"] = False
        return added

    def read(self, docs: Iterable[Doc]) -> list[Doc]:
        """What the model reads of each document; `reader.offsets` tells where that stands."""
        docs = list(docs)
        return docs if self._listens else self.reader.read(docs)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Score documents without changing them.

        RETURNS: (documents, labels) probabilities of all labels, also of one that does not show;
            each row's sum is 1.
        Raises ValueError where the component has not been initialized, or for settings that do
        not fit its labels.
        """
        docs = list(docs)
        quick = not self._listens and reads_words_alone(self.model)
        return self._score(self.reader.read_words(docs) if quick else self.read(docs))

    def set_annotations(self, docs: Iterable[Doc], scores: Floats2d) -> None:
        """Write scores from predict to the documents."""
        docs = list(docs)
        labels, polarities = self.visible_labels, self.label_polarities
        has_polarity = any(polarities.values())
        for doc, row in zip(docs, self._visible(scores).tolist(), strict=True):
            if doc.cats:
                make_room(doc, self, polarities)
            annotate(doc, self, polarities)
            cats = dict(zip(labels, row, strict=True))
            doc.cats.update(cats)
            if has_polarity:  # Else it may be another component's.
                doc.sentiment = Sentiment.from_scores(cats, polarities).polarity
        self._keep_with(docs)

    def score_spans(self, spans: Iterable[Span]) -> list[Sentiment]:
        """The sentiment of each span, read by itself without its context, in few passes.

        Raises TypeError for what is no span.
        """
        spans = list(spans)
        require_spans(spans, "score_spans")
        labels, polarities = self.visible_labels, self.label_polarities
        found: list[Sentiment] = []
        for start in range(0, len(spans), SPANS_AT_ONCE):
            part = spans[start : start + SPANS_AT_ONCE]
            rows = self._visible(self._score(self._read_spans(part))).tolist()
            for span, row in zip(part, rows, strict=True):
                scores = dict(zip(labels, row, strict=True))
                value = Sentiment.from_scores(
                    scores,
                    polarities,
                    abstain_below=self.abstain_below,
                    explain=partial(self.explain, span),
                )
                found.append(value)
        return found

    def score_span(self, span: Span) -> Sentiment:
        """The sentiment of a span, read by itself, without its context."""
        return self.score_spans([span])[0]

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score a batch of annotated examples, by the labels that show.

        Documents that are true of a label which does not show are left out, and so are values
        that are not a number.
        """
        labels = self.visible_labels
        hidden = set(self.labels) - set(labels)
        fitting = [
            _without_open_labels(example)
            for example in examples
            if not any(example.reference.cats.get(label) == 1.0 for label in hidden)
        ]
        return super().score(fitting, **{"labels": labels, **kwargs})

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
        examples = list(examples)
        validate_examples(examples, "BRNNSentiment.update")
        self._validate_categories(examples)
        self._warn_of_no_labels(examples)
        filled = self._as_read(examples)
        if self.objective.is_supervised:
            return super().update(filled, drop=drop, sgd=sgd, losses=losses)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if not filled:
            return losses
        truths, mask = self._examples_to_truth(filled)
        docs = [example.predicted for example in filled]
        parts = MixedLoss(self.model, self.objective).backprop(docs, truths, mask, drop)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += self.objective.total(parts)
        return losses

    def rehearse(self, examples: Iterable[Example], **settings: Any) -> dict[str, float]:
        """As TextCategorizer.rehearse, on what the model reads."""
        examples = list(examples)
        validate_examples(examples, "BRNNSentiment.rehearse")
        return super().rehearse(self._as_read(examples), **settings)

    def get_loss(  # type: ignore[override]  # spaCy's gives a gradient, too, and says a float.
        self, examples: Iterable[Example], scores: Floats2d
    ) -> tuple[float, Floats2d]:
        """The mean squared error, and the gradient of the cross-entropy by the logits.

        Where some labels of a document are unknown, both are those of a softmax over the others;
        where all those others are false, these alone learn.
        """
        validate_examples(examples, "BRNNSentiment.get_loss")
        self._validate_categories(examples)
        truths, mask = self._examples_to_truth(examples)
        d_scores = (condition_on_known(scores, truths, mask) - truths) * mask
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
        Labels that were added before are kept.

        Raises ValueError for examples without labels, for settings that do not fit the labels, or
        where `pretrained` is asked of a model that is not the one that ships.
        """
        validate_get_examples(get_examples, "BRNNSentiment.initialize")
        if pretrained and "pretrained" not in self.model.attrs:
            raise ValueError(
                f"`pretrained = true` for {self.name!r}, but its model is not the one that "
                'ships: set its @architectures to "spacy-brnn.PretrainedTextCatBRNN.v1"'
            )
        self._target_scorer = None
        if nlp is not None:
            self.reader.follow(nlp)
        labels = None if labels is None else list(labels)
        asked_for = list(dict.fromkeys([*self._added, *(labels or [])]))
        if pretrained:
            self.model = self.model.attrs["pretrained"]()
            self.cfg["labels"] = list(self.model.attrs["labels"])
        else:
            own = self.labels if "labels" not in self.model.attrs else ()
            self._discard_pretrained()
            asked_for = list(dict.fromkeys([*own, *asked_for]))
        self._add_labels(asked_for)
        # One pass over the corpus, which is read and tokenized anew each time it is asked for.
        seen: dict[str, bool] = {}
        docs = self._read_examples(get_examples, seen)
        if not pretrained and needs_vocabulary(self.model, self.vocab):
            set_vocabulary(self.model, docs)
        elif labels is None:
            deque(docs, maxlen=0)
        more = [] if labels is not None else list(seen)
        if pretrained and len(more) > 1 and not set(more) & set(self.labels):
            raise ValueError(
                f"`pretrained = true` goes on with the labels {', '.join(self.labels)}, but the "
                f"examples have {', '.join(more)}: rename these, or train from scratch"
            )
        self._add_labels(more)
        named = {*asked_for, *(label for label, is_known in seen.items() if is_known)}
        self.cfg["hides_neutral"] = pretrained and NEUTRAL not in named
        if len(self.labels) < 2:
            raise ValueError(
                f"{self.name!r} needs at least two labels to train on, but has {len(self.labels)}: "
                f"{', '.join(self.labels) or 'none'}. To keep the weights that ship, set "
                f"`pretrained = true` in [initialize.components.{self.name}] of the config; in "
                f"Python: nlp.config['initialize']['components'][{self.name!r}] = "
                "{'pretrained': True}"
            )
        self._check_settings()
        self._warn_of_labels_without_polarity()
        if pretrained:
            self._set_positive_label(positive_label)
            return
        sample = list(islice(get_examples(), 10))
        super().initialize(
            lambda: sample, nlp=nlp, labels=self.labels, positive_label=positive_label
        )

    def from_bytes(self, bytes_data: bytes, *, exclude: Sequence[str] = ()) -> BRNNSentiment:
        """Load from bytes, in place of the weights that ship.

        Raises ValueError for what are not a whole component's bytes, and changes nothing then.
        """
        if "model" not in exclude and check_bytes("brnn_sentiment", bytes_data, self.model):
            self._discard_pretrained()
        super().from_bytes(bytes_data, exclude=exclude)
        self._settle_loaded()
        return self

    def from_disk(self, path: str | Path, *, exclude: Sequence[str] = ()) -> BRNNSentiment:
        """Load from disk, in place of the weights that ship.

        Raises ValueError for a folder that does not hold a whole component, naming the file at
        fault, and changes nothing then.
        """
        if "model" not in exclude:
            check_folder("brnn_sentiment", Path(path), self.model, exclude)
            self._discard_pretrained()
        super().from_disk(path, exclude=exclude)
        self._settle_loaded()
        return self

    @property
    def _listens(self) -> bool:
        """Whether the model takes what another component made of the documents as they are."""
        return any("listener" in node.name for node in self.model.walk())

    def _read_spans(self, spans: Sequence[Span]) -> Sequence[Doc | Words]:
        if self._listens:
            return [span.as_doc() for span in spans]
        quick = reads_words_alone(self.model)
        return self.reader.read_words_of_spans(spans) if quick else self.reader.read_spans(spans)

    def _score(self, read: Sequence[Doc | Words]) -> Floats2d:
        """As predict, of documents as the model reads them."""
        if not self.labels:
            raise ValueError(
                f"{self.name!r} has no labels yet: train it, load a trained pipeline, or leave "
                "its `model` setting out to use the weights that ship"
            )
        self._check_settings()
        self._warn_of_other_languages(read)
        scores = self.model.ops.alloc2f(len(read), len(self.labels)) + self._of_nothing()
        filled = [i for i, doc in enumerate(read) if _has_words(doc)]
        if filled:
            with predict_in(self.precision):
                scores[filled] = self.model.predict([read[i] for i in filled])
        return scores

    def _predict_label(self, span: Span) -> str:
        [row] = self._visible(self._score(self._read_spans([span])))
        return self.visible_labels[int(row.argmax())]

    def _of_nothing(self) -> Floats2d:
        """(1, labels) probabilities for a document without anything to read."""
        n_labels = len(self.labels)
        row = [float(label == NEUTRAL) for label in self.labels]
        return self.model.ops.asarray2f([row if any(row) else [1.0 / n_labels] * n_labels])

    def _visible(self, scores: Floats2d) -> Floats2d:
        """(documents, visible labels): scores without a label that does not show."""
        places = [self.labels.index(label) for label in self.visible_labels]
        if len(places) == len(self.labels):
            return scores
        part = scores[:, places]
        # Where nothing is left, nothing is known of the proportions.
        part = part + 1.0 * (part.sum(axis=1, keepdims=True) < SMALLEST_SUM)
        return part / part.sum(axis=1, keepdims=True)

    def _as_read(self, examples: list[Example]) -> list[Example]:
        """With the documents as the model reads them, without those of which nothing is left."""
        if self._listens:
            return examples
        read = self.reader.read([example.predicted for example in examples])
        return [
            Example(doc, example.reference)
            for doc, example in zip(read, examples, strict=True)
            if len(doc)
        ]

    def _read_examples(
        self, get_examples: Callable[[], Iterable[Example]], seen: dict[str, bool]
    ) -> Iterator[Doc]:
        """Yield what the model reads; check the labels on the way.

        seen: gets the labels, and whether any document has a value for them.
        """
        for example in get_examples():
            self._validate_categories([example])
            for label, value in example.reference.cats.items():
                seen[label] = seen.get(label, False) or not isnan(value)
            # The predicted document: its tokens have all their norms.
            yield from self.read([example.predicted])

    def _add_labels(self, labels: Iterable[str]) -> None:
        for label in labels:
            super().add_label(label)

    def _check_settings(self) -> None:
        """Raise ValueError for settings that name labels which the model lacks."""
        if self.neutral:
            self._require_neutral()
        # A config keeps the default's labels beside those that it adds.
        set_by_user = [
            x for x, value in self.polarities.items() if DEFAULT_POLARITIES.get(x) != value
        ]
        unknown = [label for label in set_by_user if label not in self.labels]
        if unknown:
            raise ValueError(
                f"the setting `polarities` of {self.name!r} names {', '.join(unknown)}, but the "
                f"labels are {', '.join(self.labels)}: rename or remove these"
            )

    def _require_neutral(self) -> None:
        if NEUTRAL not in self.labels:
            raise ValueError(
                f"`neutral = true` for {self.name!r}, but its model has only the labels "
                f"{', '.join(self.labels)}: leave `neutral` out, or use a model trained with "
                f"{NEUTRAL}"
            )

    def _settle_loaded(self) -> None:
        """Let saved settings stand, unless the config has been changed since; a head has to fit."""
        self._target_scorer = None
        for setting, value in self._configured.items():
            if self.cfg[f"configured_{setting}"] != value:
                self.cfg[setting] = self.cfg[f"configured_{setting}"] = value

    def _warn_of_other_languages(self, read: Sequence[Doc | Words]) -> None:
        if "labels" not in self.model.attrs:
            return
        if self.vocab.lang not in ("", "en"):
            warnings.warn(
                "the weights that ship with spacy-brnn read English, but the pipeline's language "
                f"is {self.vocab.lang!r}: train a model of your own for it",
                stacklevel=4,
            )
        elif self._english.is_other_language(read):
            warnings.warn(
                "the weights that ship with spacy-brnn read English, but these texts hardly have "
                f"an English function word (one begins {read[0].text[:40]!r}): for another "
                "language train a model of your own",
                stacklevel=4,
            )

    def _warn_of_no_labels(self, examples: list[Example]) -> None:
        """Say once that a batch teaches nothing, where the objective needs labels."""
        needs_labels = not (self.objective.virtual_adversarial or self.objective.entropy)
        if self._said_unlabelled or not needs_labels or not examples:
            return
        if not any(self._has_label(example.reference.cats) for example in examples):
            self._said_unlabelled = True
            warnings.warn(
                f"none of the {len(examples)} documents of a batch has a value in its cats for "
                f"{', '.join(self.labels)}: they teach {self.name!r} nothing",
                stacklevel=3,
            )

    def _has_label(self, cats: dict[str, float]) -> bool:
        return any(label in cats and not isnan(cats[label]) for label in self.labels)

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
        if label is not None and len(self.visible_labels) != 2:
            raise ValueError(Errors.E919.format(pos_label=label, labels=self.visible_labels))
        self.cfg["positive_label"] = label

    def _discard_pretrained(self) -> None:
        if "untrained" in self.model.attrs:
            self.model = self.model.attrs["untrained"]()
            self.cfg["labels"] = []
            self.cfg["hides_neutral"] = False

    def _validate_categories(self, examples: Iterable[Example]) -> None:
        """Raise ValueError for scores outside 0..1 or that add up to more than 1.

        What the cats of other components hold is their business, once the labels are known.
        """
        for example in examples:
            cats = example.reference.cats
            if not _are_exclusive(cats[label] for label in self.labels or cats if label in cats):
                raise ValueError(
                    "labels are exclusive, so their values must be numbers in 0..1 that add up "
                    f"to 1 at most, not {cats} (document that begins "
                    f"{example.reference.text[:40]!r})"
                )

    def _examples_to_truth(  # type: ignore[override]  # spaCy's are the model's arrays, too.
        self, examples: Iterable[Example]
    ) -> tuple[Floats2d, Floats2d]:
        """Target and mask, both (examples, labels); what must follow is filled in."""
        truths = self._truths(list(examples))
        mask = ~numpy.isnan(truths)
        return (
            self.model.ops.asarray2f(numpy.nan_to_num(truths)),
            self.model.ops.asarray2f(mask.astype("float32")),
        )

    def truths(self, examples: Iterable[Example]) -> numpy.ndarray:
        """(examples, labels) float32, what each is trained towards; NaN for what is not known.

        Raises ValueError for values that are no exclusive labels'.
        """
        examples = list(examples)
        self._validate_categories(examples)
        return self._truths(examples)

    def _truths(self, examples: list[Example]) -> numpy.ndarray:
        rows = [self._truth(example.reference.cats) for example in examples]
        return numpy.asarray(rows, dtype="float32").reshape(len(rows), len(self.labels))

    def _truth(self, cats: dict[str, float]) -> list[float]:
        missing = [label for label in self.labels if label not in cats]
        rest = 1.0 - sum(cats.get(label, 0.0) for label in self.labels)
        known = len(missing) == 1 or rest <= SUM_TOLERANCE
        fill = max(rest, 0.0) if cats and known else numpy.nan
        return [cats.get(label, fill) for label in self.labels]


def _has_words(doc: Doc | Words) -> bool:
    if isinstance(doc, Words):
        return len(doc) > 0
    return any(not token.is_space for token in doc)


def _are_exclusive(values: Iterable[Any]) -> bool:
    """Whether they can be probabilities of exclusive labels; NaN is what is not known."""
    values = list(values)
    if not all(isinstance(value, Real) for value in values):
        return False
    scores = [value for value in values if not isnan(value)]
    return all(0.0 <= score <= 1.0 for score in scores) and sum(scores) <= 1.0 + SUM_TOLERANCE


def _without_open_labels(example: Example) -> Example:
    """Without gold values that are not a number, which scorers do not know."""
    cats = example.reference.cats
    if not any(isnan(value) for value in cats.values()):
        return example
    reference = example.reference.copy()
    reference.cats = {label: value for label, value in cats.items() if not isnan(value)}
    return Example(example.predicted, reference)


def _check_choice(name: str, neutral: bool | None) -> None:
    if not (neutral is True or neutral is False or neutral is None):
        raise ValueError(f"neutral of {name!r} is True, False or None, not {neutral!r}")
