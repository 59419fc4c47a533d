import pytest
import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from spacy_brnn.nn import brnn, buckets
from spacy_brnn.nn.pooling import MaxMeanPooling, MaxPooling

CELLS = ["rnn", "gru", "lstm"]
# Unequal enough to make several buckets; the longest neither first nor last.
LENGTHS = [3, 1, 0, 40, 2, 1, 7, 7, 0, 12, 1, 3]
WIDTH = 5
HIDDEN = 4


def make_batch(lengths, width=WIDTH, seed=0):
    torch.manual_seed(seed)
    return torch.randn(sum(lengths), width), torch.tensor(lengths)


def make_network(cell="lstm", depth=1, **settings):
    torch.manual_seed(1)
    network = brnn.BRNN(WIDTH, HIDDEN, cell=cell, depth=depth, **settings)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    return network


def reference(network, cell, sequences):
    """The states of torch's own bidirectional layer with the same weights."""
    widths = [layer.input_size for layer in network.forwards]
    depth = len(widths)
    peer = brnn.CELLS[cell](WIDTH, HIDDEN, num_layers=depth, bidirectional=True)
    state = {}
    for i in range(depth):
        for suffix, layer in (("", network.forwards[i]), ("_reverse", network.backwards[i])):
            for name, parameter in layer.named_parameters():
                state[name.replace("_l0", f"_l{i}{suffix}")] = parameter.detach()
    peer.load_state_dict(state)
    packed, _ = peer(pack_sequence(sequences, enforce_sorted=False))
    padded, lengths = pad_packed_sequence(packed)
    return torch.cat([padded[:length, i] for i, length in enumerate(lengths.tolist())])


