from dataclasses import replace

import numpy
import pytest
import torch

from spacy_brnn.training import logistic
from spacy_brnn.training.logistic import Features, Penalty, choose_penalty, fit


def made_up(exclusive):
    random = numpy.random.default_rng(0)
    states, vectors = random.normal(size=(2, 200, 6)).astype("float32")
    ngrams = (random.random((200, 30)) < 0.1).astype("float32")
    scores = (states + vectors) @ random.normal(size=(6, 3)) + 2 * ngrams @ random.normal(
        size=(30, 3)
    )
    truths = numpy.eye(3)[scores.argmax(axis=1)] if exclusive else scores > 0
    features = Features(*map(torch.from_numpy, (states, vectors, ngrams)))
    features = replace(features, ngrams=features.ngrams.to_sparse())
    return features, torch.from_numpy(truths.astype("float32"))


@pytest.mark.parametrize("exclusive", [True, False])
def test_it_is_scikit_learns_regression(exclusive):
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, truths = made_up(exclusive)
    penalty = Penalty(states=6**0.5, vectors=1.0, inverse=2.0)  # By which states stay as they are.
    found = fit(features, truths, penalty, exclusive=exclusive).logits(features)
    blocks = features.states, features.vectors / 6**0.5, features.ngrams.to_dense()
    both = numpy.hstack([block.numpy() for block in blocks])
    peer = linear_model.LogisticRegression(C=2.0, tol=1e-6, max_iter=1000)
    if exclusive:
        wanted = peer.fit(both, truths.argmax(dim=1).numpy()).predict_proba(both)
        assert found.softmax(dim=1).numpy() == pytest.approx(wanted, abs=5e-3)
    else:
        wanted = peer.fit(both, truths[:, 1].numpy()).predict_proba(both)[:, 1]
        assert found.sigmoid()[:, 1].numpy() == pytest.approx(wanted, abs=5e-3)


def test_noise_is_held_back_more_strongly_than_what_can_be_learned():
    features, truths = made_up(exclusive=True)
    noise = truths[torch.randperm(len(truths), generator=torch.Generator().manual_seed(0))]
    learned, of_noise = (
        choose_penalty(features, these, exclusive=True, folds=3) for these in (truths, noise)
    )
    freedom, of_noise = (p.inverse * (p.states**2 + p.vectors**2) for p in (learned, of_noise))
    assert of_noise < freedom / 3


def test_it_takes_one_thread(three_threads, threads_of):
    features, truths = made_up(exclusive=True)
    seen = threads_of(logistic, "_loss")
    choose_penalty(features, truths, exclusive=True, folds=2)
    fit(features, truths, Penalty(1.0, 1.0, 1.0), exclusive=True)
    assert set(seen) == {1} and torch.get_num_threads() == 3
    threads_of(logistic, "_loss", KeyError())
    with pytest.raises(KeyError):
        choose_penalty(features, truths, exclusive=True, folds=2)
    assert torch.get_num_threads() == 3
