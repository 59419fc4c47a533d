import pytest
import torch

from spacy_brnn.nn.dropout import LockedDropout

LENGTHS = [4, 0, 1, 6]


def drop(rate, width=200):
    torch.manual_seed(0)
    return LockedDropout(rate)(torch.ones(sum(LENGTHS), width), torch.tensor(LENGTHS))


def test_one_mask_for_all_tokens_of_a_sequence():
    masks = []
    for sequence in drop(0.5).split(LENGTHS):
        assert (sequence == sequence[:1]).all()
        masks += sequence[:1]
    assert not torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[1], masks[2])


def test_kept_features_are_scaled():
    dropped = drop(0.75)
    assert set(dropped.unique().tolist()) == {0.0, 4.0}
    assert 0.6 < (dropped == 0).float().mean() < 0.9


def test_gradients_take_the_same_mask():
    states = torch.ones(3, 50, requires_grad=True)
    dropped = LockedDropout(0.5)(states, torch.tensor([3]))
    dropped.sum().backward()
    assert torch.equal(states.grad, dropped.detach())


def test_nothing_is_dropped_at_prediction_or_at_rate_zero():
    states, lengths = torch.randn(5, 3), torch.tensor([5])
    assert torch.equal(LockedDropout(0.9).eval()(states, lengths), states)
    assert torch.equal(LockedDropout(0.0)(states, lengths), states)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0, float("nan")])
def test_bad_rates(rate):
    with pytest.raises(ValueError, match=f"less than 1, not {rate}"):
        LockedDropout(rate)
