"""A transformer that reads a text and its target as a pair of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional

from ..corpora.symbols import name_symbols
from ..corpora.targeted_texts import TargetedText
from ..distillation.transformer import TransformerTeacher, masked_mean
from .candidates import Candidate

DROPOUT = 0.1
# What stands before a target, the target, and what stands after it.
Parts = tuple[str, str, str]
Targeted = TargetedText | Candidate


class TargetTeacher(TransformerTeacher):
    """A transformer on a text and its target, and one linear layer on the mean of the states of
    the target, which have read the text.

    Sources: Devlin et al. (2019), "BERT", for pairs of sequences; Song et al. (2019), "Attentional
    Encoder Network for Targeted Sentiment Classification", for the target as the second (BERT-SPC).

    start: a folder of Hugging Face: an encoder (its head is new), or any teacher that `save` wrote.
    max_pieces: word pieces of a pair that are read, at most.
    Raises ValueError for more pieces than it can read, and where the tokenizer does not end
    sequences by a piece of their own.
    """

    def __init__(self, start: Path, max_pieces: int = 160) -> None:
        super().__init__(start, max_pieces)
        if self.tokenizer.sep_token_id is None:
            raise ValueError(
                "its tokenizer has no piece that ends a sequence: take one as BERT's, whose "
                "tokenizer_config.json names a sep_token"
            )
        self._has_types = getattr(self.encoder.config, "type_vocab_size", 0) > 1

    def pair_pieces(self, targets: Sequence[Targeted]) -> list[list[int]]:
        """The word pieces of each target's text, then those of the target; of a long text the part
        around the target."""
        if not targets:
            return []
        parts = [self._parts(one) for one in targets]
        pieces = self._pairs(parts)
        long = [place for place, row in enumerate(pieces) if len(row) > self.max_pieces]
        if long:
            shorter = [self._shorten(*parts[place]) for place in long]
            # Cut out, words may be of a piece more.
            cut = self._pairs(shorter, truncation=True, max_length=self.max_pieces)
            for place, row in zip(long, cut, strict=True):
                pieces[place] = row
        return pieces

    def inputs(self, pieces: Sequence[list[int]]) -> dict[str, Tensor]:
        """As a TransformerTeacher's, with the types of the two sequences where it knows types."""
        known = super().inputs(pieces)
        if self._has_types:
            known["token_type_ids"] = self._is_second(known).long()
        return known

    def pool(self, states: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """(targets, width) the mean of the states of the second sequence."""
        pooled = masked_mean(states, self._is_second(inputs))
        return functional.dropout(pooled, DROPOUT, self.training)

    def _is_second(self, inputs: dict[str, Tensor]) -> Tensor:
        """(B, L) bool, whether it is a piece after the first that ends a sequence."""
        ends = (inputs["input_ids"] == self.tokenizer.sep_token_id).long()
        return ((ends.cumsum(1) - ends) > 0) & inputs["attention_mask"].bool()

    def _parts(self, one: Targeted) -> Parts:
        before, target, after = (
            name_symbols(part, self._pieces_known)
            for part in (one.text[: one.start], one.text[one.start : one.end], one.text[one.end :])
        )
        return before, target, after

    def _pairs(self, parts: Sequence[Parts], **limit: Any) -> list[list[int]]:
        texts, targets = ["".join(one) for one in parts], [target for _, target, _ in parts]
        return self.tokenizer(texts, targets, verbose=False, **limit)["input_ids"]

    def _shorten(self, before: str, target: str, after: str) -> Parts:
        """The parts of which a pair has about max_pieces: as much of the text on both sides of the
        target, more of one where the other has less."""
        left, inside, right = (self._offsets(part) for part in (before, target, after))
        special = self.tokenizer.num_special_tokens_to_add(pair=True)
        room = max(self.max_pieces - special - 2 * len(inside), 0)
        fewer = min(max(room // 2, room - len(right)), len(left))
        start = left[-fewer][0] if fewer else len(before)
        more = min(room - fewer, len(right))
        end = right[more - 1][1] if more else 0
        return before[start:], target, after[:end]

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        known = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return known["offset_mapping"]
