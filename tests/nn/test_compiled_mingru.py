"""The compiled reading of minGRU layers, against PyTorch's."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from spacy_brnn.nn import compiled_mingru
from spacy_brnn.nn.brnn import BRNN

INPUT = 7
# The first, the last and some between have nothing; one is longer than a span and than a product.
LENGTHS = torch.tensor([0, 5, 1, 0, 0, 300, 9, 2, 40, 1, 0])

pytestmark = pytest.mark.skipif(
    not compiled_mingru.is_compiled(), reason="installed without a C compiler"
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(params=[1, 16, 8192])
def span(request, monkeypatch):
    monkeypatch.setattr(compiled_mingru, "SPAN", request.param)


def make_network(width=6, **settings):
    return BRNN(INPUT, width, cell="mingru", **settings).eval()


def draw(lengths=LENGTHS, types=30):
    return torch.randn(types, INPUT), torch.randint(0, types, (int(lengths.sum()),))


def by_pytorch(read, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_mingru, "mingru_kernel", None)
        return read(*arguments)


@pytest.mark.parametrize("projection", [None, 5])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 6, 128])
def test_it_reads_what_pytorch_reads(width, depth, projection, span):
    widths = {"lower_width": 11, "projection_width": projection}
    network = make_network(width, depth=depth, **widths)
    vectors, rows = draw()
    for read in (network.max_states, network.max_mean_states):
        found = read(vectors, LENGTHS, rows)
        expected = by_pytorch(read, vectors, LENGTHS, rows)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
        assert found.shape == expected.shape
        assert not torch.equal(found, expected), "it took the same way"


def test_without_rows_each_token_has_a_vector_of_its_own(span):
    network = make_network(depth=2)
    vectors = torch.randn(int(LENGTHS.sum()), INPUT)
    expected = by_pytorch(network.max_mean_states, vectors, LENGTHS)
    torch.testing.assert_close(network.max_mean_states(vectors, LENGTHS), expected)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_rows_may_be_a_view_of_any_integers(dtype):
    network = make_network()
    vectors, rows = draw()
    expected = network.max_states(vectors, LENGTHS, rows)
    strided = torch.stack([rows, rows], dim=1).to(dtype)[:, 0]
    assert torch.equal(network.max_states(vectors, LENGTHS, strided), expected)


@pytest.mark.parametrize("projection", [None, 5])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_sequence_is_the_same_to_the_last_bit_in_any_batch(depth, projection, monkeypatch):
    network = make_network(16, depth=depth, projection_width=projection)
    lengths = torch.cat([torch.randint(1, 40, (60,)), torch.tensor([700])])
    vectors, rows = draw(lengths, types=300)
    together = network.max_mean_states(vectors, lengths, rows)
    monkeypatch.setattr(compiled_mingru, "SPAN", 100)
    assert torch.equal(network.max_mean_states(vectors, lengths, rows), together)
    for own, pooled in zip(rows.split(lengths.tolist()), together, strict=True):
        alone = network.max_mean_states(vectors[own], torch.tensor([len(own)]))
        assert torch.equal(alone[0], pooled)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("projection", [None, 5])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_states_and_gradients_are_those_of_pytorch(depth, projection, training):
    settings = {"lower_width": 11, "projection_width": projection, "dropout": 0.4}
    network = make_network(depth=depth, input_dropout=0.3, **settings).train(training)
    vectors, rows = draw()
    weights = torch.randn(len(rows), 2 * network.hidden_width)

    def run():
        torch.manual_seed(1)  # Of dropout.
        inputs = vectors[rows].requires_grad_()
        states = network(inputs, LENGTHS)
        network.zero_grad()
        (states * weights).sum().backward()
        return [states.detach(), inputs.grad, *(each.grad for each in network.parameters())]

    found, expected = run(), by_pytorch(run)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert not torch.equal(found[0], expected[0]), "it took the same way"


@torch.no_grad()
def test_states_are_the_same_to_the_last_bit_in_any_batch():
    network = make_network(16, depth=2, projection_width=5)
    vectors, rows = draw()
    inputs = vectors[rows]
    together = network(inputs, LENGTHS).split(LENGTHS.tolist())
    for own, states in zip(inputs.split(LENGTHS.tolist()), together, strict=True):
        assert torch.equal(network(own, torch.tensor([len(own)])), states)


def test_gradients_of_nothing():
    network = make_network(depth=2, projection_width=5)
    inputs = torch.zeros(0, INPUT, requires_grad=True)
    network(inputs, torch.tensor([0, 0])).sum().backward()
    assert inputs.grad.shape == (0, INPUT)
    assert all(not each.grad.any() for each in network.parameters())


def test_gates_that_are_wide_open_or_shut():
    network = make_network(depth=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 1000.0
    vectors, rows = draw()
    found = network.max_mean_states(vectors, LENGTHS, rows)
    assert found.isfinite().all()
    expected = by_pytorch(network.max_mean_states, vectors, LENGTHS, rows)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0.1)


@pytest.mark.parametrize("token", [0, 4, 8])
def test_what_is_no_number_stays_to_be_seen(token):
    network = make_network()
    vectors = torch.randn(9, INPUT)
    vectors[token] = torch.nan
    highest = network.max_states(vectors, torch.tensor([9]))
    assert highest.isnan().all()


def test_nothing_to_read():
    network = make_network(depth=2)
    nothing = torch.zeros(0, INPUT)
    assert network.max_states(nothing, torch.zeros(0, dtype=torch.int64)).shape == (0, 12)
    assert network.max_mean_states(nothing, torch.tensor([0, 0])).tolist() == [[0.0] * 24] * 2


@pytest.mark.parametrize(
    "rows, message", [([0, 1], "2 rows"), ([0, 1, 30], "30"), ([0, -1, 1], "-1")]
)
def test_what_would_be_read_outside_of_the_arrays_is_refused(rows, message):
    network = make_network()
    with pytest.raises(IndexError, match=message):
        network.max_states(torch.randn(30, INPUT), torch.tensor([1, 2]), torch.tensor(rows))


def test_more_or_fewer_tokens_than_the_lengths_say_are_refused():
    network = make_network()
    for tokens in (2, 4):
        with pytest.raises(IndexError, match=f"{tokens} inputs for sequences of 3"):
            network(torch.randn(tokens, INPUT), torch.tensor([1, 2]))


@pytest.mark.parametrize(
    "cell, dtype, autocast",
    [
        ("sru", torch.float32, False),
        ("mingru", torch.float64, False),
        ("mingru", torch.float32, True),
    ],
)
def test_what_is_left_to_pytorch(cell, dtype, autocast, monkeypatch):
    monkeypatch.setattr(compiled_mingru, "pool", None)
    network = BRNN(INPUT, 6, cell=cell).to(dtype).eval()
    vectors, rows = draw()
    with torch.autocast("cpu", torch.bfloat16, autocast):
        assert network.max_states(vectors.to(dtype), LENGTHS, rows).isfinite().all()


def test_threads_may_read_side_by_side():
    network = make_network(depth=2)
    vectors, rows = draw()
    expected = network.max_mean_states(vectors, LENGTHS, rows)
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda _: network.max_mean_states(vectors, LENGTHS, rows), range(40))
        assert all(torch.equal(each, expected) for each in found)
