"""The cells without a matrix product per step, against the equations of their papers."""

import pytest
import torch
from torch.autograd import gradcheck

from spacy_brnn.nn import brnn, compiled_mingru, scan
from spacy_brnn.nn.brnn import BRNN
from spacy_brnn.nn.pooling import MaxMeanPooling, MaxPooling
from spacy_brnn.nn.scan import QRNN, SRU, MinGRU, _Scan

STEPS, BATCH, INPUT, WIDTH = 7, 3, 5, 4
CELLS = [MinGRU, SRU, QRNN]
LENGTHS = torch.tensor([5, 0, 9, 1, 7])


@pytest.fixture(autouse=True)
def by_pytorch(monkeypatch):
    """What compiled code reads in its place has tests of its own."""
    torch.manual_seed(0)
    monkeypatch.setattr(compiled_mingru, "mingru_kernel", None)


def step_by_step(cell, inputs):
    """The equations as they are written, one step and one cell after the other."""
    states, state = [], torch.zeros(inputs.shape[1], WIDTH)
    before = torch.zeros(inputs.shape[1], INPUT)
    for now in inputs:
        gates = cell.linear(now)
        if isinstance(cell, QRNN):
            gates = gates + cell.previous(before)
        first, *others = gates.chunk(cell.gates, dim=-1)
        keep = torch.sigmoid(first)
        if isinstance(cell, MinGRU):
            state = keep * state + (1 - keep) * others[0]
            states.append(state)
        elif isinstance(cell, SRU):
            reset = torch.sigmoid(others[0])
            state = keep * state + (1 - keep) * others[1]
            states.append(reset * state + (1 - reset) * others[2])
        else:
            state = keep * state + (1 - keep) * torch.tanh(others[1])
            states.append(torch.sigmoid(others[0]) * state)
        before = now
    return torch.stack(states)


@pytest.mark.parametrize("kind", CELLS)
def test_the_states_are_those_of_the_equations(kind):
    cell = kind(INPUT, WIDTH)
    inputs = torch.randn(STEPS, BATCH, INPUT)
    torch.testing.assert_close(cell(inputs)[0], step_by_step(cell, inputs))


@pytest.mark.parametrize("kind", CELLS)
def test_it_goes_on_from_a_state(kind):
    cell = kind(INPUT, WIDTH)
    inputs = torch.randn(STEPS, BATCH, INPUT)
    first, state = cell(inputs[:4])
    second, _ = cell(inputs[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), cell(inputs)[0])


def test_the_gradient_is_right():
    def draw(*shape):
        return torch.randn(*shape, dtype=torch.double, requires_grad=True)

    keep = torch.rand(STEPS, BATCH, WIDTH, dtype=torch.double, requires_grad=True)
    assert gradcheck(_Scan.apply, (keep, draw(STEPS, BATCH, WIDTH), draw(BATCH, WIDTH)))


@pytest.mark.parametrize("depth, projection", [(1, None), (2, None), (2, 3), (3, 3)])
@pytest.mark.parametrize("cell", ["lstm", "qrnn", "sru", "mingru"])
@torch.no_grad()
def test_pooled_states_are_the_states_pooled(cell, depth, projection, monkeypatch):
    monkeypatch.setattr(scan, "SEGMENT", 4)
    network = BRNN(INPUT, WIDTH, cell=cell, depth=depth, projection_width=projection).eval()
    inputs = torch.randn(int(LENGTHS.sum()), INPUT)
    states = network(inputs, LENGTHS)
    torch.testing.assert_close(network.max_states(inputs, LENGTHS), MaxPooling()(states, LENGTHS))
    pooled = network.max_mean_states(inputs, LENGTHS)
    torch.testing.assert_close(pooled, MaxMeanPooling()(states, LENGTHS))


@pytest.mark.parametrize("depth, projection", [(1, None), (2, None), (2, 5)])
@pytest.mark.parametrize("cell", ["qrnn", "sru", "mingru"])
@torch.no_grad()
def test_a_sequence_is_the_same_to_the_last_bit_in_any_batch(cell, depth, projection, monkeypatch):
    monkeypatch.setattr(brnn, "MAX_STACKED", 400)
    network = BRNN(INPUT, 16, cell=cell, depth=depth, projection_width=projection).eval()
    lengths = torch.randint(1, 40, (60,))
    vectors = torch.randn(300, INPUT)
    rows = torch.randint(0, 300, (int(lengths.sum()),))
    together = network.max_mean_states(vectors, lengths, rows)
    ends = lengths.cumsum(0).tolist()
    for place, (end, length) in enumerate(zip(ends, lengths.tolist(), strict=True)):
        own = rows[end - length : end]
        alone = network.max_mean_states(vectors[own], torch.tensor([length]))
        assert torch.equal(alone[0], together[place])


@pytest.mark.parametrize("longest", [3, 11])
@pytest.mark.parametrize("depth, projection", [(1, None), (2, None), (3, None), (3, 2)])
@pytest.mark.parametrize("cell", ["qrnn", "sru", "mingru"])
@torch.no_grad()
def test_a_long_sequence_is_read_in_parts(cell, depth, projection, longest, monkeypatch):
    widths = {"lower_width": 6, "projection_width": projection}
    network = BRNN(INPUT, WIDTH, cell=cell, depth=depth, **widths).eval()
    lengths = torch.tensor([5, 0, 70, 1, 24])
    vectors, rows = torch.randn(30, INPUT), torch.randint(0, 30, (100,))
    step_by_step = network.max_mean_states(vectors, lengths, rows)
    monkeypatch.setattr(brnn, "MAX_SHARED", longest)
    monkeypatch.setattr(brnn, "LONG_SEGMENT", 32)
    in_parts = network.max_mean_states(vectors, lengths, rows)
    torch.testing.assert_close(in_parts, step_by_step)
    assert not torch.equal(in_parts[2], step_by_step[2]), "it took the other way"
    torch.testing.assert_close(
        network.max_states(vectors, lengths, rows), in_parts[:, : 2 * WIDTH], rtol=0, atol=0
    )
    alone = network.max_mean_states(vectors, torch.tensor([70]), rows[5:75])
    assert torch.equal(alone[0], in_parts[2])


def test_a_batch_of_nothing():
    network = BRNN(INPUT, WIDTH, cell="mingru").eval()
    nothing = torch.zeros(0, INPUT)
    assert network.max_mean_states(nothing, torch.tensor([0, 0])).tolist() == [[0.0] * 16] * 2
