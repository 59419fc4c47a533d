import numpy
import pytest
import spacy
from click.testing import CliRunner
from spacy.tokens import DocBin

from spacy_brnn import calibration


@pytest.fixture
def drawn():
    """Probabilities, and truths drawn by them."""
    random = numpy.random.default_rng(0)
    logits = random.normal(scale=2.0, size=(20_000, 2))
    probabilities = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    truths = (random.uniform(size=len(logits)) < probabilities[:, 1]).astype(int)
    return probabilities, truths


def test_calibrated_probabilities_have_hardly_an_error(drawn):
    assert calibration.expected_calibration_error(*drawn) < 0.01


def test_the_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = numpy.asarray([[0.9, 0.1]] * 10)
    truths = numpy.asarray([0] * 6 + [1] * 4)
    error = calibration.expected_calibration_error(probabilities, truths)
    assert error == pytest.approx(0.3)


def test_certain_probabilities_are_in_the_last_bin():
    certain = numpy.asarray([[1.0, 0.0], [0.0, 1.0]])
    assert calibration.expected_calibration_error(certain, numpy.asarray([0, 1])) == 0.0


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_it_finds_the_temperature(drawn, temperature):
    probabilities, truths = drawn
    distorted = calibration.apply_temperature(probabilities, 1 / temperature)
    found = calibration.find_temperature(distorted, truths)
    assert found == pytest.approx(temperature, rel=0.05)
    mended = calibration.apply_temperature(distorted, found)
    assert calibration.expected_calibration_error(mended, truths) < 0.01


