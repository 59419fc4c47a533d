import pytest
import torch

from spacy_brnn.nn.pooling import POOLINGS, make_pooling

WIDTH = 6
LENGTHS = [3, 0, 1, 8, 0, 2]


@pytest.fixture
def states():
    torch.manual_seed(0)
    return torch.randn(sum(LENGTHS), WIDTH)


def make(name, **settings):
    torch.manual_seed(1)
    return make_pooling(name, WIDTH, **settings)


def naive(pooling, name, sequence):
    """The same written as a loop over the tokens of one sequence."""
    if not len(sequence):
        return torch.zeros(pooling.factor * WIDTH)
    half = WIDTH // 2
    if name == "last":
        return torch.cat([sequence[-1, :half], sequence[0, half:]])
    if name == "mean":
        return sum(sequence) / len(sequence)
    highest = torch.stack([max(column) for column in sequence.T])
    if name == "max":
        return highest
    if name == "max_mean":
        return torch.cat([highest, sum(sequence) / len(sequence)])
    scores = [pooling.query(torch.tanh(pooling.key(token))) for token in sequence]
    weights = torch.softmax(torch.cat(scores), dim=0)
    return sum(weight * token for weight, token in zip(weights, sequence, strict=True))


@pytest.mark.parametrize("name", POOLINGS)
def test_agrees_with_a_loop_over_the_tokens(name, states):
    pooling = make(name)
    pooled = pooling(states, torch.tensor(LENGTHS))
    expected = torch.stack([naive(pooling, name, s) for s in states.split(LENGTHS)])
    torch.testing.assert_close(pooled, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", POOLINGS)
def test_gradients_agree_with_a_loop_over_the_tokens(name, states):
    pooling = make(name)
    weights = torch.randn(len(LENGTHS), pooling.factor * WIDTH)
    mine = states.clone().requires_grad_()
    (pooling(mine, torch.tensor(LENGTHS)) * weights).sum().backward()
    of_parameters = [p.grad.clone() for p in pooling.parameters()]
    pooling.zero_grad()
    loop = states.clone().requires_grad_()
    expected = torch.stack([naive(pooling, name, s) for s in loop.split(LENGTHS)])
    (expected * weights).sum().backward()
    torch.testing.assert_close(mine.grad, loop.grad, atol=1e-5, rtol=0)
    for parameter, gradient in zip(pooling.parameters(), of_parameters, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", POOLINGS)
def test_a_vector_does_not_depend_on_its_neighbours(name, states):
    pooling = make(name)
    together = pooling(states, torch.tensor(LENGTHS))
    for row, sequence in zip(together, states.split(LENGTHS), strict=True):
        alone = pooling(sequence, torch.tensor([len(sequence)]))[0]
        torch.testing.assert_close(alone, row, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_sequences_without_tokens_are_zero(name, lengths):
    pooled = make(name)(torch.zeros(0, WIDTH), torch.tensor(lengths, dtype=torch.int64))
    width = make(name).factor * WIDTH
    assert torch.equal(pooled, torch.zeros(len(lengths), width))


@pytest.mark.parametrize("name", POOLINGS)
def test_backpropagation_passes_a_batch_without_tokens(name):
    states = torch.zeros(0, WIDTH, requires_grad=True)
    make(name)(states, torch.tensor([0, 0])).sum().backward()
    assert states.grad.shape == (0, WIDTH)


def test_the_gradient_of_a_tied_maximum_is_shared_out_once():
    states = torch.ones(4, WIDTH, requires_grad=True)
    make("max")(states, torch.tensor([4])).sum().backward()
    torch.testing.assert_close(states.grad.sum(dim=0), torch.ones(WIDTH))


@pytest.mark.parametrize("name", ["max", "mean", "max_mean"])
@pytest.mark.parametrize("place", [0, 2])
def test_what_is_no_number_shows(name, place):
    states = torch.zeros(5, WIDTH)
    states[place, 1] = torch.nan
    pooled = make(name)(states, torch.tensor([3, 2])).isnan().view(2, -1, WIDTH)
    assert pooled[0, :, 1].all()
    assert pooled.sum() == pooled.size(1)


@pytest.mark.parametrize("name", ["max", "mean", "max_mean"])
@pytest.mark.parametrize("lengths", [[2, 2], [2, 9]])
def test_lengths_that_do_not_fit_are_refused(name, lengths):
    with pytest.raises(IndexError, match=f"5 states for sequences of {sum(lengths)} tokens"):
        make(name)(torch.zeros(5, WIDTH), torch.tensor(lengths))


def test_attention_bears_large_scores():
    pooling = make("attention")
    with torch.no_grad():
        pooling.query.weight.mul_(1e4)
    states = torch.randn(5, WIDTH, requires_grad=True)
    pooled = pooling(states, torch.tensor([5]))
    pooled.sum().backward()
    assert pooled.isfinite().all()
    assert states.grad.isfinite().all()


def test_unknown_pooling():
    with pytest.raises(
        ValueError, match="one of last, mean, max, max_mean, attention, not 'first'"
    ):
        make("first")
