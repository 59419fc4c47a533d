"""Calibrate brnn_ner: python -m spacy_brnn.entity_calibration PIPELINE OUTPUT --dev CORPUS.

Entities with a confidence of 0.8 are then right four times in five. All scores of the tagger are
divided by one temperature, which changes no entity. Source: Guo, Pleiss, Sun and Weinberger
(2017), "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
import numpy
import spacy
from spacy.training import Corpus, Example
from spacy.util import minibatch
from thinc.types import Floats2d

from .architectures.crf_layer import predict_marginals
from .architectures.one_thread import one_thread
from .architectures.tagger import scale_scores
from .known_labels import known_labels
from .loading import load_named_pipeline
from .nn.marginals import Spans
from .pipeline.ner import BRNNEntityRecognizer
from .pipeline.ner_confidence import LabelledSpan
from .pipeline.ner_tags import TagSet
from .temperature import calibration_error, fit_temperature

MAX_TEMPERATURE = 4.0
PRECISION = 0.02
BATCH_SIZE = 128


@dataclass(frozen=True)
class Entities:
    """The entities found in a document, and what their probabilities follow from."""

    scores: Floats2d
    """(tokens, tags) of the tagger."""
    allowed: numpy.ndarray
    """(tokens, tags) bool."""
    spans: Spans
    """S entities."""
    right: numpy.ndarray
    """(S,) bool, whether each is annotated."""


def negative_log_likelihood(confidences: numpy.ndarray, right: numpy.ndarray) -> float:
    """Of being right or wrong, in the mean over the entities, in nats.

    confidences: (S,) probabilities. right: (S,) bool.
    """
    likelihood = numpy.where(right, confidences, 1.0 - confidences)
    return float(-numpy.log(likelihood.clip(1e-12)).mean())


def find_entities(
    component: BRNNEntityRecognizer, examples: Iterator[Example]
) -> Iterator[Entities]:
    """The entities that a component finds, where the annotation says whether they are right."""
    tags = TagSet(component.labels)
    crf = component.model.get_ref("crf")
    for batch in minibatch(examples, BATCH_SIZE):
        docs = [example.predicted for example in batch]
        scores = component.model.predict(docs)
        allowed = tags.allow_text(docs)
        best = crf.predict((scores, allowed))
        entities = tags.spans([component.model.ops.to_numpy(numbers) for numbers in best])
        for example, of_doc, admitted, spans in zip(batch, scores, allowed, entities, strict=True):
            judged = [span for span in spans if _is_judged(example, span)]
            gold = example.get_aligned_spans_y2x(example.reference.ents)
            true = {(x.start, x.end, x.label_) for x in gold}
            right = numpy.asarray([span in true for span in judged], dtype=bool)
            yield Entities(of_doc, admitted, tags.to_spans(judged), right)


@one_thread()
def confidences(
    component: BRNNEntityRecognizer, found: list[Entities], temperature: float
) -> numpy.ndarray:
    """The probabilities of all entities at that temperature, (S,)."""
    crf = component.model.get_ref("crf")
    parts = []
    for batch in minibatch(found, BATCH_SIZE):
        scores, allowed = [x.scores for x in batch], [x.allowed for x in batch]
        marginals = predict_marginals(crf, scores, allowed, temperature)
        offsets = numpy.cumsum([0] + [len(x) for x in scores])
        parts += [
            marginals.spans(Spans(x.spans.starts + offset, x.spans.ends + offset, x.spans.labels))
            .cpu()
            .numpy()
            for x, offset in zip(batch, offsets.tolist(), strict=False)
        ]
    return numpy.concatenate(parts) if parts else numpy.zeros(0)


def find_temperature(component: BRNNEntityRecognizer, found: list[Entities]) -> float:
    """The temperature at which it is most likely that these entities are as right as they are."""
    right = numpy.concatenate([x.right for x in found])

    def loss(temperature: float) -> float:
        return negative_log_likelihood(confidences(component, found, temperature), right)

    return fit_temperature(loss, MAX_TEMPERATURE, PRECISION)


@click.command()
@click.argument("pipeline", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--dev",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A DocBin, or a folder of them, that the pipeline was not trained on.",
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Read every so many-th document only.",
)
def main(pipeline: Path, output: Path, dev: Path, every: int) -> None:
    """Write PIPELINE to OUTPUT, with the temperature of its brnn_ner that suits dev best."""
    nlp = load_named_pipeline(pipeline)
    if "brnn_ner" not in nlp.pipe_names:
        raise click.ClickException(f"{pipeline} has no brnn_ner")
    component = cast(BRNNEntityRecognizer, nlp.get_pipe("brnn_ner"))
    # In a vocabulary of their own: that of the pipeline is saved with it.
    examples = Corpus(dev)(spacy.blank(component.vocab.lang))
    chosen = (example for i, example in enumerate(examples) if i % every == 0)
    found = list(find_entities(component, chosen))
    halves = found[::2], found[1::2]
    if not all(any(len(x.right) for x in half) for half in halves):
        raise click.ClickException(f"the pipeline finds too few entities in {dev} to calibrate by")
    fitted = find_temperature(component, halves[0])
    _report("before", component, halves[1], 1.0)
    _report(f"by the other half, temperature {fitted:.3f}", component, halves[1], fitted)
    temperature = find_temperature(component, found)
    scale_scores(component.model, temperature)
    nlp.to_disk(output)
    click.echo(f"temperature: {temperature:.4f}")


def _report(
    when: str, component: BRNNEntityRecognizer, found: list[Entities], temperature: float
) -> None:
    right = numpy.concatenate([x.right for x in found])
    at = confidences(component, found, temperature)
    click.echo(
        f"{when}: expected calibration error {calibration_error(at, right):.2%}, "
        f"log-likelihood {-negative_log_likelihood(at, right):.4f}, {len(right):,} entities, "
        f"of which right {right.mean():.2%}"
    )


def _is_judged(example: Example, span: LabelledSpan) -> bool:
    """Whether the annotation says if there is such an entity."""
    known = known_labels(example.reference)
    aligned = example.alignment.x2y
    places = {i for token in range(span.start, span.end) for i in aligned[token].tolist()}
    is_annotated = all(example.reference[i].ent_iob != 0 for i in places)
    return is_annotated and (known is None or span.label in known)


if __name__ == "__main__":
    main()
