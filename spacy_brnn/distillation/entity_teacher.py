"""A pretrained transformer that tags named entities: how sentences run through it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from spacy.tokens import Doc
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from ..corpora.errors import CorpusError
from ..nn.biluo import count_tags
from .transformer import batches_of_like_length

WEIGHTS_FILE = "entities.safetensors"
SETTINGS_FILE = "entities.json"
# Of a word; links are long.
MAX_WORD_PIECES = 10
MAX_PIECES = 480
# Places that are no word's: the first and the last piece of a sequence, and RoBERTa's offset.
SPARE_PLACES = 4
DROPOUT = 0.1
# What a piece shows of its word's case, which most encoders' vocabularies do not; 0 is no word.
LOWER, TITLE, UPPER, ONE_UPPER, MIXED, WITH_DIGITS, DIGITS, SIGNS, CASELESS = range(1, 10)
NO_STYLE = 0


class EntityTeacher(nn.Module):
    """An encoder that sees the case of words and a style of annotation, and scores BILUO tags.

    Corpora differ in what they call an entity. Each has a style, an embedding added to every
    piece, so that the teacher can tag other text as a corpus of its kind would be.

    start: a folder of Hugging Face with an encoder, or a teacher that `save` wrote.
    labels, styles: of a new teacher; a saved one has its own.
    Raises CorpusError for a saved teacher whose files are not whole.
    """

    def __init__(self, start: Path, labels: Sequence[str] = (), styles: Sequence[str] = ()) -> None:
        super().__init__()
        saved = (start / SETTINGS_FILE).exists()
        if saved:
            labels, styles = _read_settings(start / SETTINGS_FILE)
        self.labels, self.styles = list(labels), list(styles)
        self.tokenizer = AutoTokenizer.from_pretrained(start)
        config = AutoConfig.from_pretrained(start)
        places = getattr(config, "max_position_embeddings", MAX_PIECES + SPARE_PLACES)
        self.max_pieces = min(MAX_PIECES, places - SPARE_PLACES)
        self.encoder = AutoModel.from_pretrained(start).float()
        width = config.hidden_size
        self.cases = nn.Embedding(CASELESS + 1, width, padding_idx=0)
        self.kinds = nn.Embedding(1 + len(self.styles), width)
        self.head = nn.Linear(width, count_tags(len(self.labels)))
        nn.init.zeros_(self.cases.weight)
        nn.init.zeros_(self.kinds.weight)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        self.dropout = nn.Dropout(DROPOUT)
        self._pieces: dict[str, list[int]] = {}
        if saved:
            try:
                for name, weights in load_file(start / WEIGHTS_FILE).items():
                    self.get_parameter(name).data.copy_(weights)
            except (OSError, SafetensorError, AttributeError, RuntimeError):
                raise CorpusError(
                    f"{start / WEIGHTS_FILE} is missing or not of this teacher: train it again"
                ) from None

    def save(self, folder: Path) -> None:
        """Write it where `start` can read it."""
        self.encoder.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        added = {name: p.data.contiguous() for name, p in self.added()}
        save_file(added, folder / WEIGHTS_FILE)
        settings = {"labels": self.labels, "styles": self.styles}
        (folder / SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")

    def added(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and weights of what the encoder did not have."""
        return (x for x in self.named_parameters() if not x[0].startswith("encoder."))

    def style_number(self, name: str | None) -> int:
        """The number of a style; None is the style of no corpus in particular.

        Raises CorpusError for one that is not known.
        """
        if name is None:
            return NO_STYLE
        if name not in self.styles:
            raise CorpusError(f"the teacher has no style {name!r}, only {', '.join(self.styles)}")
        return 1 + self.styles.index(name)

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        """The word pieces of each word, one at least."""
        new = [word for word in dict.fromkeys(words) if word not in self._pieces]
        if new:
            cut = self.tokenizer(new, add_special_tokens=False, verbose=False)["input_ids"]
            for word, ids in zip(new, cut, strict=True):
                self._pieces[word] = ids[:MAX_WORD_PIECES] or [self.tokenizer.unk_token_id]
        return [self._pieces[word] for word in words]

    def runs(self, words: Sequence[str], sentences: list[list[int]], limit: int) -> list[list[int]]:
        """Sentences put together to sequences of at most `limit` pieces, as places of words.

        sentences: places of their words. One with more pieces is a run of its own, and one with
            more than the encoder reads is cut.
        """
        sizes = [len(pieces) for pieces in self.pieces(words)]
        runs: list[list[int]] = []
        room = 0
        for part in chain.from_iterable(_cut(s, sizes, self.max_pieces) for s in sentences):
            size = sum(sizes[place] for place in part)
            if size > room:
                runs.append([])
                room = min(limit, self.max_pieces)
            runs[-1] += part
            room -= size
        return runs

    def forward(self, sequences: Sequence[Sequence[str]], styles: Sequence[int]) -> Tensor:
        """(words, tags) logits, float32, of the words of all sequences in a row."""
        device = self.head.weight.device
        cut = [self.pieces(words) for words in sequences]
        width = 2 + max(sum(map(len, pieces)) for pieces in cut)
        ids = numpy.full((len(cut), width), self.tokenizer.pad_token_id, dtype="int64")
        cases, mask = numpy.zeros_like(ids), numpy.zeros_like(ids)
        firsts = []
        start, end = self._special_ids
        for row, (words, pieces) in enumerate(zip(sequences, cut, strict=True)):
            lengths = numpy.asarray([len(p) for p in pieces])
            size = int(lengths.sum())
            ids[row, : size + 2] = [start, *chain.from_iterable(pieces), end]
            cases[row, 1 : size + 1] = numpy.repeat([case_of(word) for word in words], lengths)
            mask[row, : size + 2] = 1
            firsts.append(row * width + 1 + numpy.cumsum(lengths) - lengths)
        tensors = [torch.from_numpy(x).to(device) for x in (ids, cases, mask)]
        embedded = self.encoder.get_input_embeddings()(tensors[0]) + self.cases(tensors[1])
        embedded = embedded + self.kinds(torch.tensor(styles, device=device))[:, None]
        states = self.encoder(inputs_embeds=embedded, attention_mask=tensors[2]).last_hidden_state
        at_words = torch.from_numpy(numpy.concatenate(firsts)).to(device)
        states = states.flatten(0, 1)[at_words].float()
        with torch.autocast(device.type, enabled=False):
            return self.head(self.dropout(states))

    @torch.no_grad()
    def log_probabilities(
        self, docs: Sequence[Doc], style: int = NO_STYLE, context: int = 200, batch: int = 8192
    ) -> list[numpy.ndarray]:
        """Of each token's tags, (tokens, tags) float32 for each document; 0 for white space.

        context: word pieces of the sentences that are read together.
        batch: word pieces of a batch.
        """
        self.eval()
        scores = [numpy.zeros((len(doc), count_tags(len(self.labels))), "float32") for doc in docs]
        words = [[token.text for token in doc] for doc in docs]
        runs = [
            (number, places)
            for number, doc in enumerate(docs)
            for places in self.runs(words[number], sentences(doc), context)
        ]
        read = [[words[number][place] for place in places] for number, places in runs]
        sizes = [sum(map(len, self.pieces(run))) for run in read]
        for chosen in batches_of_like_length(sizes, batch):
            logits = self([read[i] for i in chosen], [style] * len(chosen))
            found = torch.log_softmax(logits, -1).cpu().numpy()
            ends = numpy.cumsum([len(read[i]) for i in chosen])[:-1]
            for i, of_run in zip(chosen, numpy.split(found, ends), strict=True):
                number, places = runs[i]
                scores[number][places] = of_run
        return scores

    @cached_property
    def _special_ids(self) -> tuple[int, int]:
        known = self.tokenizer
        start, end = known.cls_token_id, known.sep_token_id
        if start is None or end is None:
            raise CorpusError(f"{type(known).__name__} has no [CLS] and [SEP]: take BERT's kin")
        return start, end


