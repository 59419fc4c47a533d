import pytest
import torch

from spacy_brnn.nn.characters import CharacterBRNN, CharacterCNN

WORDS = [b"London", b"", b"a", "Århus".encode(), b"Londoners", b"no"]
WIDTH = 6


def make_batch(words):
    characters = torch.tensor([byte for word in words for byte in word], dtype=torch.int64)
    lengths = torch.tensor([len(word) for word in words], dtype=torch.int64)
    return characters, lengths


def make_network(kind, dropout=0.0):
    torch.manual_seed(0)
    if kind == "cnn":
        return CharacterCNN(WIDTH, 4, window=3, dropout=dropout)
    return CharacterBRNN(WIDTH, 4, dropout=dropout)


def test_the_convolution_is_torch_s_own_on_each_word():
    network = make_network("cnn")
    vectors = network(*make_batch(WORDS))
    for word, vector in zip(WORDS, vectors, strict=True):
        if word:
            embedded = network.embed(torch.tensor(list(word))).T[None]
            convolve = network.convolve
            peer = torch.nn.functional.conv1d(embedded, convolve.weight, convolve.bias, padding=1)
            torch.testing.assert_close(vector, peer[0].amax(dim=1))


@pytest.mark.parametrize("kind", ["cnn", "brnn"])
def test_a_word_does_not_depend_on_its_neighbours(kind):
    network = make_network(kind)
    vectors = network(*make_batch(WORDS))
    assert vectors.shape == (len(WORDS), WIDTH)
    for word, vector in zip(WORDS, vectors, strict=True):
        torch.testing.assert_close(network(*make_batch([word]))[0], vector)
    assert not vectors[1].any()
    assert not torch.allclose(vectors[0], vectors[4])


@pytest.mark.parametrize("kind", ["cnn", "brnn"])
def test_no_words_give_no_vectors(kind):
    assert make_network(kind)(*make_batch([])).shape == (0, WIDTH)


@pytest.mark.parametrize("kind", ["cnn", "brnn"])
def test_dropout_is_for_training(kind):
    network = make_network(kind, dropout=0.5)
    batch = make_batch(WORDS)
    assert not torch.equal(network(*batch), network(*batch))
    network.eval()
    assert torch.equal(network(*batch), network(*batch))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="window of characters must be odd, not 2"):
        CharacterCNN(4, 4, window=2)
    with pytest.raises(ValueError, match="must be even, not 5"):
        CharacterBRNN(5, 4)