@pytest.fixture
def files(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    nlp.to_disk(tmp_path / "pipeline")
    docs = []
    for text, positive in [
        ("A wonderful film.", 1.0),
        ("Dull.", 0.0),
        ("Awful, but I liked it.", 0.0),
    ]:
        docs.append(nlp.make_doc(text))
        docs[-1].cats = {"POSITIVE": positive, "NEGATIVE": 1 - positive}
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    return tmp_path


def run(files, *options):
    arguments = [str(files / "pipeline"), str(files / "calibrated"), *options]
    return CliRunner().invoke(calibration.main, arguments)


def test_the_pipeline_that_it_writes_has_its_logits_divided(files):
    result = run(files, "--dev", str(files / "dev.spacy"), "--temperature", "2.5")
    assert result.exit_code == 0, result.output
    assert "before: expected calibration error" in result.output
    assert "temperature: 2.5000" in result.output
    before, after = (spacy.load(files / name) for name in ("pipeline", "calibrated"))
    for text in ("A wonderful film.", "It is dull."):
        scores = [numpy.asarray([list(nlp(text).cats.values())]) for nlp in (before, after)]
        numpy.testing.assert_allclose(
            scores[1], calibration.apply_temperature(scores[0], 2.5), atol=1e-4
        )


def test_the_component_may_have_another_name(files):
    nlp = spacy.load(files / "pipeline")
    nlp.rename_pipe("brnn_sentiment", "mood")
    nlp.to_disk(files / "pipeline")
    result = run(files, "--temperature", "2")
    assert result.exit_code == 0, result.output
    cats = [
        spacy.load(files / name)("A wonderful film.").cats for name in ("pipeline", "calibrated")
    ]
    assert cats[0] != cats[1]


def test_it_takes_the_best_temperature_for_dev(files):
    result = run(files, "--dev", str(files / "dev.spacy"))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    before, after = (float(lines[i].split()[-1]) for i in (0, 2))
    assert after >= before
    assert lines[1].startswith("after, each half by the other's: ")


def test_the_words_of_dev_are_not_saved_with_the_pipeline(files):
    assert run(files, "--dev", str(files / "dev.spacy")).exit_code == 0
    assert "Awful" not in spacy.load(files / "calibrated").vocab.strings


def test_it_needs_something_to_go_by(files):
    result = run(files)
    assert result.exit_code == 2
    assert "--dev, --temperature or both" in result.output


def test_documents_need_a_label(files):
    doc = spacy.blank("en").make_doc("A wonderful film.")
    DocBin(docs=[doc]).to_disk(files / "dev.spacy")
    result = run(files, "--dev", str(files / "dev.spacy"))
    assert result.exit_code == 1
    assert "document 0 of" in result.output


def test_a_pipeline_without_the_component_is_refused(files):
    spacy.blank("en").to_disk(files / "pipeline")
    result = run(files, "--temperature", "2")
    assert result.exit_code == 1
    assert "has no brnn_sentiment" in result.output


@pytest.mark.parametrize("temperature", ["0", "nan", "inf"])
def test_a_temperature_out_of_range_is_refused(files, temperature):
    assert run(files, "--temperature", temperature).exit_code != 0
    assert not (files / "calibrated").exists()


def test_an_empty_dev_is_refused(files):
    DocBin().to_disk(files / "dev.spacy")
    result = run(files, "--dev", str(files / "dev.spacy"))
    assert result.exit_code == 1
    assert "has no documents" in result.output


def test_the_offset_makes_each_label_s_texts_count_alike():
    random = numpy.random.default_rng(0)
    truths = numpy.repeat([0, 1, 2], [900, 500, 100])
    logits = random.normal(size=(1500, 3)) + 2.0 * numpy.eye(3)[truths]
    lacking = calibration.apply_temperature(numpy.exp(logits), 1.0)
    lacking = calibration.apply_offset(lacking, 2, 1.5)
    offset = calibration.find_offset(lacking, truths, 2)
    assert offset == pytest.approx(-1.5, abs=0.3)
    moved = calibration.apply_offset(lacking, 2, offset)
    assert moved.sum(axis=1) == pytest.approx(numpy.ones(1500))
    recalls = [(moved[truths == place].argmax(axis=1) == place).mean() for place in range(3)]
    assert max(recalls) - min(recalls) < 0.1


def test_texts_that_a_label_is_no_choice_of_say_nothing_of_it():
    random = numpy.random.default_rng(0)
    truths = numpy.tile([0, 1, 2], 100)
    known = calibration.apply_temperature(numpy.exp(random.normal(size=(300, 3))), 1.0)
    open_ones = known * [1.0, 1.0, 0.0]
    both = numpy.concatenate([known, open_ones / open_ones.sum(axis=1, keepdims=True)])
    twice = numpy.concatenate([truths, numpy.zeros_like(truths)])
    assert calibration.find_offset(both, twice, 2) == calibration.find_offset(known, truths, 2)


def test_a_label_s_logit_is_moved_in_the_pipeline(files):
    result = run(files, "--dev", str(files / "dev.spacy"), "--balance", "POSITIVE")
    assert result.exit_code == 0, result.output
    assert "added to POSITIVE: " in result.output
    assert "balanced: expected calibration error" in result.output
    added, temperature = (
        float(line.split(": ")[1])
        for line in result.output.splitlines()
        if line.startswith(("added", "temperature"))
    )
    before, after = (spacy.load(files / name) for name in ("pipeline", "calibrated"))
    for text in ("A wonderful film.", "It is dull."):
        odds = [
            numpy.log(doc.cats["POSITIVE"] / doc.cats["NEGATIVE"])
            for doc in (nlp(text) for nlp in (before, after))
        ]
        assert odds[1] == pytest.approx((odds[0] + added) / temperature, abs=0.01)


def test_a_label_to_balance_must_be_there_and_dev_given(files):
    result = run(files, "--dev", str(files / "dev.spacy"), "--balance", "BORED")
    assert result.exit_code == 1
    assert "there is no label 'BORED'" in result.output
    assert run(files, "--temperature", "2", "--balance", "POSITIVE").exit_code == 2


def test_a_label_that_dev_does_not_speak_of_cannot_be_balanced(files):
    result = run(files, "--dev", str(files / "dev.spacy"), "--balance", "NEUTRAL")
    assert result.exit_code == 1
    assert "some must be NEUTRAL and some not" in result.output
    assert not (files / "calibrated").exists()
