"""The embedding of tokens by a network over their characters."""

from __future__ import annotations

from collections.abc import Callable

import numpy
import torch
from spacy.tokens import Doc
from thinc.api import Model
from thinc.layers.pytorchwrapper import forward
from thinc.types import ArgsKwargs, Floats2d
from torch import Tensor, nn

from ..nn.characters import CharacterBRNN, CharacterCNN
from .torch_shim import FlatTorchShim, list_outputs, shim_of

NETWORKS = ("cnn", "brnn")


class _TokenCharacters(nn.Module):
    """Reads each word once and gives its vector to all of its tokens."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, characters: Tensor, lengths: Tensor, words: Tensor) -> Tensor:
        """The network's arguments, and the word of each token, (N,), to (N, width)."""
        return self.network(characters, lengths)[words]


def build_char_embed(
    width: int,
    network: str = "cnn",
    char_width: int = 30,
    window: int = 3,
    dropout: float = 0.0,
) -> Model[list[Doc], list[Floats2d]]:
    """Embed tokens by a network over their UTF-8 bytes (spacy-brnn.CharEmbed.v1).

    width: width of the vectors; even for "brnn".
    network: "cnn" (a convolution, then the maximum over the word) or "brnn" (a bidirectional
        LSTM, its two last states).
    char_width: width of a byte's vector.
    window: bytes that a filter of the convolution sees, odd; "brnn" reads the whole word.
    dropout: dropout on the bytes' vectors.
    RETURNS: per document (tokens, width).
    Raises ValueError for an unknown network or a value out of range.
    """
    return Model(
        "char_embed",
        forward,
        attrs={"convert_inputs": _words_and_bytes, "convert_outputs": list_outputs},
        shims=[
            FlatTorchShim(
                _TokenCharacters(_make_network(network, width, char_width, window, dropout))
            )
        ],
        dims={"nO": width},
    )


def _make_network(
    network: str, width: int, char_width: int, window: int, dropout: float
) -> nn.Module:
    if min(width, char_width, window) < 1:
        raise ValueError(
            "width, char_width and window must be at least 1, "
            f"not {width}, {char_width} and {window}"
        )
    if network == "cnn":
        return CharacterCNN(width, char_width, window=window, dropout=dropout)
    if network == "brnn":
        return CharacterBRNN(width, char_width, dropout=dropout)
    raise ValueError(f"network must be one of {', '.join(NETWORKS)}, not {network!r}")


def _words_and_bytes(
    model: Model, docs: list[Doc], is_train: bool
) -> tuple[ArgsKwargs, Callable[[ArgsKwargs], list[Doc]]]:
    keys = [doc.to_array("ORTH") for doc in docs]
    flat = numpy.concatenate(keys) if keys else numpy.zeros(0, dtype="uint64")
    unique, first, words = numpy.unique(flat, return_index=True, return_inverse=True)
    # Documents may have vocabularies of their own: a word is spelled by one that it stands in.
    owners = numpy.repeat(numpy.arange(len(docs)), [len(doc) for doc in docs])[first]
    pairs = zip(owners.tolist(), unique.tolist(), strict=True)
    spelled = [docs[owner].vocab.strings[key].encode("utf8") for owner, key in pairs]
    characters = numpy.frombuffer(b"".join(spelled), dtype="uint8").astype("int64")
    lengths = numpy.asarray([len(word) for word in spelled], dtype="int64")
    device = shim_of(model).device
    arguments = tuple(torch.from_numpy(x).to(device) for x in (characters, lengths, words))
    return ArgsKwargs(args=arguments, kwargs={}), lambda gradients: []
