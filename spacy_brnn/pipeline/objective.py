"""The mixed objective: what labelled and unlabelled documents teach a text classifier."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model, set_dropout_rate
from thinc.layers.chain import forward as forward_chain
from thinc.types import Floats2d

from ..architectures.cut_tok2vec import cut_tok2vec, in_order
from ..architectures.input_gradients import gradients_kept
from ..architectures.textcat import forward as forward_textcat


@dataclass(frozen=True)
class Objective:
    """The weights of the four losses, and the size of the perturbations.

    Source: Sachan, Zaheer and Salakhutdinov (2019), "Revisiting LSTM Networks for
    Semi-Supervised Text Classification via Mixed Objective Function"; the perturbations are
    those of Miyato, Dai and Goodfellow (2016), "Adversarial Training Methods for
    Semi-Supervised Text Classification".

    The losses are means over the documents that they concern, their weighted sum counts once for
    each labelled document of the batch (for each document, where none has a label). So the
    gradient of cross-entropy alone is the sum over the batch, as that of spaCy's textcat is, and
    a learning rate means the same whatever the other weights are.

    cross_entropy: on documents with labels.
    adversarial: cross-entropy on those documents, their embeddings moved by
        `perturbation_norm` in the direction that raises it most.
    virtual_adversarial: on all documents, the divergence between the prediction and the one on
        embeddings moved in the direction that changes it most.
    entropy: of the predictions, on all documents.
    perturbation_norm: the L2 norm of a document's perturbation, over all its tokens; meant for
        embeddings whose features have a variance of about 1.
    probe_norm: the norm of the random step with which that direction is found.
    """

    cross_entropy: float = 1.0
    adversarial: float = 0.0
    virtual_adversarial: float = 0.0
    entropy: float = 0.0
    perturbation_norm: float = 5.0
    probe_norm: float = 0.1

    def __post_init__(self) -> None:
        weights = (self.cross_entropy, self.adversarial, self.virtual_adversarial, self.entropy)
        if min(weights) < 0.0 or not any(weights):
            raise ValueError(f"an objective's weights are 0 or more, and not all 0: {self}")
        if min(self.perturbation_norm, self.probe_norm) <= 0.0:
            raise ValueError(f"an objective's norms are more than 0: {self}")
        if self.adversarial and not self.cross_entropy:
            raise ValueError("the adversarial loss starts from cross_entropy, which is 0")

    @classmethod
    def from_config(cls, settings: dict[str, float]) -> Objective:
        """From a block of a config. Raises ValueError for an unknown name."""
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise ValueError(f"objective has no {name!r}; there are: {', '.join(known)}")
        return cls(**settings)

    def total(self, losses: dict[str, float]) -> float:
        """The weighted sum of losses by name."""
        return sum(getattr(self, name) * loss for name, loss in losses.items())

    @property
    def is_supervised(self) -> bool:
        """Whether it is plain cross-entropy."""
        return self.cross_entropy == 1.0 and not (
            self.adversarial or self.virtual_adversarial or self.entropy
        )


SUPERVISED = Objective()


class MixedLoss:
    """Backpropagates an Objective through a text classifier with exclusive labels.

    The model is cut after the embeddings: they are computed once an update, each loss runs the
    rest of the model on them, moved or not.

    Raises ValueError for a model that cannot be cut: its tok2vec must be a chain of layers that
    names its embed, as spacy.Tok2Vec.v2 is.
    """

    def __init__(self, model: Model[list[Doc], Floats2d], objective: Objective) -> None:
        self.objective = objective
        self.embed, self.rest = _cut(model)
        self.ops = model.ops
        # How often the weighted sum of the mean losses counts in this batch.
        self.scale = 1

    def backprop(
        self, docs: list[Doc], truths: Floats2d, mask: Floats2d, drop: float
    ) -> dict[str, float]:
        """Add the gradients of all losses to the model's.

        truths, mask: (documents, labels) targets, and 1 where there is one, 0 where not.
        drop: the rate of Thinc's dropout layers.
        RETURNS: the mean of each loss over the documents that it concerns, unweighted. The
            gradients are of the sum, as Objective tells.
        """
        weights = self.objective
        losses: dict[str, float] = {}
        self.scale = int(mask.any(axis=1).sum()) or len(docs)
        vectors, backprop_embed = self.embed(docs, is_train=True)
        targets = self.rest.predict(vectors) if weights.virtual_adversarial else None
        set_dropout_rate(self.rest, drop)
        scores, backprop = self.rest(vectors, is_train=True)
        d_scores = self._cross_entropy(scores, truths, mask, losses)
        d_scores += self._entropy(scores, losses)
        gradients = backprop(d_scores)
        passes = [gradients]
        if weights.adversarial and mask.any():
            passes.append(self._adversarial(vectors, gradients, truths, mask, losses))
        if targets is not None:
            passes.append(self._virtual_adversarial(vectors, gradients, d_scores, targets, losses))
        backprop_embed([sum(parts) for parts in zip(*passes, strict=True)])
        return losses

    def _cross_entropy(
        self, scores: Floats2d, truths: Floats2d, mask: Floats2d, losses: dict[str, float]
    ) -> Floats2d:
        """Add the loss to `losses`; RETURNS its gradient by the logits, weighted."""
        labelled: Any = mask.any(axis=1)
        if not labelled.any():
            return self.ops.xp.zeros_like(scores)
        known = condition_on_known(scores, truths, mask)
        losses["cross_entropy"] = self._divergence(truths[labelled], known[labelled])
        return (known - truths) * mask * self._share(self.objective.cross_entropy, labelled.sum())

    def _entropy(self, scores: Floats2d, losses: dict[str, float]) -> Floats2d:
        """As _cross_entropy."""
        if not self.objective.entropy:
            return self.ops.xp.zeros_like(scores)
        logs = self.ops.xp.log(scores + 1e-12)
        entropy = -(scores * logs).sum(axis=1, keepdims=True)
        losses["entropy"] = float(entropy.mean())
        return -scores * (logs + entropy) * self._share(self.objective.entropy, len(scores))

    def _adversarial(
        self,
        vectors: list[Floats2d],
        gradients: list[Floats2d],
        truths: Floats2d,
        mask: Floats2d,
        losses: dict[str, float],
    ) -> list[Floats2d]:
        """Add the loss to `losses`; RETURNS its gradient by the vectors, weighted."""
        labelled: Any = mask.any(axis=1)
        places = self.ops.xp.flatnonzero(labelled).tolist()
        moved = self._moved(
            [vectors[i] for i in places],
            [gradients[i] for i in places],
            self.objective.perturbation_norm,
        )
        scores, backprop = self.rest(moved, is_train=True)
        known = condition_on_known(scores, truths[labelled], mask[labelled])
        losses["adversarial"] = self._divergence(truths[labelled], known)
        d_scores = (known - truths[labelled]) * mask[labelled]
        d_vectors = backprop(d_scores * self._share(self.objective.adversarial, len(places)))
        everywhere = [self.ops.xp.zeros_like(x) for x in vectors]
        for place, gradient in zip(places, d_vectors, strict=True):
            everywhere[place] = gradient
        return everywhere

    def _virtual_adversarial(
        self,
        vectors: list[Floats2d],
        gradients: list[Floats2d],
        d_scores: Floats2d,
        targets: Floats2d,
        losses: dict[str, float],
    ) -> list[Floats2d]:
        """As _adversarial."""
        if targets.shape[1] == 2 and self.objective.entropy:
            directions = self._directions_of_two(gradients, d_scores, targets)
        else:
            directions = self._directions(vectors, targets)
        moved = self._moved(vectors, directions, self.objective.perturbation_norm)
        scores, backprop = self.rest(moved, is_train=True)
        losses["virtual_adversarial"] = self._divergence(targets, scores)
        weight = self._share(self.objective.virtual_adversarial, len(scores))
        return backprop((scores - targets) * weight)

    def _share(self, weight: float, n_docs: int) -> float:
        """What one of so many documents that a loss concerns has in the gradient."""
        return weight * self.scale / int(n_docs)

    def _directions_of_two(
        self, gradients: list[Floats2d], d_scores: Floats2d, targets: Floats2d
    ) -> list[Floats2d]:
        """The direction to the other label, for a model of two labels.

        All gradients by a document's vectors are then multiples of one, that of the difference
        of its two logits, so the backward pass of the other losses has already found it.
        """
        toward = self.ops.xp.sign(d_scores[:, 0]) * self.ops.xp.sign(targets[:, 1] - targets[:, 0])
        return [sign * x for sign, x in zip(toward, gradients, strict=True)]

    def _directions(self, vectors: list[Floats2d], targets: Floats2d) -> list[Floats2d]:
        """The direction that changes the prediction most, by one step of power iteration."""
        xp = self.ops.xp
        noise = [xp.random.normal(size=x.shape).astype("float32") for x in vectors]
        with gradients_kept(self.rest):
            moved = self._moved(vectors, noise, self.objective.probe_norm)
            scores, backprop = self.rest(moved, is_train=True)
            return backprop(scores - targets)

    def _moved(
        self, vectors: list[Floats2d], directions: list[Floats2d], norm: float
    ) -> list[Floats2d]:
        """Each document's vectors, moved by this norm in its direction."""
        xp = self.ops.xp
        return [
            x + d * (norm / (xp.linalg.norm(d) + 1e-20))
            for x, d in zip(vectors, directions, strict=True)
        ]

    def _divergence(self, truths: Floats2d, scores: Floats2d) -> float:
        """The mean Kullback-Leibler divergence; cross-entropy, where the truth is certain."""
        logs = self.ops.xp.log(truths + 1e-12) - self.ops.xp.log(scores + 1e-12)
        return float((truths * logs).sum(axis=1).mean())


