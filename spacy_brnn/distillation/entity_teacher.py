"""A pretrained transformer that tags named entities: how sentences run through it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from spacy.tokens import Doc
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModel, AutoTokenizer

from ..corpora.errors import CorpusError
from ..nn.biluo import count_tags
from .transformer import batches_of_like_length

# What the encoder does not have, with labels and styles as the file's metadata.
ADDED_FILE = "entities.safetensors"
# Of a word, as links are long, and of a sequence.
MAX_WORD_PIECES, MAX_PIECES = 10, 480
# Places that are no word's: the first and the last piece of a sequence, and RoBERTa's offset.
SPARE_PLACES = 4
# What a piece shows of its word's case, which most encoders' vocabularies do not; 0 is no word.
LOWER, TITLE, UPPER, ONE_UPPER, MIXED, WITH_DIGITS, DIGITS, SIGNS, CASELESS = range(1, 10)
NO_STYLE = 0


class EntityTeacher(nn.Module):
    """An encoder that sees the case of words and a style of annotation, and scores BILUO tags.

    Corpora differ in what they call an entity. Each has a style, an embedding added to every
    piece, so that the teacher can tag other text as a corpus of its kind would be.

    start: a folder of Hugging Face with an encoder, or a teacher that `save` wrote.
    labels, styles: of a new teacher; a saved one has its own.
    Raises CorpusError for a saved teacher that is not whole, and for an encoder unlike BERT.
    """

    def __init__(self, start: Path, labels: Sequence[str] = (), styles: Sequence[str] = ()) -> None:
        super().__init__()
        added: dict[str, Tensor] = {}
        if (start / ADDED_FILE).exists():
            labels, styles, added = _read_added(start / ADDED_FILE)
        self.labels, self.styles = list(labels), list(styles)
        self.tokenizer = AutoTokenizer.from_pretrained(start)
        if self.tokenizer.cls_token_id is None or self.tokenizer.sep_token_id is None:
            raise CorpusError(f"{start}: no [CLS] and [SEP] in its vocabulary: take one as BERT's")
        config = AutoConfig.from_pretrained(start)
        places = getattr(config, "max_position_embeddings", MAX_PIECES + SPARE_PLACES)
        self.max_pieces = min(MAX_PIECES, places - SPARE_PLACES)
        self.encoder = AutoModel.from_pretrained(start).float()
        self.cases = nn.Embedding(CASELESS + 1, config.hidden_size, padding_idx=0)
        self.kinds = nn.Embedding(1 + len(self.styles), config.hidden_size)
        self.head = nn.Linear(config.hidden_size, count_tags(len(self.labels)))
        self.dropout = nn.Dropout(0.1)
        for new in (self.cases.weight, self.kinds.weight, self.head.bias):
            nn.init.zeros_(new)
        nn.init.normal_(self.head.weight, std=0.02)
        for name, weights in added.items():
            self.get_parameter(name).data.copy_(weights)
        self._pieces: dict[str, list[int]] = {}

    def save(self, folder: Path) -> None:
        """Write it where `start` can read it."""
        self.encoder.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        settings = {"labels": json.dumps(self.labels), "styles": json.dumps(self.styles)}
        save_file({name: p.data for name, p in self.added()}, folder / ADDED_FILE, settings)

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
        most = self.max_pieces
        parts = chain.from_iterable(_pack(([i] for i in one), sizes, most) for one in sentences)
        return _pack(parts, sizes, min(limit, most))

    def forward(self, sequences: Sequence[Sequence[str]], styles: Sequence[int]) -> Tensor:
        """(words, tags) logits, float32, of the words of all sequences in a row."""
        device = self.head.weight.device
        rows = [self._row(words) for words in sequences]
        pad = self.tokenizer.pad_token_id
        ids = pad_sequence([row[0] for row in rows], True, pad).to(device)
        cases, is_first = (pad_sequence([row[i] for row in rows], True).to(device) for i in (1, 2))
        mask = pad_sequence([torch.ones_like(row[0]) for row in rows], True).to(device)
        embedded = self.encoder.get_input_embeddings()(ids) + self.cases(cases)
        embedded = embedded + self.kinds(torch.tensor(styles, device=device))[:, None]
        states = self.encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        with torch.autocast(device.type, enabled=False):
            return self.head(self.dropout(states[is_first].float()))

    def _row(self, words: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Pieces, their cases, and whether each is the first of a word."""
        ids, cases, is_first = [self.tokenizer.cls_token_id], [0], [False]
        for word, pieces in zip(words, self.pieces(words), strict=True):
            ids += pieces
            cases += [case_of(word)] * len(pieces)
            is_first += [True] + [False] * (len(pieces) - 1)
        ids.append(self.tokenizer.sep_token_id)
        return torch.tensor(ids), torch.tensor([*cases, 0]), torch.tensor([*is_first, False])

    @torch.no_grad()
    def log_probabilities(
        self, docs: Sequence[Doc], style: int = NO_STYLE, context: int = 200, batch: int = 8192
    ) -> list[numpy.ndarray]:
        """Of each token's tags, (tokens, tags) float32 for each document; 0 for white space.

        context, batch: word pieces of the sentences that are read together, and of a batch.
        """
        self.eval()
        scores = [numpy.zeros((len(doc), self.head.out_features), "float32") for doc in docs]
        runs = []
        for of_doc, doc in zip(scores, docs, strict=True):
            words = [token.text for token in doc]
            for places in self.runs(words, sentences(doc), context):
                runs.append((of_doc, places, [words[place] for place in places]))
        sizes = [sum(map(len, self.pieces(words))) for _, _, words in runs]
        for chosen in batches_of_like_length(sizes, batch):
            logits = self([runs[i][2] for i in chosen], [style] * len(chosen))
            parts = torch.log_softmax(logits, -1).cpu().split([len(runs[i][1]) for i in chosen])
            for i, found in zip(chosen, parts, strict=True):
                runs[i][0][runs[i][1]] = found.numpy()
        return scores


def sentences(doc: Doc) -> list[list[int]]:
    """Places of the words of each sentence, white space left out; without sentences all in one."""
    parts = doc.sents if doc.has_annotation("SENT_START") else [doc[:]]
    found = [[token.i for token in part if not token.is_space] for part in parts]
    return [places for places in found if places]


def case_of(word: str) -> int:
    """Which of the classes LOWER to CASELESS the word is of."""
    has_letters = any(c.isalpha() for c in word)
    if any(c.isdigit() for c in word):
        return WITH_DIGITS if has_letters else DIGITS
    if not has_letters:
        return SIGNS
    cased = "".join(c for c in word if c.lower() != c.upper())
    if cased.isupper():
        return UPPER if len(cased) > 1 else ONE_UPPER
    if not cased or cased.islower():
        return LOWER if cased else CASELESS
    return TITLE if cased[0].isupper() and cased[1:].islower() else MIXED


def _pack(units: Iterable[list[int]], sizes: list[int], most: int) -> list[list[int]]:
    """Neighbours put together to at most that size; a unit of more is alone."""
    packed: list[list[int]] = []
    room = 0
    for unit in units:
        size = sum(sizes[place] for place in unit)
        if size > room:
            packed.append([])
            room = most
        packed[-1] += unit
        room -= size
    return packed


def _read_added(path: Path) -> tuple[list[str], list[str], dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            settings = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return json.loads(settings["labels"]), json.loads(settings["styles"]), weights
    except (SafetensorError, KeyError, TypeError):
        raise CorpusError(f"{path} is damaged: train the teacher again") from None
