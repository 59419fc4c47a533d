"""Calibrate a trained pipeline: python -m spacy_brnn.calibration PIPELINE OUTPUT --dev DOCBIN.

Probabilities that are calibrated are right as often as they say. Source: Guo, Pleiss, Sun and
Weinberger (2017), "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy
import spacy
from thinc.api import Model

from .corpora.docbin import read_docbin
from .loading import find_component, load_named_pipeline
from .pipeline.sentiment import BRNNSentiment
from .temperature import calibration_error, fit_temperature

# Temperatures are looked for between 1 / MAX_TEMPERATURE and MAX_TEMPERATURE.
MAX_TEMPERATURE = 16.0
PRECISION = 1e-4


def expected_calibration_error(probabilities: numpy.ndarray, truths: numpy.ndarray) -> float:
    """The mean gap between confidence and accuracy, as calibration_error.

    probabilities: (documents, labels), each row's sum is 1.
    truths: (documents,) places of the true labels.
    RETURNS: 0..1
    """
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == truths)


def negative_log_likelihood(probabilities: numpy.ndarray, truths: numpy.ndarray) -> float:
    """The mean over the documents, in nats; arguments as above."""
    return float(-numpy.log(probabilities[numpy.arange(len(truths)), truths] + 1e-12).mean())


def find_temperature(probabilities: numpy.ndarray, truths: numpy.ndarray) -> float:
    """The temperature at which the truths are most likely; arguments as above."""

    def loss(temperature: float) -> float:
        return negative_log_likelihood(apply_temperature(probabilities, temperature), truths)

    return fit_temperature(loss, MAX_TEMPERATURE, PRECISION)


def apply_temperature(probabilities: numpy.ndarray, temperature: float) -> numpy.ndarray:
    """The probabilities whose logits are those of the given ones, divided by the temperature."""
    logits = numpy.log(probabilities + 1e-12) / temperature
    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def find_offset(probabilities: numpy.ndarray, truths: numpy.ndarray, place: int) -> float:
    """What a label's logit lacks for the truths to be most likely, each label counted alike.

    Where a teacher gave one label too often, its student does so too, whatever the temperature.

    probabilities, truths: as above. place: of the label; documents that it is no choice of (a
        probability of 0) say nothing.
    """
    open_to_it = probabilities[:, place] > 0
    probabilities, truths = probabilities[open_to_it], truths[open_to_it]
    weights = 1.0 / numpy.bincount(truths)[truths]

    def loss(power: float) -> float:
        moved = apply_offset(probabilities, place, float(numpy.log(power)))
        likely = moved[numpy.arange(len(truths)), truths]
        return float(-(weights * numpy.log(likely + 1e-12)).sum() / weights.sum())

    return float(numpy.log(fit_temperature(loss, MAX_TEMPERATURE, PRECISION)))


def apply_offset(probabilities: numpy.ndarray, place: int, offset: float) -> numpy.ndarray:
    """The probabilities after adding to the logit of the label at that place."""
    moved = probabilities.copy()
    moved[:, place] *= numpy.exp(offset)
    return moved / moved.sum(axis=1, keepdims=True)


def move_logit(model: Model, place: int, offset: float) -> None:
    """Add to one logit of a text classifier, in its output layer's bias."""
    layer = model.get_ref("output_layer")
    offsets = layer.ops.alloc1f(len(layer.get_param("b")))
    offsets[place] = offset
    layer.set_param("b", layer.get_param("b") + offsets)


def scale_logits(model: Model, temperature: float) -> None:
    """Divide the logits of a text classifier by the temperature, in its output layer's weights."""
    layer = model.get_ref("output_layer")
    for name in ("W", "b"):
        layer.set_param(name, layer.get_param(name) / temperature)


