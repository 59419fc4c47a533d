"""From the characters of a word to a vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .brnn import BRNN
from .dropout import check_rate
from .pooling import LastPooling, MaxPooling

N_BYTES = 256


class CharacterCNN(nn.Module):
    """A convolution over each word's bytes, then the maximum over the word.

    Source: Ma and Hovy (2016), "End-to-end Sequence Labeling via Bi-directional
    LSTM-CNNs-CRF". Reading UTF-8 bytes rather than characters needs no inventory of them.

    width: filters, which is the width of the output.
    char_width: width of a byte's vector.
    window: bytes that a filter sees, odd.
    dropout: dropout on the bytes' vectors.
    Raises ValueError for an even window or a rate of dropout out of range.
    """

    def __init__(self, width: int, char_width: int, *, window: int, dropout: float = 0.0) -> None:
        super().__init__()
        if window % 2 == 0:
            raise ValueError(f"the window of characters must be odd, not {window}")
        self.embed = _embed_bytes(char_width)
        self.dropout = nn.Dropout(check_rate("dropout", dropout))
        self.convolve = nn.Conv1d(char_width, width, window)
        self.pool = MaxPooling()

    def forward(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """Encode a batch of words.

        characters: (M,) bytes of all words, one word after the other, int64.
        lengths: (W,) bytes of each word, int64; M in all; zeros are allowed.
        RETURNS: (W, width)
        """
        # All words lie in one long row, with as many zeros between two of them, and before the
        # first and after the last, as a filter reaches to one side.
        reach = self.convolve.kernel_size[0] // 2
        word = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
        places = torch.arange(len(characters), device=lengths.device) + reach * (word + 1)
        vectors = self.dropout(self.embed(characters))
        row = vectors.new_zeros(len(vectors) + reach * (len(lengths) + 1), vectors.shape[1])
        row = row.index_copy(0, places, vectors)
        padded = nn.functional.pad(row.T[None], (reach, reach))
        return self.pool(self.convolve(padded)[0].T[places], lengths)


class CharacterBRNN(nn.Module):
    """A bidirectional LSTM over each word's bytes: its two last states.

    Source: Lample et al. (2016), "Neural Architectures for Named Entity Recognition".

    width: width of the output, even: half of it is each direction's.
    char_width: width of a byte's vector.
    dropout: dropout on the bytes' vectors.
    Raises ValueError for an odd width or a rate of dropout out of range.
    """

    def __init__(self, width: int, char_width: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"the width of a bidirectional network must be even, not {width}")
        self.embed = _embed_bytes(char_width)
        self.dropout = nn.Dropout(check_rate("dropout", dropout))
        self.brnn = BRNN(char_width, width // 2)
        self.pool = LastPooling()

    def forward(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """As CharacterCNN.forward."""
        states = self.brnn(self.dropout(self.embed(characters)), lengths)
        return self.pool(states, lengths)


def _embed_bytes(width: int) -> nn.Embedding:
    embedding = nn.Embedding(N_BYTES, width)
    nn.init.uniform_(embedding.weight, -((3 / width) ** 0.5), (3 / width) ** 0.5)
    return embedding
