"""How often a label is right."""

from __future__ import annotations

import numpy


def accuracy_and_macro_f(truths: numpy.ndarray, guesses: numpy.ndarray) -> tuple[float, float]:
    """Accuracy, and the mean F1 of the labels that are among the truths, both 0..1.

    truths, guesses: (N,) int, N at least 1.
    """
    scores = []
    for label in numpy.unique(truths):
        right = ((guesses == label) & (truths == label)).sum()
        scores.append(2 * right / ((guesses == label).sum() + (truths == label).sum()))
    return float((guesses == truths).mean()), float(numpy.mean(scores))
