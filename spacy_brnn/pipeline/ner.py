"""The component brnn_ner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d, Ints1d

from ..architectures.tagger import set_labels
from ..architectures.word_embed import needs_vocabulary, set_vocabulary
from .ner_scorer import score_entities
from .ner_tags import TagSet, set_entities

DEFAULT_CONFIG = """
[model]
@architectures = "spacy-brnn.BRNNTagger.v1"
dropout = 0.5

[model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[model.tok2vec.embed]
@architectures = "spacy-brnn.ConcatEmbed.v1"

[model.tok2vec.embed.words]
@architectures = "spacy.MultiHashEmbed.v2"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[model.tok2vec.embed.characters]
@architectures = "spacy-brnn.CharEmbed.v1"
width = 64

[model.tok2vec.encode]
@architectures = "spacy-brnn.BRNNEncoder.v1"
width = 256
input_width = 160
input_dropout = 0.3
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "brnn_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={"model": DEFAULT_MODEL, "scorer": {"@scorers": "spacy-brnn.ner_scorer.v1"}},
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
    scorer: Callable | None,
) -> BRNNEntityRecognizer:
    """Create a brnn_ner component, to be trained.

    model: a tagger, as spacy-brnn.BRNNTagger.v1 makes.
    scorer: the scoring method.
    """
    return BRNNEntityRecognizer(nlp.vocab, model, name, scorer=scorer)


class BRNNEntityRecognizer(TrainablePipe):
    """Find named entities by tags on every token.

    Sets `doc.ents`. Entities that earlier components have set stay as they are, and the rest
    is tagged to fit them. In training, tokens without annotation may have any tag.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "brnn_ner",
        *,
        scorer: Callable | None = score_entities,
    ) -> None:
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: dict[str, list[str]] = {"labels": []}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of entities."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """What `spacy init labels` saves."""
        return self.labels

    def add_label(self, label: str) -> int:
        """Add a label, before the component is initialized.

        RETURNS: 0 if there is such a label, otherwise 1.
        Raises ValueError for what is not a string, or where the model has got its size.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        if label in self.labels:
            return 0
        if self.model.get_ref("output_layer").has_dim("nO"):
            raise ValueError(
                f"{self.name!r} has been initialized for the labels {', '.join(self.labels)}: "
                f"to add {label!r}, train a new component with all labels"
            )
        self._set_labels([*self.labels, label])
        return 1

    def predict(self, docs: Iterable[Doc]) -> list[Ints1d]:
        """The tags of each document, (tokens,), numbered as in TagSet.

        Raises ValueError where the component has not been initialized.
        """
        docs = list(docs)
        self._require_labels()
        tags = TagSet(self.labels)
        if not any(len(doc) for doc in docs):
            return [self.model.ops.alloc1i(0) for _ in docs]
        scores = self.model.predict(docs)
        return self.model.get_ref("crf").predict((scores, [tags.allow_valid(doc) for doc in docs]))

    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[Ints1d]) -> None:
        """Write entities to the documents, by the tags from predict."""
        tags = TagSet(self.labels)
        for doc, numbers in zip(docs, predictions, strict=True):
            set_entities(doc, tags.spans(doc, self.model.ops.to_numpy(numbers)))

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
    ) -> None:
        """Initialize for training.

        get_examples: returns the training examples; labels and vocabulary are read off them.
        nlp: the pipeline.
        labels: the labels, where they are not to be read off the examples.
        Raises ValueError where there is no label.
        """
        validate_get_examples(get_examples, "BRNNEntityRecognizer.initialize")
        self._set_labels(self._find_labels(get_examples()) if labels is None else labels)
        self._require_labels()
        if needs_vocabulary(self.model, self.vocab):
            set_vocabulary(self.model, (example.predicted for example in get_examples()))
        set_labels(self.model, len(self.labels))
        self.model.initialize(X=[example.predicted for example in islice(get_examples(), 10)])

    def _set_labels(self, labels: Iterable[str]) -> None:
        self.cfg["labels"] = list(labels)
        for label in self.labels:
            self.vocab.strings.add(label)

    def _find_labels(self, examples: Iterable[Example]) -> list[str]:
        """The labels that were added and those of the examples."""
        found = {ent.label_ for example in examples for ent in example.reference.ents}
        return sorted(found.union(self.labels))
