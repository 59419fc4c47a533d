"""PyTorch modules over flat sequences as Thinc models."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any, cast

import srsly
import torch
from thinc.api import Model, PyTorchShim, torch2xp, xp2torch
from thinc.layers.pytorchwrapper import forward
from thinc.types import ArgsKwargs, Floats2d
from thinc.util import get_torch_default_device
from torch import Tensor, nn

from .flat import split
from .one_thread import one_thread
from .precision import autocast, has_bfloat16


class FlatTorchShim(PyTorchShim):
    """Thinc's shim, with weights as plain arrays, averaged parameters and gradients that add up.

    Thinc's own stores weights by torch.save, which is a pickle, looks averages up under keys
    that its optimizer does not write, and in mixed precision unscales with a pass's gradients
    those of the passes before it, too.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        mixed_precision: bool = False,
        reduced_precision: bool = False,
    ) -> None:
        on_gpu = get_torch_default_device().type == "cuda"
        super().__init__(
            module,
            mixed_precision=mixed_precision and on_gpu,
            serialize_model=_arrays_to_bytes,
            deserialize_model=_arrays_from_bytes,
        )
        self._wants_mixed_precision = mixed_precision
        self._reduced_precision = reduced_precision

    def predict(self, inputs: ArgsKwargs, method: str = "forward") -> Any:
        """The module's method on these inputs."""
        function = getattr(self._model.eval(), method)
        precision = autocast(self.device) if self._reduced_precision else nullcontext()
        with torch.no_grad(), precision, one_thread():
            return function(*inputs.args, **inputs.kwargs)

    def begin_update(self, inputs: ArgsKwargs) -> tuple[Any, Callable]:
        """Forward in training; with mixed precision in bfloat16 on a CPU too."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._trains_in_bfloat16()):
            outputs, backprop = super().begin_update(inputs)
        return outputs, partial(self._backprop_alone, backprop)

    def _trains_in_bfloat16(self) -> bool:
        """Asked of the processor at hand: a pickled model may have come from another one."""
        return self._wants_mixed_precision and self.device.type == "cpu" and has_bfloat16()

    def _backprop_alone(self, backprop: Callable, gradients: ArgsKwargs) -> Any:
        """Backpropagate with the gradients of earlier passes laid aside, then add them up."""
        if not self._mixed_precision:
            return backprop(gradients)
        parameters = list(self._model.parameters())
        earlier = [parameter.grad for parameter in parameters]
        for parameter in parameters:
            parameter.grad = None
        try:
            return backprop(gradients)
        finally:
            for parameter, gradient in zip(parameters, earlier, strict=True):
                if gradient is not None and parameter.grad is not None:
                    gradient += parameter.grad
                if gradient is not None:
                    parameter.grad = gradient

    def finish_update(self, optimizer: Callable) -> None:
        """Update the parameters and zero their gradients.

        `nlp.rehearse` keeps the gradients for later, so it gets copies: those stay as they are.
        """
        places = [(parameter, parameter.data) for parameter in self._model.parameters()]
        super().finish_update(
            # The shim only calls it.
            lambda key, value, gradient: optimizer(key, value, gradient.copy())  # type: ignore[arg-type]
        )
        for parameter, place in places:
            _move_to(parameter, place)

    @contextlib.contextmanager
    def use_params(self, params: dict) -> Iterator[None]:
        """Work with these parameters, by (shim id, name), until the context ends."""
        current = {}
        for name, parameter in self._model.named_parameters():
            if (self.id, name) in params:
                current[name] = parameter.data.clone()
                parameter.data.copy_(xp2torch(params[self.id, name], device=parameter.device))
        try:
            yield
        finally:
            for name, data in current.items():
                self._model.get_parameter(name).data.copy_(data)


def _move_to(parameter: nn.Parameter, place: Tensor) -> None:
    """Have a parameter's values where they were: cuDNN wants a network's side by side."""
    if parameter.data_ptr() != place.data_ptr():
        place.copy_(parameter.data)
    parameter.data = place


def wrap_torch(
    name: str,
    module: nn.Module,
    *,
    n_in: int,
    n_out: int,
    convert_outputs: Callable,
    mixed_precision: bool = False,
    reduced_precision: bool = False,
) -> Model[list[Floats2d], Any]:
    """A Thinc model around a module that maps (N, n_in) tokens and (B,) lengths.

    convert_outputs: from the module's tensor to Thinc's arrays, as PyTorchWrapper takes it;
        list_outputs or array_outputs.
    mixed_precision: train in half precision where it is safe, on a CPU only if it has bfloat16.
    reduced_precision: let `predict_in` say what predictions are computed in; else float32.
    """
    return Model(
        name,
        forward,
        init=_init,
        attrs={"convert_inputs": _flat_inputs, "convert_outputs": convert_outputs},
        shims=[
            FlatTorchShim(
                module, mixed_precision=mixed_precision, reduced_precision=reduced_precision
            )
        ],
        dims={"nI": n_in, "nO": n_out},
    )


def shim_of(model: Model) -> FlatTorchShim:
    """The shim of a layer that has one, which Thinc knows as a Shim only."""
    return cast(FlatTorchShim, model.shims[0])


def list_outputs(
    model: Model, inputs_outputs: tuple[list[Floats2d], Tensor], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    """(N, n_out) tensor to one array per sequence, as long as its input."""
    inputs, states = inputs_outputs
    lengths = [len(x) for x in inputs]

    def to_torch(gradients: list[Floats2d]) -> ArgsKwargs:
        return _gradients(model, states, model.ops.flatten(gradients))

    return split(cast(Floats2d, torch2xp(states)), lengths), to_torch


def array_outputs(
    model: Model, inputs_outputs: tuple[list[Floats2d], Tensor], is_train: bool
) -> tuple[Floats2d, Callable]:
    """(B, n_out) tensor to one array."""
    _, outputs = inputs_outputs

    def to_torch(gradient: Floats2d) -> ArgsKwargs:
        return _gradients(model, outputs, gradient)

    return cast(Floats2d, torch2xp(outputs)), to_torch


def _gradients(model: Model, outputs: Tensor, gradient: Floats2d) -> ArgsKwargs:
    device = shim_of(model).device
    return ArgsKwargs(
        args=((outputs,),), kwargs={"grad_tensors": (xp2torch(gradient, device=device),)}
    )


def _flat_inputs(
    model: Model, inputs: list[Floats2d], is_train: bool
) -> tuple[ArgsKwargs, Callable]:
    device = shim_of(model).device
    lengths = [len(x) for x in inputs]
    flat = model.ops.flatten(inputs) if inputs else model.ops.alloc2f(0, model.get_dim("nI"))
    arguments = (
        xp2torch(flat, requires_grad=is_train, device=device),
        torch.tensor(lengths, dtype=torch.int64, device=device),
    )

    def from_torch(gradients: ArgsKwargs) -> list[Floats2d]:
        return split(cast(Floats2d, torch2xp(gradients.args[0])), lengths)

    return ArgsKwargs(args=arguments, kwargs={}), from_torch


def _init(model: Model, X: list[Floats2d] | None = None, Y: Any = None) -> None:
    expected = model.get_dim("nI")
    if X and X[0].shape[1] != expected:
        raise ValueError(
            f"{model.name} expects vectors of width {expected}, but the layer before it gives "
            f"width {X[0].shape[1]}: make the two widths in the config agree"
        )
    # A model may have been trained before; initialized, it starts from scratch.
    if reset := getattr(model.shims[0]._model, "reset_parameters", None):
        reset()


def _arrays_to_bytes(module: nn.Module) -> bytes:
    return srsly.msgpack_dumps(
        {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    )


def _arrays_from_bytes(module: nn.Module, data: bytes, device: torch.device) -> nn.Module:
    arrays = srsly.msgpack_loads(data)
    module.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    return module.to(device)
