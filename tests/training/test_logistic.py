import numpy
import pytest
import torch

from spacy_brnn.training.logistic import Features, Penalty, choose_penalty, fit


def made_up(exclusive):
    random = numpy.random.default_rng(0)
    dense = random.normal(size=(200, 6)).astype("float32")
    ngrams = (random.random((200, 30)) < 0.1).astype("float32")
    scores = dense @ random.normal(size=(6, 3)) + 2 * ngrams @ random.normal(size=(30, 3))
    truths = numpy.eye(3)[scores.argmax(axis=1)] if exclusive else scores > 0
    features = Features(torch.from_numpy(dense), torch.from_numpy(ngrams).to_sparse())
    return features, torch.from_numpy(truths.astype("float32"))


@pytest.mark.parametrize("exclusive", [True, False])
def test_it_is_scikit_learns_regression(exclusive):
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, truths = made_up(exclusive)
    penalty = Penalty(scale=6**0.5, inverse=2.0)  # By which dense features stay as they are.
    found = fit(features, truths, penalty, exclusive=exclusive).logits(features)
    both = numpy.hstack([features.dense.numpy(), features.ngrams.to_dense().numpy()])
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
    learned = choose_penalty(features, truths, exclusive=True, folds=3)
    assert choose_penalty(features, noise, exclusive=True, folds=3).inverse < learned.inverse
