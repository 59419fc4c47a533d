import itertools

import pytest
import torch

from spacy_brnn.nn.biluo import BEGIN, INSIDE, LAST, OUTSIDE, UNIT, biluo_rules, count_tags
from spacy_brnn.nn.crf import CRF

N_LABELS = 2
N_TAGS = count_tags(N_LABELS)
LENGTHS = [2, 0, 4, 1, 3]


def make_crf(n_labels=N_LABELS):
    torch.manual_seed(0)
    crf = CRF(n_labels)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def make_batch(lengths, seed=1, scale=1.0):
    torch.manual_seed(seed)
    emissions = scale * torch.randn(sum(lengths), N_TAGS)
    return emissions, torch.tensor(lengths), torch.ones(sum(lengths), N_TAGS, dtype=torch.bool)


def is_valid(tags):
    """What BILUO is, told once more, label by label."""
    inside = None
    for tag in tags:
        label, place = divmod(tag - 1, 4)
        place = OUTSIDE if tag == OUTSIDE else place + 1
        if (inside is None) != (place in (OUTSIDE, BEGIN, UNIT)):
            return False
        if place in (INSIDE, LAST) and label != inside:
            return False
        inside = label if place in (BEGIN, INSIDE) else None
    return inside is None


def all_paths(crf, emissions, allowed):
    """Every valid sequence of allowed tags and its score, by brute force."""
    paths = {}
    for tags in itertools.product(*(row.nonzero().squeeze(1).tolist() for row in allowed)):
        if is_valid(tags):
            score = crf.starts[tags[0]] + crf.ends[tags[-1]]
            score = score + sum(emissions[i, tag] for i, tag in enumerate(tags))
            score = score + sum(crf.transitions[a, b] for a, b in itertools.pairwise(tags))
            paths[tags] = score
    return paths


def log_sum(paths):
    return torch.logsumexp(torch.stack(list(paths.values())), dim=0)


def some_allowed(rows):
    """One tag for the first token of each pair, any for the second: sequences that exist."""
    allowed = torch.ones(rows, N_TAGS, dtype=torch.bool)
    allowed[::2] = torch.arange(N_TAGS) == OUTSIDE
    return allowed


def test_rules_are_those_of_biluo():
    rules = biluo_rules(N_LABELS)
    for pair in itertools.product(range(N_TAGS), repeat=2):
        by_rules = rules.starts[pair[0]] and rules.transitions[pair] and rules.ends[pair[1]]
        assert bool(by_rules) == is_valid(pair), pair


@pytest.mark.parametrize("partial", [False, True])
def test_loss_is_that_of_brute_force(partial):
    crf = make_crf()
    emissions, lengths, everything = make_batch(LENGTHS)
    if partial:
        allowed = some_allowed(len(emissions))
    else:
        best = crf.decode(emissions, lengths, everything)
        allowed = torch.nn.functional.one_hot(best, N_TAGS).bool()
    losses = crf.loss(emissions, lengths, allowed)
    parts = (x.split(LENGTHS) for x in (emissions, everything, allowed))
    for loss, scores, free, bound in zip(losses, *parts, strict=True):
        if len(scores):
            expected = log_sum(all_paths(crf, scores, free)) - log_sum(
                all_paths(crf, scores, bound)
            )
            assert loss.item() == pytest.approx(expected.item(), abs=1e-4)
        else:
            assert loss == 0.0


def test_gradients_are_those_of_brute_force():
    crf = make_crf()
    emissions, lengths, everything = make_batch([4])
    emissions.requires_grad_()
    allowed = some_allowed(4)
    weights = [emissions, *crf.parameters()]
    found = torch.autograd.grad(crf.loss(emissions, lengths, allowed).sum(), weights)
    free, bound = (all_paths(crf, emissions, x) for x in (everything, allowed))
    expected = torch.autograd.grad(log_sum(free) - log_sum(bound), weights)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_decode_finds_the_best_path_of_brute_force(seed):
    crf = make_crf()
    emissions, lengths, everything = make_batch(LENGTHS, seed)
    for allowed in (everything, some_allowed(len(emissions))):
        tags = crf.decode(emissions, lengths, allowed).split(LENGTHS)
        for found, scores, admitted in zip(
            tags, emissions.split(LENGTHS), allowed.split(LENGTHS), strict=True
        ):
            if len(scores):
                paths = all_paths(crf, scores, admitted)
                assert tuple(found.tolist()) == max(paths, key=paths.get)


def test_decode_is_valid_whatever_the_scores():
    lengths = [1, 30, 7, 200, 2]
    emissions, lengths_, allowed = make_batch(lengths, scale=50.0)
    for tags in make_crf().decode(emissions, lengths_, allowed).split(lengths):
        assert is_valid(tags.tolist())


def test_nothing_is_learned_where_everything_is_allowed():
    crf = make_crf()
    emissions, lengths, allowed = make_batch(LENGTHS)
    emissions.requires_grad_()
    losses = crf.loss(emissions, lengths, allowed)
    losses.sum().backward()
    torch.testing.assert_close(losses, torch.zeros(len(LENGTHS)))
    torch.testing.assert_close(emissions.grad, torch.zeros_like(emissions))


def test_a_result_does_not_depend_on_neighbours():
    crf = make_crf()
    lengths = [40, 3, 0, 25, 1, 1, 2, 1, 1, 300]
    emissions, lengths_, everything = make_batch(lengths)
    allowed = some_allowed(len(emissions))
    losses = crf.loss(emissions, lengths_, allowed)
    tags = crf.decode(emissions, lengths_, everything).split(lengths)
    parts = zip(lengths, emissions.split(lengths), allowed.split(lengths), strict=True)
    for i, (length, scores, admitted) in enumerate(parts):
        alone = torch.tensor([length])
        torch.testing.assert_close(crf.loss(scores, alone, admitted)[0], losses[i])
        assert torch.equal(crf.decode(scores, alone, torch.ones_like(admitted)), tags[i])


def test_long_sequences_with_sure_scores_stay_finite():
    crf = make_crf()
    emissions, lengths, _ = make_batch([5000], scale=30.0)
    emissions.requires_grad_()
    allowed = torch.zeros(5000, N_TAGS, dtype=torch.bool)
    allowed[:, OUTSIDE] = True
    loss = crf.loss(emissions, lengths, allowed)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and loss > 0
    assert torch.isfinite(emissions.grad).all() and emissions.grad.abs().sum() > 0


def test_contradictory_annotation_gives_no_nan():
    crf = make_crf()
    emissions, lengths, allowed = make_batch([2])
    emissions.requires_grad_()
    allowed[:] = torch.arange(N_TAGS) == LAST
    loss = crf.loss(emissions, lengths, allowed)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and torch.isfinite(emissions.grad).all()


def test_weights_bring_their_number_of_labels_along():
    crf, other = make_crf(), CRF()
    other.load_state_dict(crf.state_dict())
    batch = make_batch(LENGTHS)
    assert torch.equal(other.decode(*batch), crf.decode(*batch))
