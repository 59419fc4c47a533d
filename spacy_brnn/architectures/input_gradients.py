"""Backpropagating to what a layer reads, with its parameters left as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from thinc.api import Model
from torch import nn

from ..nn.dropout import LockedDropout


@contextmanager
def gradients_kept(model: Model) -> Iterator[None]:
    """Backpropagate to the inputs alone: the parameters' gradients stay what they are."""
    parameters = [
        parameter
        for module in _torch_modules(model)
        for parameter in module.parameters()
        if parameter.requires_grad
    ]
    kept = [
        (node, name, node.get_grad(name).copy() if node.has_grad(name) else None)
        for node in model.walk()
        for name in node.param_names
        if node.has_param(name)
    ]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
        for node, name, gradient in kept:
            if node.has_grad(name):
                node.set_grad(name, gradient if gradient is not None else node.get_grad(name) * 0)


@contextmanager
def dropout_off(model: Model) -> Iterator[None]:
    """Run as in training, which gradients need, but with nothing dropped."""
    rates = [(node, node.attrs["dropout_rate"]) for node in model.walk() if _drops(node)]
    dropouts = [
        (module, name, getattr(module, name))
        for root in _torch_modules(model)
        for module in root.modules()
        for name in _rate_names(module)
    ]
    for node, _ in rates:
        node.attrs["dropout_rate"] = 0.0
    for module, name, _ in dropouts:
        setattr(module, name, 0.0)
    try:
        yield
    finally:
        for node, rate in rates:
            node.attrs["dropout_rate"] = rate
        for module, name, rate in dropouts:
            setattr(module, name, rate)


def _torch_modules(model: Model) -> list[nn.Module]:
    return [shim._model for node in model.walk() for shim in node.shims]


def _drops(node: Model) -> bool:
    return "dropout_rate" in node.attrs


def _rate_names(module: nn.Module) -> list[str]:
    if isinstance(module, LockedDropout):
        return ["rate"]
    return ["p"] if isinstance(module, nn.Dropout) else []
