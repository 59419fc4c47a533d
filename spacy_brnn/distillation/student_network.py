"""The torch network of a text classifier, which reads words by their numbers."""

from __future__ import annotations

from itertools import chain
from typing import Any, cast

import numpy
import torch
from thinc.api import Model
from thinc.types import Floats2d
from torch import Tensor, nn
from torch.nn import functional

from ..architectures import subword_embed
from ..architectures.textcat import reads_with_brnn


class StudentNetwork(nn.Module):
    """What spacy-brnn.TextCatBRNN.v1 computes over spacy-brnn.SubwordEmbed.v1, in torch alone.

    It trains the model's own encoder and pooling; `write_back` gives the model the rest.

    words: all that is read, each by its place.
    dropout: on the pooled vector; those of the embedding and of the encoder are the model's.
    Raises ValueError for a model of other layers.
    """

    rows: Tensor
    counts: Tensor
    starts: Tensor

    def __init__(
        self,
        model: Model,
        words: list[str],
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.model = model
        embed, encode = _layers(model)
        self.word_dropout, self.unknown_dropout = subword_embed.dropout_rates(embed)
        self.dropout = dropout
        self.encoder = encode.shims[0]._model
        self.pooling = model.layers[1].shims[0]._model
        output = model.get_ref("output_layer")
        self.table = nn.Parameter(_tensor(embed, "E"))
        self.weight = nn.Parameter(_tensor(output, "W"))
        self.bias = nn.Parameter(_tensor(output, "b"))
        # As the memory's, of known words one row, of others their parts'; then all by their parts.
        memory = subword_embed.Memory(embed.attrs["words"], embed.attrs["part_rows"])
        rows = [memory.rows(word) for word in words] + [memory.rows_of_parts(w) for w in words]
        counts = numpy.asarray([len(r) for r in rows], dtype="int64")
        flat = numpy.fromiter(chain.from_iterable(rows), dtype="int64", count=counts.sum())
        self.n_words = len(words)
        self.register_buffer("rows", torch.from_numpy(flat), persistent=False)
        self.register_buffer("counts", torch.from_numpy(counts), persistent=False)
        starts = torch.from_numpy(counts.cumsum() - counts)
        self.register_buffer("starts", starts, persistent=False)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """(N,) places of words and (B,) lengths to (B, labels) logits."""
        words, places = torch.unique(tokens, return_inverse=True)
        vectors = self._vectors(words)
        states = functional.embedding(places, vectors)
        if self.training and self.word_dropout:
            heard = torch.rand(len(tokens), 1, device=tokens.device) >= self.word_dropout
            states = states * heard
        pooled = self.pooling(self.encoder(states, lengths), lengths)
        pooled = functional.dropout(pooled, self.dropout, self.training)
        return functional.linear(pooled, self.weight, self.bias)

    def write_back(self) -> None:
        """Give the model this network's weights."""
        output = self.model.get_ref("output_layer")
        embed = self.model.get_ref("tok2vec").get_ref("embed")
        for node, name, value in (
            (embed, "E", self.table),
            (output, "W", self.weight),
            (output, "b", self.bias),
        ):
            node.set_param(name, cast(Floats2d, node.ops.asarray(_array(value))))

    def _vectors(self, words: Tensor) -> Tensor:
        """(W, width) the mean of each word's rows."""
        if self.training and self.unknown_dropout:
            hidden = torch.rand(len(words), device=words.device) < self.unknown_dropout
            words = words + self.n_words * hidden
        counts = self.counts[words]
        rows = self.rows[flat_places(self.starts[words], counts)]
        begins = counts.cumsum(0) - counts
        return functional.embedding_bag(rows, self.table, begins, mode="mean")


def flat_places(starts: Tensor, lengths: Tensor) -> Tensor:
    """The places of runs that begin at `starts`, (B,), one run after the other."""
    begins = lengths.cumsum(0) - lengths
    places = torch.arange(int(lengths.sum()), device=lengths.device)
    return places + (starts - begins).repeat_interleave(lengths)


def _layers(model: Model) -> tuple[Model, Model]:
    """The embedding and the encoder. Raises ValueError for a model that is no student."""
    tok2vec = model.maybe_get_ref("tok2vec")
    if model.name != "textcat_brnn" or tok2vec is None:
        raise ValueError(f"a student is a spacy-brnn.TextCatBRNN.v1, not {model.name}")
    if model.layers[0] is not tok2vec:
        raise ValueError("a student reads whole documents: without last_tokens")
    if not reads_with_brnn(tok2vec) or tok2vec.get_ref("embed").name != subword_embed.NAME:
        raise ValueError(
            "a student's tok2vec is spacy-brnn.SubwordEmbed.v1 and spacy-brnn.BRNNEncoder.v1, "
            f"not {tok2vec.name}"
        )
    return tok2vec.get_ref("embed"), tok2vec.get_ref("encode")


def _tensor(node: Model, name: str) -> Tensor:
    return torch.from_numpy(node.ops.to_numpy(node.get_param(name)).copy())


def _array(parameter: Tensor) -> Any:
    return parameter.detach().cpu().numpy()
