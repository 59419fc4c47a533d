"""What calibration by a temperature comes down to, whatever the probabilities are of.

Source: Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy

BINS = 15


def calibration_error(confidences: numpy.ndarray, right: numpy.ndarray) -> float:
    """The mean gap between confidence and accuracy, over BINS equally wide bins of confidence.

    confidences: (N,) probabilities. right: (N,) bool.
    RETURNS: 0..1; 0 for none.
    """
    bins = numpy.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = numpy.bincount(bins, weights=right - confidences, minlength=BINS)
    return float(numpy.abs(gaps).sum() / max(len(right), 1))


def fit_temperature(loss: Callable[[float], float], highest: float, precision: float) -> float:
    """The temperature of least loss, between 1 / highest and highest.

    loss: of a temperature; along its logarithm it has one minimum.
    precision: of the temperature's logarithm.
    """
    # Narrow the interval around the minimum by thirds.
    low, high = -numpy.log(highest), numpy.log(highest)
    while high - low > precision:
        third = (high - low) / 3
        if loss(float(numpy.exp(low + third))) < loss(float(numpy.exp(high - third))):
            high -= third
        else:
            low += third
    return float(numpy.exp((low + high) / 2))
