"""The compiled reading of minGRU layers, against PyTorch's."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from spacy_brnn.nn import compiled_mingru
from spacy_brnn.nn.brnn import BRNN
from spacy_brnn.nn.scan import SRU, MinGRU

INPUT = 7
# The first, the last and some between have nothing; one is longer than a span and than a product.
LENGTHS = torch.tensor([0, 5, 1, 0, 0, 300, 9, 2, 40, 1, 0])

pytestmark = pytest.mark.skipif(
    not compiled_mingru.is_compiled(), reason="installed without GCC or Clang"
)


in_8_bits = pytest.mark.skipif(not compiled_mingru.rounds(), reason="not on this processor")


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


@pytest.mark.parametrize("rounded", [False, pytest.param(True, marks=in_8_bits)])
@pytest.mark.parametrize("projection", [None, 5])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_sequence_is_the_same_to_the_last_bit_in_any_batch(
    depth, projection, rounded, monkeypatch
):
    network = make_network(16, depth=depth, projection_width=projection)
    lengths = torch.cat([torch.randint(1, 40, (60,)), torch.tensor([700])])
    vectors, rows = draw(lengths, types=300)
    read = partial(network.max_mean_states, rounded=rounded)
    together = read(vectors, lengths, rows)
    monkeypatch.setattr(compiled_mingru, "SPAN", 100)
    assert torch.equal(read(vectors, lengths, rows), together)
    for own, pooled in zip(rows.split(lengths.tolist()), together, strict=True):
        alone = read(vectors[own], torch.tensor([len(own)]))
        assert torch.equal(alone[0], pooled)


@in_8_bits
@pytest.mark.parametrize("count", [1, 4, 50])
@pytest.mark.parametrize(("features", "width"), [(128, 128), (37, 13), (4, 1)])
def test_in_8_bits_whole_numbers_are_multiplied(features, width, count):
    layer = an_upper_layer(features, width)
    vectors = 3.0 * torch.randn(count, features)
    sequences = torch.zeros(count, dtype=torch.int32)
    apart = torch.full((count, 2 * features), torch.nan)
    apart[:, :features] = vectors
    both = compiled_mingru._Upper.of(layer, rounded=True).read(apart[:, :features])
    found = compiled_mingru._states(layer, both, sequences)
    whole = []
    for cell in layer.cells:
        weight = cell.linear.weight.detach()
        scale, weight_scale = vectors.abs().amax(1) / 85, weight.abs().amax(1) / 48
        values = (vectors / scale[:, None]).round().double()
        weights = (weight / weight_scale[:, None]).round().double()
        products = values @ weights.T * (scale[:, None] * weight_scale)
        assert 0 < (products - vectors @ weight.T).abs().max() < 0.05 * products.abs().max()
        whole.append(compiled_mingru._Read(products.float()))
    torch.testing.assert_close(
        found, compiled_mingru._states(layer, tuple(whole), sequences), atol=1e-5, rtol=1e-5
    )


@in_8_bits
def test_in_8_bits_the_greatest_of_all_do_not_overflow():
    layer = an_upper_layer(128, 16)
    for cell in layer.cells:
        cell.linear.weight.data.sign_()
    vectors = torch.ones(2, 128)
    vectors[1] = layer.cells[0].linear.weight[-1]  # Each feature at its end, all of one sign.
    found = rounded_products(layer, vectors)
    expected = vectors @ layer.cells[0].linear.weight[16:].T
    torch.testing.assert_close(found, expected.detach(), atol=1e-3, rtol=1e-5)
    assert found[1, -1] == pytest.approx(128.0)


@in_8_bits
def test_in_8_bits_zeros_stay_zeros_and_what_is_no_number_shows():
    layer = an_upper_layer(8, 5)
    vectors = torch.randn(6, 8)
    expected = rounded_products(layer, vectors)
    vectors[1], vectors[2, 3], vectors[3, 0], vectors[4] = 0.0, torch.nan, torch.inf, 1e-35
    found = rounded_products(layer, vectors)
    assert found[1].tolist() == [0.0] * 5
    assert found[2].isnan().all() and found[3].isnan().all()
    assert found[4].abs().max() < 1e-30
    assert torch.equal(found[[0, 5]], expected[[0, 5]])


@in_8_bits
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_in_8_bits_a_weight_that_is_no_number_shows(value):
    layer = an_upper_layer(8, 5)
    vectors = torch.randn(2, 8)
    expected = rounded_products(layer, vectors)
    layer.cells[0].linear.weight.data[5 + 3, 2] = value  # Of the candidates.
    found = rounded_products(layer, vectors)
    assert found[:, 3].isnan().all()
    assert torch.equal(found[:, [0, 1, 2, 4]], expected[:, [0, 1, 2, 4]])


@in_8_bits
@pytest.mark.parametrize("features", [1, 12, 13])
def test_in_8_bits_what_fills_up_vectors_is_of_no_account(features):
    layer = an_upper_layer(features, 5)
    read, _ = compiled_mingru._Upper.of(layer, rounded=True).read(torch.randn(3, features))
    sequences = torch.zeros(3, dtype=torch.int32)
    both = read, read
    expected = compiled_mingru._states(layer, both, sequences)
    read.vectors[:, compiled_mingru.mingru_kernel.VECTOR_HEAD + features :] = 255
    assert torch.equal(compiled_mingru._states(layer, both, sequences), expected)


@in_8_bits
def test_in_8_bits_vectors_of_another_width_are_refused():
    network = make_network(depth=2, lower_width=11)
    network.backwards[1].linear = nn.Linear(21, 12)
    with pytest.raises(ValueError, match="features, not 21"):
        network.max_states(torch.randn(3, INPUT), torch.tensor([1, 2]), rounded=True)


@in_8_bits
@pytest.mark.parametrize("projection", [None, 5])
def test_in_8_bits_a_network_is_nearly_the_same(projection, span):
    network = make_network(32, depth=3, lower_width=40, projection_width=projection)
    vectors, rows = draw()
    for read in (network.max_states, network.max_mean_states):
        difference = read(vectors, LENGTHS, rows, rounded=True) - read(vectors, LENGTHS, rows)
        assert 0 < difference.abs().max() < 0.05
    shallow = make_network(depth=1)
    assert network.can_round and not shallow.can_round
    expected = shallow.max_states(vectors, LENGTHS, rows)
    assert torch.equal(shallow.max_states(vectors, LENGTHS, rows, rounded=True), expected)


def an_upper_layer(features, width):
    cells = tuple(MinGRU(features, width) for _ in range(2))
    for cell in cells:
        nn.init.normal_(cell.linear.weight)
    return compiled_mingru.Layer(cells, None)


def rounded_products(layer, vectors):
    """What a cell makes of each vector as the one token of a sequence shows its candidate."""
    ahead, _ = compiled_mingru._Upper.of(layer, rounded=True).read(vectors)
    width = layer.width
    found = []
    for place in range(len(vectors)):
        states = torch.empty(1, width)
        bias = torch.zeros(2 * width)
        bias[:width] = -1e4  # Nothing is kept: the state is the candidate.
        one = ahead._replace(vectors=ahead.vectors[place : place + 1])
        sequences = torch.zeros(1, dtype=torch.int32)
        compiled_mingru._scan(bias, one, sequences, 0, compiled_mingru._Kept(states=states))
        found.append(states[0])
    return torch.stack(found)


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


def other_inputs(network):
    return torch.randn(3, INPUT + 1)


def other_upper_cell(network):
    network.backwards[1].linear = nn.Linear(11, 12)


def other_projection(network):
    network.projections[0] = nn.Linear(13, 5, bias=False)


@pytest.mark.parametrize("change", [other_inputs, other_upper_cell, other_projection])
def test_vectors_of_another_width_are_refused(change):
    network = make_network(depth=2, projection_width=5)
    inputs = change(network)
    inputs = torch.randn(3, INPUT) if inputs is None else inputs
    lengths = torch.tensor([1, 2])
    for read in (network.max_states, torch.no_grad()(network)):
        with pytest.raises(ValueError, match="features, not"):
            read(inputs, lengths)


def other_cell(network):
    network.backwards[0] = SRU(INPUT, network.hidden_width)


def no_bias(network):
    network.forwards[0].linear.bias = None


def double_bias(network):
    network.forwards[0].linear.bias = nn.Parameter(torch.zeros(12, dtype=torch.float64))


def pruned(network):
    prune.l1_unstructured(network.backwards[0].linear, "weight", amount=0.5)


def pruned_projection(network):
    prune.l1_unstructured(network.projections[0], "weight", amount=0.5)


def double_projection(network):
    network.projections.double()


def biased_projection(network):
    network.projections[0] = nn.Linear(12, 5)


def other_projection_module(network):
    network.projections[0] = nn.Sequential(nn.Linear(12, 5, bias=False))


class Scaled(nn.Linear):
    def forward(self, inputs):
        return 2.0 * super().forward(inputs)


def scaled_projection(network):
    network.projections[0] = Scaled(12, 5, bias=False)


def hooked(network):
    network.forwards[0].linear.register_forward_hook(lambda module, inputs, output: 2.0 * output)


def fewer_rows(network):
    network.forwards[0].linear.weight = nn.Parameter(torch.randn(4, INPUT))


def longer_bias(network):
    network.forwards[0].linear.bias = nn.Parameter(torch.randn(40))


def negated(network):
    weight = torch._neg_view(network.projections[0].weight.detach())
    network.projections[0].weight = nn.Parameter(weight)


def double(network):
    network.double()


@pytest.mark.parametrize(
    "change",
    [
        *[other_cell, no_bias, double_bias, longer_bias, fewer_rows, pruned, hooked, double],
        *[pruned_projection, double_projection, biased_projection, scaled_projection, negated],
        other_projection_module,
    ],
)
def test_what_is_left_to_pytorch(change):
    network = make_network(depth=2, projection_width=5)
    inputs = torch.randn(3, INPUT)
    assert can_read(network, inputs)
    change(network)
    assert not can_read(network, inputs.to(network.forwards[0].linear.weight.dtype))


def can_read(network, inputs):
    return compiled_mingru.can_read(network._compiled_layers(), inputs)


def test_other_inputs_are_left_to_pytorch():
    network = make_network()
    inputs = torch.randn(3, INPUT)
    assert not can_read(network, inputs.double())
    assert not can_read(network, inputs.to("meta"))
    assert not can_read(network, torch.randn(3, INPUT, 2))
    assert not can_read(network, torch._neg_view(inputs))
    with torch.autocast("cpu", torch.bfloat16):
        assert not can_read(network, inputs)
    assert not can_read(BRNN(INPUT, 6, cell="lstm"), inputs)


@pytest.mark.filterwarnings("ignore")
def test_a_traced_network_reads():
    network = make_network(depth=2)
    vectors, rows = draw()
    inputs = vectors[rows]
    with torch.no_grad():
        traced = torch.jit.trace(network, (inputs, LENGTHS), check_trace=False)
        torch.testing.assert_close(traced(inputs, LENGTHS), network(inputs, LENGTHS))


@pytest.mark.parametrize("setting", ["bfloat16", "float64", "meta"])
def test_what_the_process_makes_arrays_of_does_not_matter(setting):
    network = make_network(depth=2, projection_width=5)
    vectors, rows = draw()
    inputs, weights = vectors[rows], torch.randn(12)

    def run():
        with torch.no_grad():
            found = [network(inputs, LENGTHS), network.max_mean_states(vectors, LENGTHS, rows)]
        network.zero_grad()
        (network(inputs, LENGTHS) @ weights).sum().backward()
        return [*found, *(each.grad for each in network.parameters())]

    expected = run()
    default = torch.get_default_dtype()
    try:
        if setting != "meta":
            torch.set_default_dtype(getattr(torch, setting))
        with torch.device("meta" if setting == "meta" else "cpu"):
            found = run()
    finally:
        torch.set_default_dtype(default)
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_arrays_may_lie_otherwise_in_memory():
    network = make_network(depth=2)
    vectors, rows = draw()
    inputs = vectors[rows]

    def run():
        with torch.no_grad():
            states = network(inputs.t().contiguous().t(), LENGTHS)
        network.zero_grad()
        with torch.autograd.graph.saved_tensors_hooks(turned, lambda each: each):
            network(inputs, LENGTHS).square().sum().backward()
        return [states, *(each.grad for each in network.parameters())]

    expected = run()
    for cell in [*network.forwards, *network.backwards]:
        bias = torch.stack([cell.linear.bias.detach()] * 2, dim=1)[:, 0]
        cell.linear.bias = nn.Parameter(bias)
        assert not cell.linear.bias.is_contiguous()
    for one, other in zip(run(), expected, strict=True):
        torch.testing.assert_close(one, other)


def turned(each):
    return each.t().contiguous().t() if each.dim() == 2 else each


def test_threads_may_read_side_by_side():
    network = make_network(depth=2)
    vectors, rows = draw()
    expected = network.max_mean_states(vectors, LENGTHS, rows)
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda _: network.max_mean_states(vectors, LENGTHS, rows), range(40))
        assert all(torch.equal(each, expected) for each in found)


@torch.no_grad()
def test_torch_compile():
    network = make_network(depth=2, projection_width=5)
    vectors, rows = draw()
    inputs = vectors[rows]
    compiled = torch.compile(network, backend="eager")
    torch.testing.assert_close(compiled(inputs, LENGTHS), network(inputs, LENGTHS))
    pool = torch.compile(network.max_mean_states, backend="eager")
    expected = network.max_mean_states(vectors, LENGTHS, rows)
    torch.testing.assert_close(pool(vectors, LENGTHS, rows), expected)
