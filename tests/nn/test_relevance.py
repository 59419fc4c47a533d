"""What inputs add to states, against autograd with the gates detached, step by step."""

import pytest
import torch

from spacy_brnn.nn.blocked_scan import scan, scan_back
from spacy_brnn.nn.brnn import BRNN
from spacy_brnn.nn.relevance import has_relevance, states_and_gains
from spacy_brnn.nn.scan import QRNN, SRU

INPUT, WIDTH = 7, 5
CELLS = ("mingru", "sru", "qrnn")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def make(cell, depth, *, biased=True, **settings):
    network = BRNN(INPUT, WIDTH, cell=cell, depth=depth, **settings).eval()
    for cells in zip(network.forwards, network.backwards, strict=True):
        for one in cells:  # As trained ones, which are not 0.
            torch.nn.init.normal_(one.linear.bias) if biased else None
    return network


def held(gate):
    return torch.sigmoid(gate).detach()


def bounded(candidate):
    """Its tanh, as the candidate by a number."""
    return candidate * (torch.tanh(candidate) / candidate).detach()


def read(cell, inputs):
    """The states of one direction by the papers' equations, the gates detached."""
    states, state, before = [], torch.zeros(WIDTH), torch.zeros_like(inputs[0])
    for now in inputs:
        gates = cell.linear(now)
        if isinstance(cell, QRNN):
            gates = gates + cell.previous(before)
        keep, *others = gates.split(WIDTH)
        keep = held(keep)
        if isinstance(cell, SRU):
            reset, candidate, highway = others
            state = keep * state + (1 - keep) * candidate
            states.append(held(reset) * state + (1 - held(reset)) * highway)
        elif isinstance(cell, QRNN):
            output, candidate = others
            state = keep * state + (1 - keep) * bounded(candidate)
            states.append(held(output) * state)
        else:
            state = keep * state + (1 - keep) * others[0]
            states.append(state)
        before = now
    return torch.stack(states)


def read_both_ways(network, inputs):
    for layer, (ahead, back) in enumerate(zip(network.forwards, network.backwards, strict=True)):
        if layer and network.projections:
            inputs = network.projections[layer - 1](inputs)
        inputs = torch.cat([read(ahead, inputs), read(back, inputs.flip(0)).flip(0)], dim=1)
    return inputs


@pytest.mark.parametrize("tokens", [1, 2, 3, 30])
@pytest.mark.parametrize("depth, projection", [(1, None), (2, None), (3, None), (3, 4)])
@pytest.mark.parametrize("cell", CELLS)
def test_gains_are_the_gradient_with_the_gates_held(cell, depth, projection, tokens):
    network = make(cell, depth, projection_width=projection)
    inputs = torch.randn(tokens, INPUT, requires_grad=True)
    gradient = torch.randn(tokens, 2 * WIDTH)
    states = read_both_ways(network, inputs)
    (expected,) = torch.autograd.grad(states, inputs, gradient)
    found, backprop = states_and_gains(network, inputs.detach())
    torch.testing.assert_close(found, states.detach(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(backprop(gradient), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("tokens", [1, 271])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_the_states_are_those_of_the_network(cell, depth, tokens):
    network = make(cell, depth, dropout=0.5, input_dropout=0.5)
    inputs = torch.randn(tokens, INPUT)
    expected = network(inputs, torch.tensor([tokens]))
    found, _ = states_and_gains(network.train(), inputs)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_without_biases_the_parts_add_up(cell, depth):
    network = make(cell, depth, biased=False)
    inputs, gradient = torch.randn(40, INPUT), torch.randn(40, 2 * WIDTH)
    states, backprop = states_and_gains(network, inputs)
    value = (states * gradient).sum()
    torch.testing.assert_close((inputs * backprop(gradient)).sum(), value, atol=1e-4, rtol=1e-4)


def test_the_network_and_the_gradient_stay_as_they_are():
    network = make("sru", 2)
    inputs, gradient = torch.randn(9, INPUT), torch.randn(9, 2 * WIDTH)
    before = [p.clone() for p in network.parameters()], inputs.clone(), gradient.clone()
    _, backprop = states_and_gains(network, inputs)
    first = backprop(gradient)
    _, backprop = states_and_gains(network, inputs)
    assert torch.equal(first, backprop(gradient))
    assert torch.equal(inputs, before[1]) and torch.equal(gradient, before[2])
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert all(map(torch.equal, before[0], network.parameters()))


def test_cells_with_a_product_per_step_have_none():
    assert has_relevance(BRNN(INPUT, WIDTH, cell="mingru"))
    assert not has_relevance(BRNN(INPUT, WIDTH, cell="lstm"))
    assert not has_relevance(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("steps", range(1, 50))
def test_the_scan_in_blocks_is_the_scan_step_by_step(steps):
    keep, values = torch.rand(3, steps, 4), torch.randn(3, steps, 4)
    ahead, back = [values[:, 0]], [values[:, -1]]
    for step in range(1, steps):
        ahead.append(values[:, step] + keep[:, step] * ahead[-1])
        back.append(values[:, -1 - step] + keep[:, -step] * back[-1])
    torch.testing.assert_close(scan(keep, values.clone()), torch.stack(ahead, dim=1))
    torch.testing.assert_close(scan_back(keep, values.clone()), torch.stack(back[::-1], dim=1))
