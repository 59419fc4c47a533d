import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_brnn.nn import buckets

any_lengths = st.lists(st.integers(min_value=0, max_value=60), max_size=40)


def make(lengths):
    return list(buckets.bucket_by_length(torch.tensor(lengths, dtype=torch.int64)))


@given(any_lengths)
@settings(deadline=None, max_examples=60)
def test_every_token_is_in_one_bucket_once_in_each_direction(lengths):
    made = make(lengths)
    for index in ("forward_index", "backward_index"):
        places = [p for b in made for p in getattr(b, index)[b.mask].tolist()]
        assert sorted(places) == list(range(sum(lengths)))


@given(any_lengths)
@settings(deadline=None, max_examples=60)
def test_columns_read_a_sequence_from_its_own_ends(lengths):
    ends = torch.tensor(lengths).cumsum(0).tolist()
    sequences = {e - n: list(range(e - n, e)) for n, e in zip(lengths, ends, strict=True) if n}
    for bucket in make(lengths):
        columns = zip(bucket.forward_index.T, bucket.backward_index.T, bucket.mask.T, strict=True)
        for forward, backward, mask in columns:
            sequence = sequences.pop(int(forward[0]))
            assert forward[mask].tolist() == sequence
            assert backward[mask].tolist() == sequence[::-1]
            assert mask.tolist() == sorted(mask.tolist(), reverse=True)
    assert not sequences


@given(any_lengths)
@settings(deadline=None, max_examples=60)
def test_padding_points_at_a_token_of_the_same_sequence(lengths):
    for bucket in make(lengths):
        for index in (bucket.forward_index, bucket.backward_index):
            last = torch.where(bucket.mask, index, index[0]).max(dim=0).values
            first = torch.where(bucket.mask, index, index[0]).min(dim=0).values
            assert ((index >= first) & (index <= last)).all()


@pytest.mark.parametrize("limit", [1, 7, 64])
@given(lengths=any_lengths)
@settings(deadline=None, max_examples=40)
def test_blocks_hold_the_limit_unless_one_sequence_is_longer(limit, lengths):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "MAX_STEPS", limit)
        made = make(lengths)
    assert sum(int(b.mask.sum()) for b in made) == sum(lengths)
    for bucket in made:
        steps, size = bucket.mask.shape
        assert steps * size <= limit or size == 1


@given(any_lengths)
@settings(deadline=None, max_examples=60)
def test_large_blocks_are_well_filled(lengths):
    for bucket in make(lengths):
        sizes = bucket.mask.sum(dim=0).tolist()
        late = sizes[buckets.MIN_SEQUENCES :]
        assert all(size >= buckets.MIN_FILL * sizes[0] for size in late)


def test_sequences_of_like_length_share_a_block():
    assert len(make([20] * 30)) == 1


@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0]])
def test_nothing_to_read_makes_no_bucket(lengths):
    assert make(lengths) == []


@given(any_lengths)
@settings(deadline=None, max_examples=60)
def test_what_may_not_share_never_does(lengths):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "MAX_STEPS", 40)
        for bucket in make(lengths):
            size = bucket.mask.shape[1]
            assert size == 1 or all(buckets.may_share(n) for n in bucket.mask.sum(dim=0).tolist())


def test_the_shapes_of_blocks():
    """Speed depends on these and nothing else does: fast blocks are full and not too many."""
    shape = [tuple(bucket.mask.shape) for bucket in make([1000, 700, 600] * 8 + [599] * 3)]
    assert shape == [(1000, 16), (600, 11)]
    sparse = [tuple(bucket.mask.shape) for bucket in make([100] * 8 + [60] * 4 + [59] * 2 + [1])]
    assert sparse == [(100, 12), (59, 3)]
    few = [tuple(bucket.mask.shape) for bucket in make([100] * 7 + [1, 1])]
    assert few == [(100, 8), (1, 1)]
