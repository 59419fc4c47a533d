import numpy
import pytest

from spacy_brnn import calibration
from spacy_brnn.temperature import BINS, calibration_error, fit_temperature


@pytest.mark.parametrize("best", [0.3, 1.0, 2.5])
def test_it_finds_the_minimum_of_a_loss(best):
    def loss(temperature):
        return (numpy.log(temperature) - numpy.log(best)) ** 2

    assert fit_temperature(loss, 4.0, 1e-4) == pytest.approx(best, rel=1e-4)
    assert fit_temperature(loss, 4.0, 0.02) == pytest.approx(best, rel=0.02)


def test_it_keeps_to_the_range():
    assert fit_temperature(lambda t: t, 4.0, 1e-4) == pytest.approx(0.25, rel=1e-3)
    assert fit_temperature(lambda t: -t, 4.0, 1e-4) == pytest.approx(4.0, rel=1e-3)


def test_the_error_is_a_mean_over_bins():
    right = numpy.asarray([True, False, False, True])
    confidences = numpy.asarray([1.0, 1.0, 0.5 / BINS, 0.5 / BINS])
    expected = (2 * 0.5 + 2 * (0.5 - 0.5 / BINS)) / 4
    assert calibration_error(confidences, right) == pytest.approx(expected)
    assert calibration_error(numpy.zeros(0), numpy.zeros(0, dtype=bool)) == 0.0


def test_bins_do_not_make_up_for_each_other():
    mixed = calibration_error(numpy.asarray([0.9, 0.1]), numpy.asarray([False, True]))
    assert mixed == pytest.approx(0.9)
    even = numpy.asarray([True] * 8 + [False] * 2)
    assert calibration_error(numpy.full(10, 0.8), even) == pytest.approx(0.0)
    assert calibration_error(numpy.full(10, 0.95), even) == pytest.approx(0.15)


def test_that_of_labels_is_of_the_most_probable_one():
    probabilities = numpy.asarray([[0.9, 0.1], [0.2, 0.8]])
    expected = calibration_error(numpy.asarray([0.9, 0.8]), numpy.asarray([True, False]))
    found = calibration.expected_calibration_error(probabilities, numpy.asarray([0, 0]))
    assert found == expected