@click.command()
@click.argument("pipeline", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--dev",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="DocBin of labelled documents that the pipeline was not trained on.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(1 / MAX_TEMPERATURE, MAX_TEMPERATURE),
    help="Take this temperature, rather than the best one for --dev.",
)
@click.option(
    "--balance", metavar="LABEL", help="First add to this label's logit what it lacks on --dev."
)
def main(
    pipeline: Path,
    output: Path,
    dev: Path | None,
    temperature: float | None,
    balance: str | None,
) -> None:
    """Write PIPELINE to OUTPUT, the logits of its brnn_sentiment divided by a temperature."""
    if dev is None and temperature is None:
        raise click.UsageError("give --dev, --temperature or both")
    if temperature is not None and numpy.isnan(temperature):
        raise click.UsageError("--temperature is not a number")
    if balance is not None and dev is None:
        raise click.UsageError("--balance needs --dev")
    nlp = load_named_pipeline(pipeline)
    component: BRNNSentiment = find_component(nlp, "brnn_sentiment", pipeline)
    if dev is not None:
        probabilities, truths = _score(component, dev)
        _report("before", probabilities, truths)
        if balance is not None:
            probabilities = _balance(component, balance, probabilities, truths)
            _report("balanced", probabilities, truths)
        if temperature is None:
            temperature = find_temperature(probabilities, truths)
            _report("after, each half by the other's", _cross_fit(probabilities, truths), truths)
        _report("after", apply_temperature(probabilities, temperature), truths)
    assert temperature is not None, "without --dev it is given"
    scale_logits(component.model, temperature)
    nlp.to_disk(output)
    click.echo(f"temperature: {temperature:.4f}")


def _balance(
    component: BRNNSentiment, label: str, probabilities: numpy.ndarray, truths: numpy.ndarray
) -> numpy.ndarray:
    """Move the label's logit; RETURNS the probabilities that follow."""
    if label not in component.labels:
        raise click.ClickException(f"--balance: there is no label {label!r}")
    place = component.labels.index(label)
    is_true = truths[probabilities[:, place] > 0] == place
    if is_true.all() or not is_true.any():
        raise click.ClickException(
            f"--balance: of --dev's documents that do not leave {label} open, some must be "
            f"{label} and some not"
        )
    offset = find_offset(probabilities, truths, place)
    move_logit(component.model, place, offset)
    click.echo(f"added to {label}: {offset:.4f}")
    return apply_offset(probabilities, place, offset)


def _report(when: str, probabilities: numpy.ndarray, truths: numpy.ndarray) -> None:
    error = expected_calibration_error(probabilities, truths)
    loss = negative_log_likelihood(probabilities, truths)
    click.echo(f"{when}: expected calibration error {error:.2%}, log-likelihood {-loss:.4f}")


def _cross_fit(probabilities: numpy.ndarray, truths: numpy.ndarray) -> numpy.ndarray:
    """Each half of the documents at the temperature that suits the other half."""
    halves = numpy.arange(len(truths)) % 2 == 0
    calibrated = numpy.zeros_like(probabilities)
    for half in (halves, ~halves):
        temperature = find_temperature(probabilities[~half], truths[~half])
        calibrated[half] = apply_temperature(probabilities[half], temperature)
    return calibrated


def _score(component: BRNNSentiment, dev: Path) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Probabilities and places of the true labels."""
    # In a vocabulary of their own: that of the pipeline is saved with it.
    docs = list(read_docbin(dev, spacy.blank(component.vocab.lang).vocab))
    if not docs:
        raise click.ClickException(f"{dev} has no documents")
    labels = component.labels
    for place, doc in enumerate(docs):
        if not any(doc.cats.get(label, 0.0) > 0.0 for label in labels):
            raise click.ClickException(f"document {place} of {dev} has none of the labels {labels}")
    # Labels that a document leaves open (NaN) are left out of its probabilities.
    values = numpy.asarray([[doc.cats.get(label, 0.0) for label in labels] for doc in docs])
    known = ~numpy.isnan(values)
    probabilities = numpy.asarray(component.predict(docs)) * known
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities, numpy.where(known, values, -1.0).argmax(axis=1)


if __name__ == "__main__":
    main()
