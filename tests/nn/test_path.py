"""States and derivatives along a path, against autograd through the network itself."""

import pytest
import torch

from spacy_brnn.nn.blocked_scan import scan, scan_back
from spacy_brnn.nn.brnn import BRNN
from spacy_brnn.nn.path import has_path, states_on_path

POINTS = (1.0, 1.0 / 3.0)
INPUT, WIDTH = 7, 5


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def by_autograd(network, inputs, gradients):
    """The states at each point, and the vectors times the gradients over all points."""
    states, total = [], torch.zeros(len(inputs))
    for point, gradient in zip(POINTS, gradients, strict=True):
        scaled = (point * inputs).requires_grad_()
        states.append(network(scaled, torch.tensor([len(inputs)])))
        (by_input,) = torch.autograd.grad(states[-1], scaled, gradient)
        total += (inputs * by_input).sum(dim=1)
    return torch.stack(states).detach(), total


@pytest.mark.parametrize("tokens", [1, 2, 3, 40, 271])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("cell", ["mingru", "sru", "qrnn"])
def test_it_is_what_autograd_finds(cell, depth, tokens):
    network = BRNN(INPUT, WIDTH, cell=cell, depth=depth, dropout=0.3, input_dropout=0.3).eval()
    for cells in zip(network.forwards, network.backwards, strict=True):
        for one in cells:  # As trained ones, which are not 0.
            torch.nn.init.normal_(one.linear.bias)
    inputs = torch.randn(tokens, INPUT)
    gradients = torch.randn(len(POINTS), tokens, 2 * WIDTH)
    states, total = by_autograd(network, inputs, gradients)
    found, backprop = states_on_path(network, inputs, POINTS)
    torch.testing.assert_close(found, states, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(backprop(gradients), total, atol=1e-4, rtol=1e-4)


def test_parameters_get_no_gradient_and_dropout_does_not_matter():
    network = BRNN(INPUT, WIDTH, cell="sru", depth=2, dropout=0.5).train()
    inputs, before = torch.randn(9, INPUT), [p.clone() for p in network.parameters()]
    first, backprop = states_on_path(network, inputs, POINTS)
    contributions = backprop(torch.ones_like(first))
    again, backprop = states_on_path(network, inputs, POINTS)
    assert torch.equal(first, again)
    assert torch.equal(contributions, backprop(torch.ones_like(again)))
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert all(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_networks_with_a_product_per_step_have_none():
    assert has_path(BRNN(INPUT, WIDTH, cell="mingru"))
    assert not has_path(BRNN(INPUT, WIDTH, cell="lstm"))
    assert not has_path(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("steps", range(1, 50))
def test_the_scan_in_blocks_is_the_scan_step_by_step(steps):
    keep, values = torch.rand(3, steps, 4), torch.randn(3, steps, 4)
    ahead, back = [values[:, 0]], [values[:, -1]]
    for step in range(1, steps):
        ahead.append(values[:, step] + keep[:, step] * ahead[-1])
        back.append(values[:, -1 - step] + keep[:, -step] * back[-1])
    torch.testing.assert_close(scan(keep, values.clone()), torch.stack(ahead, dim=1))
    torch.testing.assert_close(scan_back(keep, values.clone()), torch.stack(back[::-1], dim=1))
