import numpy
import pytest
import spacy
import torch
from click.testing import CliRunner
from spacy.tokens import Doc, DocBin

from spacy_brnn.entity_calibration import (
    confidences,
    find_entities,
    find_temperature,
    main,
    negative_log_likelihood,
)
from spacy_brnn.nn.marginals import Marginals

from .test_ner import SENTENCES, ents, make_doc, make_examples, make_pipeline


@pytest.fixture(scope="module")
def trained():
    return make_pipeline(steps=15)


@pytest.fixture(scope="module")
def dev(trained):
    """The sentences, of which some have another annotation: a sure model is too sure of it."""
    wrong = [(words, " ".join("O" for _ in words.split())) for words, _ in SENTENCES[:2]]
    return make_examples(trained, [*SENTENCES, *wrong, *SENTENCES])


def test_the_likelihood():
    found = negative_log_likelihood(numpy.asarray([0.5, 0.75]), numpy.asarray([True, False]))
    assert found == pytest.approx(-(numpy.log(0.5) + numpy.log(0.25)) / 2)


def test_confidences_are_those_of_the_component(trained, dev):
    component = trained.get_pipe("brnn_ner")
    found = list(find_entities(component, iter(dev)))
    at_one = confidences(component, found, 1.0)
    doc = trained(make_doc(trained, SENTENCES[0][0]))
    expected = [ent._.confidence for ent in doc.ents]
    assert at_one[: len(expected)].tolist() == pytest.approx(expected)
    assert (confidences(component, found, 3.0) < at_one).mean() > 0.5


def test_the_temperature_is_the_most_likely_one(trained, dev):
    component = trained.get_pipe("brnn_ner")
    found = list(find_entities(component, iter(dev)))
    right = numpy.concatenate([x.right for x in found])
    assert 0 < right.sum() < len(right)
    best = find_temperature(component, found)

    def loss(temperature):
        return negative_log_likelihood(confidences(component, found, temperature), right)

    assert loss(best) <= min(loss(t) for t in (0.5, 0.8, 1.0, 1.3, 2.0, 3.0)) + 1e-4


def test_the_command_keeps_the_entities_and_changes_how_sure_they_are(trained, dev, tmp_path):
    trained.to_disk(tmp_path / "a")
    DocBin(docs=[example.reference for example in dev]).to_disk(tmp_path / "dev.spacy")
    arguments = [str(tmp_path / "a"), str(tmp_path / "b"), "--dev", str(tmp_path / "dev.spacy")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    temperature = float(result.output.rsplit("temperature: ", 1)[1])
    calibrated = spacy.load(tmp_path / "b")
    for words, _ in SENTENCES:
        before, after = (nlp(make_doc(nlp, words)) for nlp in (trained, calibrated))
        assert ents(before) == ents(after)
    component = trained.get_pipe("brnn_ner")
    found = list(find_entities(component, iter(dev)))
    assert temperature == pytest.approx(find_temperature(component, found), rel=0.02)
    scaled = list(find_entities(calibrated.get_pipe("brnn_ner"), iter(dev)))
    assert confidences(calibrated.get_pipe("brnn_ner"), scaled, 1.0) == pytest.approx(
        confidences(component, found, temperature), abs=1e-3
    )


def test_a_pipeline_without_the_component_is_refused(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "a")
    DocBin(docs=[Doc(spacy.blank("en").vocab, words=["a"])]).to_disk(tmp_path / "dev.spacy")
    arguments = [str(tmp_path / "a"), str(tmp_path / "b"), "--dev", str(tmp_path / "dev.spacy")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1 and "has no brnn_ner" in result.output


def test_it_takes_one_thread(trained, dev, three_threads, threads_of):
    component = trained.get_pipe("brnn_ner")
    seen = threads_of(Marginals, "spans")
    find_temperature(component, list(find_entities(component, iter(dev))))
    assert set(seen) == {1} and torch.get_num_threads() == 3