def sentences(doc: Doc) -> list[list[int]]:
    """Places of the words of each sentence, white space left out; without sentences all in one."""
    parts = doc.sents if doc.has_annotation("SENT_START") else [doc[:]]
    found = [[token.i for token in part if not token.is_space] for part in parts]
    return [places for places in found if places]


def case_of(word: str) -> int:
    """Which of the classes LOWER to CASELESS the word is of."""
    letters = [c for c in word if c.isalpha()]
    cased = [c for c in letters if c.lower() != c.upper()]
    has_digits = any(c.isdigit() for c in word)
    if not letters:
        return DIGITS if has_digits else SIGNS
    if has_digits:
        return WITH_DIGITS
    if not cased:
        return CASELESS
    if all(c.islower() for c in cased):
        return LOWER
    if all(c.isupper() for c in cased):
        return UPPER if len(cased) > 1 else ONE_UPPER
    is_title = cased[0].isupper() and all(c.islower() for c in cased[1:])
    return TITLE if is_title else MIXED


def _cut(sentence: list[int], sizes: list[int], most: int) -> Iterator[list[int]]:
    part: list[int] = []
    room = most
    for place in sentence:
        if part and sizes[place] > room:
            yield part
            part, room = [], most
        part.append(place)
        room -= sizes[place]
    if part:
        yield part


def _read_settings(path: Path) -> tuple[list[str], list[str]]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        return settings["labels"], settings["styles"]
    except (ValueError, KeyError, TypeError):
        raise CorpusError(f"{path} names no labels and styles: train the teacher again") from None
