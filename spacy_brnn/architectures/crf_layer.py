"""The conditional random field as a Thinc layer: losses in training, tags in prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import numpy
import torch
from thinc.api import Model, torch2xp, xp2torch
from thinc.layers.pytorchwrapper import forward
from thinc.types import ArgsKwargs, Floats1d, Floats2d, Ints1d
from torch import Tensor

from ..nn.crf import CRF
from ..nn.marginals import Marginals
from .flat import split
from .torch_shim import FlatTorchShim, shim_of

Emissions: TypeAlias = list[Floats2d]
AllowedTags: TypeAlias = list[numpy.ndarray]


def build_crf() -> Model[tuple[Emissions, AllowedTags], Floats1d | list[Ints1d]]:
    """A linear-chain CRF over BILUO tags; set_crf_labels gives it its size.

    Its input are a score per token and tag, (tokens, tags) for each document, and which tags
    each token may have, as numpy's bool arrays of the same shapes. In training it gives the loss of
    each document and backpropagates the gradient of these to the scores; in prediction it
    gives the best tags, (tokens,) for each document.
    """
    return Model(
        "crf",
        forward,
        attrs={"convert_inputs": _to_torch, "convert_outputs": _to_arrays},
        shims=[FlatTorchShim(CRF())],
    )


def set_crf_labels(model: Model, n_labels: int) -> None:
    """Start the CRF anew, for that many labels."""
    crf = shim_of(model)._model
    crf.set_labels(n_labels)
    _renew(model)


def add_crf_labels(model: Model, n_labels: int) -> None:
    """Make room for that many labels in all; what is known of those there is kept."""
    crf = shim_of(model)._model
    crf.add_labels(n_labels)
    _renew(model)


def predict_marginals(
    model: Model, emissions: Emissions, allowed: AllowedTags, temperature: float = 1.0
) -> Marginals:
    """What tags and entities are how likely.

    emissions, allowed: the two parts of the layer's input.
    temperature: what all scores are divided by.
    """
    inputs, _ = _to_torch(model, (emissions, allowed), False)
    return shim_of(model).predict(
        ArgsKwargs(args=inputs.args, kwargs={"temperature": temperature}), "marginals"
    )


def scale_crf(model: Model, factor: float) -> None:
    """Multiply what the CRF adds to the scores: with these scaled alike, a temperature."""
    with torch.no_grad():
        for parameter in model.shims[0]._model.parameters():
            parameter.mul_(factor)


def _renew(model: Model) -> None:
    """Let optimizers take the weights for new ones: what they keep of the old has another size."""
    model.shims[0] = FlatTorchShim(shim_of(model)._model)


def _to_torch(
    model: Model, inputs: tuple[Emissions, AllowedTags], is_train: bool
) -> tuple[ArgsKwargs, Callable]:
    emissions, allowed = inputs
    device = shim_of(model).device
    lengths = [len(x) for x in emissions]
    arguments = (
        xp2torch(model.ops.flatten(emissions), requires_grad=is_train, device=device),
        torch.tensor(lengths, dtype=torch.int64, device=device),
        torch.from_numpy(numpy.concatenate(allowed)).to(device),
    )

    def from_torch(gradients: ArgsKwargs) -> Emissions:
        return split(cast(Floats2d, torch2xp(gradients.args[0])), lengths)

    return ArgsKwargs(args=arguments, kwargs={}), from_torch


def _to_arrays(
    model: Model, inputs_outputs: tuple[tuple[Emissions, AllowedTags], Tensor], is_train: bool
) -> tuple[Floats1d | list[Ints1d], Callable]:
    (emissions, _), outputs = inputs_outputs
    if not is_train:
        tags = split(cast(Ints1d, torch2xp(outputs)), [len(x) for x in emissions])
        return tags, lambda gradients: []

    def to_torch(d_losses: Floats1d) -> ArgsKwargs:
        gradient = xp2torch(d_losses, device=outputs.device)
        return ArgsKwargs(args=((outputs,),), kwargs={"grad_tensors": (gradient,)})

    return cast(Floats1d, torch2xp(outputs)), to_torch