@pytest.fixture(params=[None, 8], ids=["few-buckets", "many-buckets"])
def max_steps(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(buckets, "MAX_STEPS", request.param)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_agrees_with_pytorchs_own_bidirectional_layer(cell, depth, max_steps):
    network = make_network(cell, depth)
    inputs, lengths = make_batch(LENGTHS)
    sequences = [s for s in inputs.split(LENGTHS) if len(s)]
    states = network(inputs, lengths)
    assert states.shape == (sum(LENGTHS), 2 * HIDDEN)
    torch.testing.assert_close(states, reference(network, cell, sequences), atol=1e-5, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("depth", [1, 2])
def test_states_are_the_same_alone_and_in_any_batch(cell, depth, max_steps):
    network = make_network(cell, depth).eval()
    inputs, lengths = make_batch(LENGTHS)
    together = network(inputs, lengths).split(LENGTHS)
    for sequence, states in zip(inputs.split(LENGTHS), together, strict=True):
        alone = network(sequence, torch.tensor([len(sequence)]))
        torch.testing.assert_close(alone, states, atol=1e-5, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("depth", [1, 2])
def test_gradients_are_the_same_alone_and_in_any_batch(cell, depth, max_steps):
    network = make_network(cell, depth)
    inputs, lengths = make_batch(LENGTHS)
    weights = torch.randn(sum(LENGTHS), 2 * HIDDEN)

    def gradients(parts):
        """Of the inputs, and of the parameters summed over the parts."""
        network.zero_grad()
        leaves = []
        for part, part_lengths, part_weights in parts:
            leaves.append(part.clone().requires_grad_())
            (network(leaves[-1], part_lengths) * part_weights).sum().backward()
        of_parameters = [parameter.grad.clone() for parameter in network.parameters()]
        return torch.cat([leaf.grad for leaf in leaves]), of_parameters

    sequences = zip(inputs.split(LENGTHS), weights.split(LENGTHS), strict=True)
    alone = [(x, torch.tensor([len(x)]), w) for x, w in sequences if len(x)]
    of_inputs, of_parameters = gradients([(inputs, lengths, weights)])
    of_inputs_alone, of_parameters_alone = gradients(alone)
    torch.testing.assert_close(of_inputs, of_inputs_alone, atol=1e-5, rtol=0)
    for summed, summed_alone in zip(of_parameters, of_parameters_alone, strict=True):
        torch.testing.assert_close(summed, summed_alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("cell", CELLS)
def test_each_direction_reads_its_way(cell):
    network = make_network(cell)
    inputs, lengths = make_batch([9])
    changed = inputs.clone()
    changed[4] += 1.0
    moved = (network(inputs, lengths) - network(changed, lengths)).abs() > 1e-6
    forward, backward = moved.chunk(2, dim=1)
    assert forward.any(dim=1).tolist() == [False] * 4 + [True] * 5
    assert backward.any(dim=1).tolist() == [True] * 5 + [False] * 4


def test_gradients_by_finite_differences(max_steps):
    network = make_network("lstm", depth=2).double()
    inputs, lengths = make_batch([3, 0, 5, 1])
    inputs = inputs.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: network(x, lengths), (inputs,))


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
@pytest.mark.parametrize(
    "settings", [{}, {"depth": 2}, {"depth": 3, "lower_width": 3, "projection_width": 2}]
)
@pytest.mark.parametrize("cell", brnn.CELLS)
def test_batches_without_tokens_have_no_states(cell, lengths, settings):
    network = make_network(cell, dropout=0.5, input_dropout=0.5, **settings)
    inputs = torch.zeros(0, WIDTH)
    lengths = torch.tensor(lengths, dtype=torch.int64)
    assert network(inputs, lengths).shape == (0, 2 * HIDDEN)
    assert network.eval()(inputs, lengths).shape == (0, 2 * HIDDEN)


@pytest.mark.parametrize("widths", [{}, {"lower_width": 3, "projection_width": 2}])
def test_backpropagation_passes_a_batch_without_tokens(widths):
    inputs = torch.zeros(0, WIDTH, requires_grad=True)
    network = make_network(depth=2, **widths)
    network(inputs, torch.tensor([0, 0])).sum().backward()
    assert inputs.grad.shape == (0, WIDTH)


def test_a_sequence_longer_than_a_block_is_read_whole(monkeypatch):
    monkeypatch.setattr(buckets, "MAX_STEPS", 10)
    network = make_network("gru")
    inputs, lengths = make_batch([2, 50, 3])
    sequences = list(inputs.split([2, 50, 3]))
    expected = reference(network, "gru", sequences)
    torch.testing.assert_close(network(inputs, lengths), expected, atol=1e-5, rtol=0)


def test_dropout_between_layers_leaves_the_first_layer_alone():
    network = make_network(depth=2, dropout=0.5)
    assert [dropout.rate for dropout in network.dropouts] == [0.0, 0.5]
    inputs, lengths = make_batch([4, 4])
    assert not torch.equal(network(inputs, lengths), network(inputs, lengths))
    network.eval()
    assert torch.equal(network(inputs, lengths), network(inputs, lengths))


def test_input_dropout_is_on_the_input_alone():
    network = make_network(depth=2, input_dropout=0.5)
    assert [dropout.rate for dropout in network.dropouts] == [0.5, 0.0]
    inputs, lengths = make_batch([4, 4])
    assert not torch.equal(network(inputs, lengths), network(inputs, lengths))
    network.eval()
    assert torch.equal(network(inputs, lengths), network(inputs, lengths))


def test_a_fresh_lstm_is_orthogonal_and_keeps_its_memory():
    network = brnn.BRNN(WIDTH, HIDDEN, cell="lstm", depth=2)
    for layer in [*network.forwards, *network.backwards]:
        for gate in layer.weight_hh_l0.split(HIDDEN):
            torch.testing.assert_close(gate @ gate.T, torch.eye(HIDDEN), atol=1e-5, rtol=0)
        bias = layer.bias_ih_l0 + layer.bias_hh_l0
        assert bias.reshape(4, HIDDEN).mean(dim=1).tolist() == [0.0, 1.0, 0.0, 0.0]


def test_directions_start_with_weights_of_their_own():
    network = brnn.BRNN(WIDTH, HIDDEN)
    assert not torch.equal(network.forwards[0].weight_ih_l0, network.backwards[0].weight_ih_l0)


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"cell": "transformer"},
            "cell must be one of rnn, gru, lstm, qrnn, sru, mingru, not 'transformer'",
        ),
        ({"depth": 0}, "at least 1, not 5, 4, 0 and 4"),
        ({"dropout": 1.0, "depth": 2}, "less than 1, not 1.0"),
        ({"input_dropout": -0.1}, "at least 0 and less than 1, not -0.1"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        brnn.BRNN(WIDTH, HIDDEN, **settings)


@pytest.mark.parametrize("widths", [(0, 4), (5, 0)])
def test_bad_widths(widths):
    with pytest.raises(ValueError, match="must be at least 1"):
        brnn.BRNN(*widths)


def test_bad_dropout_is_refused_where_there_is_one_layer():
    with pytest.raises(ValueError, match="dropout"):
        brnn.BRNN(WIDTH, HIDDEN, dropout=1.5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("depth", [1, 2])
def test_max_states_are_the_maximum_of_the_states(cell, depth, max_steps):
    network = make_network(cell, depth)
    inputs, lengths = make_batch(LENGTHS)
    states = network(inputs, lengths).detach()
    expected = MaxPooling()(states, lengths)
    torch.testing.assert_close(network.max_states(inputs, lengths), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("projection", [None, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_narrow_lower_layer(cell, projection, max_steps):
    widths = {"lower_width": 2, "projection_width": projection}
    network = brnn.BRNN(WIDTH, HIDDEN, cell=cell, depth=3, **widths).eval()
    inputs, lengths = make_batch(LENGTHS)
    states = network(inputs, lengths).detach()
    assert states.shape == (len(inputs), 2 * HIDDEN)
    assert [layer.hidden_size for layer in network.forwards] == [2, 2, HIDDEN]
    for pooled, pooling in (
        (network.max_states(inputs, lengths), MaxPooling()),
        (network.max_mean_states(inputs, lengths), MaxMeanPooling()),
    ):
        torch.testing.assert_close(pooled, pooling(states, lengths), atol=1e-6, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_a_projection_is_a_factor_of_what_the_next_layer_multiplies(cell):
    torch.manual_seed(0)
    network = brnn.BRNN(WIDTH, HIDDEN, cell=cell, depth=2, projection_width=3).eval()
    whole = brnn.BRNN(WIDTH, HIDDEN, cell=cell, depth=2).eval()
    state = network.state_dict()
    factor = state.pop("projections.0.weight")
    for name, weight in state.items():
        if weight.dim() == 2 and weight.shape[1] == 3:
            state[name] = weight @ factor
    whole.load_state_dict(state)
    inputs, lengths = make_batch(LENGTHS)
    torch.testing.assert_close(network(inputs, lengths), whole(inputs, lengths))
    network(inputs, lengths).sum().backward()
    assert network.projections[0].weight.grad.abs().min() > 0.0


def test_max_states_of_nothing():
    inputs, lengths = make_batch([0, 0])
    assert make_network().max_states(inputs, lengths).tolist() == [[0.0] * 2 * HIDDEN] * 2


@pytest.mark.parametrize("settings", [{}, {"depth": 2, "projection_width": 48}])
@pytest.mark.parametrize("longest", [30, 100], ids=["may-share", "too-long-to-share"])
def test_states_of_an_lstm_are_the_same_to_the_last_bit(longest, settings, monkeypatch):
    """Of one row oneDNN's products are rounded otherwise than of several."""
    monkeypatch.setattr(buckets, "MAX_STEPS", 120)
    network = brnn.BRNN(128, 128, **settings)
    lengths = [30, 1, longest, 29, 2, 30]
    inputs, _ = make_batch(lengths, width=128)
    with torch.no_grad():
        together = network(inputs, torch.tensor(lengths)).split(lengths)
        highest = network.max_states(inputs, torch.tensor(lengths))
        for place, sequence in enumerate(inputs.split(lengths)):
            alone = torch.tensor([len(sequence)])
            assert torch.equal(network(sequence, alone), together[place])
            assert torch.equal(network.max_states(sequence, alone)[0], highest[place])


@pytest.mark.parametrize("length, rows", [(1, 2), (60, 2), (61, 1), (500, 1)])
def test_a_sequence_is_read_alone_only_where_it_always_is(length, rows, monkeypatch):
    monkeypatch.setattr(buckets, "MAX_STEPS", 120)
    network = make_network()
    read = []
    for cell in (network.forwards[0], network.backwards[0]):
        cell.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape[1]))
    inputs, lengths = make_batch([length])
    network(inputs, lengths)
    network.max_states(inputs, lengths)
    assert read == [rows] * 4


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_states_do_not_depend_on_the_batch(dtype, depth, any_bfloat16):
    network = brnn.BRNN(32, 64, depth=depth)
    lengths = [30, 1, 400, 31, 29, 2, 30]
    inputs, _ = make_batch(lengths, width=32)
    size = torch.tensor(lengths)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, dtype is torch.bfloat16):
        together, highest = network(inputs, size), network.max_states(inputs, size)
        for place, sequence in enumerate(inputs.split(lengths)):
            alone = torch.tensor([len(sequence)])
            states = together.split(lengths)[place]
            torch.testing.assert_close(network(sequence, alone), states, atol=1e-5, rtol=0)
            most = network.max_states(sequence, alone)[0]
            torch.testing.assert_close(most, highest[place], atol=1e-5, rtol=0)


def test_max_states_may_be_read_in_segments(monkeypatch):
    network = make_network()
    inputs, lengths = make_batch(LENGTHS)
    whole = network.max_states(inputs, lengths)
    monkeypatch.setattr(brnn, "SEGMENT", 7)
    torch.testing.assert_close(network.max_states(inputs, lengths), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("depth", [1, 2])
def test_rows_pick_the_inputs(depth):
    network = make_network(depth=depth)
    inputs, lengths = make_batch([3, 5])
    rows = torch.tensor([2, 0, 2, 1, 1, 0, 7, 2])
    expected = network.max_states(inputs[rows], lengths)
    torch.testing.assert_close(network.max_states(inputs, lengths, rows), expected)


@pytest.mark.parametrize("cell", [*CELLS, "mingru", "qrnn"])
def test_a_sequence_may_have_any_number_of_steps(cell, monkeypatch):
    network = make_network(cell).eval()
    inputs, lengths = make_batch([300, 2, 40])
    with torch.no_grad():
        whole = network(inputs, lengths)
        monkeypatch.setattr(brnn, "MOST_STEPS", 16)
        torch.testing.assert_close(network(inputs, lengths), whole, atol=1e-6, rtol=0)
