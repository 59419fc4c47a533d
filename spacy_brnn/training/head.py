"""Where the head of spacy-brnn.TextCatEnsemble.v1 starts: at a logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import cast

import numpy
import torch
from spacy.language import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch, resolve_dot_names
from thinc.api import Model

from ..architectures.ngrams import learn_vocabulary, read_ngrams
from ..architectures.precision import predict_in
from ..architectures.textcat_ensemble import POOLINGS
from .logistic import Features, Penalty, Weights, choose_penalty, fit, sparse_rows

DOCS_AT_A_TIME = 256
# So many texts are enough to choose the penalty by; the head is then fitted on all.
MOST_TEXTS = 3000


def create_fit_head() -> Callable[[Language], Language]:
    """The callback that fits the head (spacy-brnn.fit_head.v1), for `[initialize] after_init`.

    Gives every model of spacy-brnn.TextCatEnsemble.v1 in the pipeline the training corpus's
    n-grams, and as its output layer the logistic regression on n-grams and pooled states whose
    penalty suits texts left out best. Training then starts from there.
    """
    return fit_heads


def fit_heads(nlp: Language) -> Language:
    """As the callback."""
    for component in _ensembles(nlp):
        _fit_head(component, list(_examples(nlp)))
    return nlp


def fit_heads_again(nlp: Language, examples: list[Example]) -> None:
    """Fit heads to other examples, with the penalty that was chosen before."""
    for component in _ensembles(nlp):
        _fit_head(component, examples, Penalty(*component.model.attrs["penalty"]))


def _ensembles(nlp: Language) -> Iterator[TextCategorizer]:
    for _, component in nlp.pipeline:
        model = getattr(component, "model", None)
        if isinstance(model, Model) and model.name == "textcat_ensemble":
            yield cast(TextCategorizer, component)


def _examples(nlp: Language) -> Iterator[Example]:
    config = nlp.config.interpolate()
    (corpus,) = resolve_dot_names(config, [config["training"]["train_corpus"]])
    return corpus(nlp)


def _fit_head(
    component: TextCategorizer, examples: list[Example], penalty: Penalty | None = None
) -> None:
    """penalty: None to choose it."""
    model = component.model
    truths, is_known = map(numpy.asarray, component._examples_to_truth(examples))
    taught = [
        place for place, known in enumerate(is_known.reshape(len(examples), -1)) if known.all()
    ]
    docs = [examples[place].predicted for place in taught]
    if hasattr(component, "read"):  # What the model reads of them.
        docs = component.read(docs)
    ngrams = model.get_ref("ngrams")
    learn_vocabulary(ngrams, docs)
    with predict_in(getattr(component, "precision", "float32")):
        pooled = _pool(model.get_ref("pooled"), docs)
    mean, deviation = pooled.mean(axis=0), pooled.std(axis=0) + 1e-3
    dense = torch.from_numpy((pooled - mean) / deviation)
    is_vector = _vector_columns(model)
    rows = sparse_rows(read_ngrams(ngrams, docs), len(docs), len(ngrams.attrs["keys"]))
    features = Features(dense[:, ~is_vector], dense[:, is_vector], rows)
    wanted = torch.from_numpy(truths[taught].astype("float32"))
    exclusive = not model.attrs["multi_label"]
    penalty = penalty or _choose(features, wanted, exclusive=exclusive)
    model.attrs["penalty"] = list(astuple(penalty))
    weights = fit(features, wanted, penalty, exclusive=exclusive)
    by_pooled = numpy.zeros((len(mean), truths.shape[1]), dtype="float32")
    by_pooled[~is_vector], by_pooled[is_vector] = weights.states, weights.vectors
    _set_head(model, weights, by_pooled / deviation[:, None], mean)


def _vector_columns(model: Model) -> torch.Tensor:
    """Of what the model pools, which is of vectors and not of states."""
    tok2vec = model.get_ref("tok2vec")
    width = states = tok2vec.get_dim("nO")
    if tok2vec.attrs.get("with_vectors"):
        states = tok2vec.get_ref("encode").get_dim("nO")
    return (torch.arange(width) >= states).repeat(len(POOLINGS))


def _pool(model: Model, docs: list[Doc]) -> numpy.ndarray:
    parts = [model.ops.to_numpy(model.predict(part)) for part in minibatch(docs, DOCS_AT_A_TIME)]
    return numpy.concatenate(parts).astype("float32")


def _choose(features: Features, truths: torch.Tensor, *, exclusive: bool) -> Penalty:
    some = torch.arange(len(truths))[:: -(-len(truths) // MOST_TEXTS)]
    folds = min(len(some), 5 if len(some) < 1000 else 3)
    return choose_penalty(features.take(some), truths[some], exclusive=exclusive, folds=folds)


def _set_head(model: Model, weights: Weights, dense: numpy.ndarray, mean: numpy.ndarray) -> None:
    through = numpy.eye(dense.shape[1], dtype="float32")
    output, ngrams = model.get_ref("output_layer"), model.get_ref("ngrams")
    output.set_param("W", output.ops.asarray2f(numpy.concatenate([dense, through]).T.copy()))
    output.set_param("b", output.ops.asarray1f(weights.bias.numpy() - mean @ dense))
    # Thinc takes numpy's arrays, too.
    ngrams.set_param("W", ngrams.ops.asarray2f(weights.ngrams.numpy()))  # type: ignore[arg-type]
