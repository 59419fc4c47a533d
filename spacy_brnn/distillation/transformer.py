"""A pretrained transformer with three logits: how a batch of texts runs through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from ..corpora.errors import CorpusError
from ..corpora.labelled_texts import LABELS
from ..corpora.symbols import name_symbols

HEAD_FILE = "head.safetensors"
# Word pieces of a long text that are read: so many from its beginning, the rest from its end.
HEAD_PIECES = 64
# Of a batch that is scored, on a CPU and on a GPU.
BATCH_PIECES, GPU_BATCH_PIECES = 4096, 131_072
# Families whose first position is the one after that of the padding.
SHIFTED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")


class TransformerTeacher(nn.Module):
    """A transformer, the mean of its states, and one linear layer; or a classifier as it comes.

    start: a folder of Hugging Face: an encoder (its head is new), a teacher that `save` wrote,
        or a model for sequence classification whose labels are LABELS.
    max_pieces: word pieces of a text that are read, at most.
    is_taught: whether there was a head, so that scores are more than chance.
    Raises ValueError for a classifier with other labels, and for more pieces than it can read.
    """

    def __init__(self, start: Path, max_pieces: int = 128) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(start)
        self._pieces_known = frozenset(self.tokenizer.get_vocab())
        self.max_pieces = max_pieces
        config = AutoConfig.from_pretrained(start)
        most = _most_pieces(config, max_pieces)
        if max_pieces > most:
            raise ValueError(
                f"{start} reads {most} word pieces at most, not {max_pieces}: give --max-pieces "
                f"{most} or less"
            )
        self.head: nn.Linear | None = None
        self.is_taught = True
        self.order: list[int] | None = None
        if any("SequenceClassification" in name for name in config.architectures or ()):
            self.order = _order_of_labels(config.id2label)
            self.encoder = AutoModelForSequenceClassification.from_pretrained(start).float()
            return
        self.encoder = AutoModel.from_pretrained(start).float()
        self.head = nn.Linear(config.hidden_size, len(LABELS))
        self.is_taught = (start / HEAD_FILE).exists()
        if self.is_taught:
            self.head.load_state_dict(load_file(start / HEAD_FILE))

    def save(self, folder: Path) -> None:
        """Write it where `start` can read it."""
        self.encoder.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        if self.head is not None:
            save_file(self.head.state_dict(), folder / HEAD_FILE)

    def freeze(self, layers: int) -> None:
        """Leave the embeddings and so many of the lower layers as they are in training.

        Raises CorpusError for a model whose layers are not where BERT's or DistilBERT's are.
        """
        base = self.encoder.base_model
        stack = getattr(base, "encoder", None) or getattr(base, "transformer", None)
        if not hasattr(base, "embeddings") or stack is None or not hasattr(stack, "layer"):
            raise CorpusError(
                f"{type(base).__name__}: its layers are not where BERT's are, to freeze them; "
                "start from a model of BERT's kin"
            )
        for module in (base.embeddings, *stack.layer[:layers]):
            module.requires_grad_(False)

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """The word pieces of each text, the middle of a long one left out.

        Emoji that the vocabulary lacks are read by their names.
        """
        if not texts:
            return []  # The tokenizer takes one at least.
        named = [name_symbols(text, self._pieces_known) for text in texts]
        known = self.tokenizer(named, add_special_tokens=True, truncation=False, verbose=False)
        return [self._cut(pieces) for pieces in known["input_ids"]]

    def _cut(self, pieces: list[int]) -> list[int]:
        if len(pieces) <= self.max_pieces:
            return pieces
        head = min(HEAD_PIECES, self.max_pieces // 2)
        return pieces[:head] + pieces[head - self.max_pieces :]

    def forward(self, pieces: Sequence[list[int]]) -> Tensor:
        """(texts, LABELS) logits, in the order of LABELS."""
        inputs = self.inputs(pieces)
        if self.head is None:
            return self.encoder(**inputs).logits[:, self.order]
        return self.head(self.pool(self.encoder(**inputs).last_hidden_state, inputs))

    def inputs(self, pieces: Sequence[list[int]]) -> dict[str, Tensor]:
        """What the encoder is called with, on its device."""
        padded = self.tokenizer.pad(
            {"input_ids": list(pieces)}, return_tensors="pt", return_attention_mask=True
        ).to(next(self.parameters()).device)
        return {"input_ids": padded["input_ids"], "attention_mask": padded["attention_mask"]}

    def pool(self, states: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """(texts, width) what the head reads of the states: their mean."""
        return masked_mean(states, inputs["attention_mask"])

    def score(self, texts: Sequence[str], batch_pieces: int | None = None) -> numpy.ndarray:
        """As score_pieces, of texts."""
        return self.score_pieces(self.pieces(texts), batch_pieces)

    @torch.no_grad()
    def score_pieces(
        self, pieces: Sequence[list[int]], batch_pieces: int | None = None
    ) -> numpy.ndarray:
        """(texts, LABELS) logits, float32; on a GPU computed in bfloat16.

        batch_pieces: of a batch, with its padding; None for what suits the device.
        """
        self.eval()
        scores = numpy.zeros((len(pieces), len(LABELS)), dtype="float32")
        device = next(self.parameters()).device.type
        size = batch_pieces or (BATCH_PIECES if device == "cpu" else GPU_BATCH_PIECES)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            for places in batches_of_like_length([len(p) for p in pieces], size):
                scores[places] = self([pieces[i] for i in places]).float().cpu().numpy()
        return scores


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """(B, width) the mean over the places where the mask is 1; one at least per row."""
    shares = mask[..., None].to(states.dtype)
    return (states * shares).sum(1) / shares.sum(1)


def batches_of_like_length(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Places of sequences, shortest first, in batches of at most `size` with their padding."""
    batch: list[int] = []
    for place in numpy.argsort(lengths, kind="stable").tolist():
        if batch and lengths[place] * (len(batch) + 1) > size:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _most_pieces(config: Any, otherwise: int) -> int:
    """The word pieces that a model has positions for."""
    most = getattr(config, "max_position_embeddings", otherwise)
    if config.model_type in SHIFTED_POSITIONS:
        most -= (config.pad_token_id or 0) + 1
    return most


def _order_of_labels(id2label: dict[int, str]) -> list[int]:
    places = {label.upper(): place for place, label in id2label.items()}
    if set(places) != set(LABELS):
        raise ValueError(
            f"the classifier's labels must be {', '.join(LABELS)}, not {', '.join(places)}: "
            "give an encoder without a head, or rename them in its config.json (id2label)"
        )
    return [places[label] for label in LABELS]
