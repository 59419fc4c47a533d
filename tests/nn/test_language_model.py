import pytest
import torch
from torch.testing import assert_close

from spacy_brnn.nn.language_model import NeighbourLoss

WIDTH, VECTOR_WIDTH, TOKENS, CANDIDATES = 6, 4, 5, 7
NEXT = torch.tensor([[0, 3], [1, 0], [3, 6], [3, 3]])
PREVIOUS = torch.tensor([[4, 2], [2, 5]])
NONE = torch.zeros(0, 2, dtype=torch.int64)


@pytest.fixture
def loss():
    torch.manual_seed(0)
    return NeighbourLoss(WIDTH, VECTOR_WIDTH).double()


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    states = torch.randn(TOKENS, WIDTH, dtype=torch.float64, requires_grad=True)
    vectors = torch.randn(CANDIDATES, VECTOR_WIDTH, dtype=torch.float64, requires_grad=True)
    return states, vectors


def naive(loss, states, vectors, next_words, previous_words):
    """One prediction after the other."""
    half = WIDTH // 2
    total = 0.0
    for project, part, words in [
        (loss.next, states[:, :half], next_words),
        (loss.previous, states[:, half:], previous_words),
    ]:
        for place, word in words.tolist():
            scores = torch.stack([vector @ project(part[place]) for vector in vectors])
            total -= scores.log_softmax(0)[word]
    return total / (len(next_words) + len(previous_words))


@pytest.mark.parametrize(
    ("next_words", "previous_words"), [(NEXT, PREVIOUS), (NEXT, NONE), (NONE, PREVIOUS)]
)
def test_it_is_the_mean_of_the_predictions(loss, inputs, next_words, previous_words):
    value = loss(*inputs, next_words, previous_words)
    assert value.shape == (1,)
    expected = naive(loss, *inputs, next_words, previous_words)
    assert_close(value[0], expected, check_dtype=False, rtol=1e-6, atol=1e-6)


def test_gradients_agree_with_a_loop_over_the_predictions(loss, inputs):
    parameters = [*inputs, *loss.parameters()]
    gradients = torch.autograd.grad(loss(*inputs, NEXT, PREVIOUS), parameters)
    expected = torch.autograd.grad(naive(loss, *inputs, NEXT, PREVIOUS), parameters)
    for one, other in zip(gradients, expected, strict=True):
        assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_each_direction_predicts_its_neighbour_alone(loss, inputs):
    states, vectors = inputs
    for words, other in [((NEXT, NONE), slice(WIDTH // 2, None)), ((NONE, PREVIOUS), slice(3))]:
        (gradient,) = torch.autograd.grad(loss(states, vectors, *words), [states])
        assert gradient.abs().sum() > 0
        assert not gradient[:, other].any()


@pytest.mark.parametrize(("tokens", "candidates"), [(TOKENS, CANDIDATES), (TOKENS, 0), (0, 0)])
def test_without_a_prediction_it_is_zero_and_teaches_nothing(loss, tokens, candidates):
    states = torch.zeros(tokens, WIDTH, dtype=torch.float64, requires_grad=True)
    vectors = torch.zeros(candidates, VECTOR_WIDTH, dtype=torch.float64, requires_grad=True)
    value = loss(states, vectors, NONE, NONE)
    assert value.tolist() == [0.0]
    value.backward()
    for tensor in (states, vectors, *loss.parameters()):
        assert tensor.grad is not None and not tensor.grad.any()


def test_half_precision_says_nearly_the_same(loss, inputs):
    loss = loss.float()
    states, vectors = (tensor.detach().float() for tensor in inputs)
    exact = loss(states, vectors, NEXT, PREVIOUS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = loss(states, vectors, NEXT, PREVIOUS)
    assert rounded.dtype == torch.float32
    assert_close(rounded, exact, rtol=0.02, atol=0.02)