def condition_on_known(scores: Floats2d, truths: Floats2d, mask: Floats2d) -> Floats2d:
    """What a softmax over each document's known labels would give, scaled to their truths' sum.

    scores: (documents, labels) probabilities. truths, mask: as MixedLoss.backprop takes them.

    Minus the truths it is, at the known labels, the gradient of their cross-entropy by the
    logits. Where all known labels are false, no proportion is known: these keep their scores.
    """
    wanted = (truths * mask).sum(axis=1, keepdims=True)
    is_whole: Any = mask.sum(axis=1, keepdims=True) == mask.shape[1]
    has_proportions: Any = (wanted > 0) & ~is_whole
    known = (scores * mask).sum(axis=1, keepdims=True) + 1e-12
    return scores * (wanted / known * has_proportions + ~has_proportions)


def _cut(model: Model) -> tuple[Model, Model]:
    """The layers up to the embeddings, and all that come after."""
    tok2vec, layers = model.maybe_get_ref("tok2vec"), model.layers
    places = [place for place, layer in enumerate(layers) if layer is tok2vec]
    is_chain = model._func in (forward_textcat, forward_chain)
    cut = cut_tok2vec(tok2vec) if tok2vec is not None and places and is_chain else None
    if cut is None:
        raise ValueError(
            "the losses beyond cross-entropy need a model that can be cut after its embeddings: "
            "spacy-brnn.TextCatBRNN.v1 over spacy.Tok2Vec.v2"
        )
    embed, encode = cut
    before, after = layers[: places[0]], layers[places[0] + 1 :]
    return in_order([*before, embed]), in_order([encode, *after])
