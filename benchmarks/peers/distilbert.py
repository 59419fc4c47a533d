"""The shape of DistilBERT with random weights: its cost does not depend on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .base import Published, System, bytes_below
from .forked import score_by_processes

TOKENS = 512
WORD_PIECES = 30_522
BATCH = 8
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class DistilBert(System):
    """`DistilBertForSequenceClassification`, float32, word pieces learned from the train split."""

    most_documents = 16
    published = Published(0.928, "Sanh et al. 2019")
    notes = (f"reads the first {TOKENS} word pieces only",)
    needs_training = True

    def load(self) -> None:
        """Read the word pieces and the weights."""
        self.trained(self.folder / "model.safetensors")
        import torch
        from tokenizers import Tokenizer
        from transformers import DistilBertForSequenceClassification

        self.torch = torch
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self.model = DistilBertForSequenceClassification.from_pretrained(self.folder).eval()

    def score_all(self, texts: list[str], processes: int = 1) -> list[float]:
        """The logits' difference, in batches of 8 texts of 512 word pieces at most."""
        if processes > 1:
            return score_by_processes(self.score_all, texts, processes)
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return [score for batch in batches for score in self._score_batch(batch)]

    def score_one(self, text: str) -> float:
        """A batch of one."""
        return self._score_batch([text])[0]

    def size(self) -> int:
        """The weights and the word pieces."""
        return bytes_below(self.folder)

    def train(
        self, train: Path, dev: Path, output: Path | None, limit: int | None = None
    ) -> dict[str, Any]:
        """Learn the word pieces; the weights stay random."""
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
        from transformers import DistilBertConfig, DistilBertForSequenceClassification

        from ..documents import read_docbin

        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        learner = trainers.WordPieceTrainer(
            vocab_size=WORD_PIECES, special_tokens=list(SPECIAL), show_progress=False
        )
        tokenizer.train_from_iterator((doc.text for doc in read_docbin(train)), learner)
        first, last = ((name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]"))
        tokenizer.post_processor = processors.BertProcessing(last, first)
        tokenizer.enable_truncation(TOKENS)
        tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"))
        if output is not None:
            tokenizer.save(str(output / "tokenizer.json"))
            DistilBertForSequenceClassification(DistilBertConfig()).save_pretrained(output)
        return {"note": "word pieces learned, random weights written"}

    def _score_batch(self, texts: list[str]) -> list[float]:
        encoded = self.tokenizer.encode_batch(texts)
        ids = self.torch.tensor([text.ids for text in encoded])
        mask = self.torch.tensor([text.attention_mask for text in encoded])
        with self.torch.inference_mode():
            logits = self.model(ids, attention_mask=mask).logits
        return (logits[:, 1] - logits[:, 0]).tolist()
