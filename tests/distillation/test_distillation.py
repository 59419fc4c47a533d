import json
from pathlib import Path

import numpy
import pytest
import spacy
from click.testing import CliRunner
from spacy.tokens import DocBin

from spacy_brnn.distillation import document_vector_teacher, ngram_teacher, reviews
from spacy_brnn.distillation.__main__ import main

WORDS = {True: ["wonderful", "warm", "moving"], False: ["dull", "awful", "slow"]}


def texts(seed, size):
    """Reviews whose words tell their label, but for some that both labels have."""
    random = numpy.random.default_rng(seed)
    for place in range(size):
        words = [*random.choice(WORDS[place % 2 == 0], 4), *random.choice(["film", "the", "a"], 6)]
        yield " ".join(random.permutation(words)), place % 2 == 0


@pytest.fixture
def files(tmp_path):
    nlp = spacy.blank("en")
    for name, seed, size in (("labelled", 0, 60), ("unlabelled", 1, 40)):
        docs = []
        for text, positive in texts(seed, size):
            docs.append(nlp.make_doc(text))
            if name == "labelled":
                docs[-1].cats = {"POSITIVE": float(positive), "NEGATIVE": float(not positive)}
        DocBin(docs=docs).to_disk(tmp_path / f"{name}.spacy")
    return tmp_path


@pytest.fixture(autouse=True)
def few_documents(monkeypatch):
    monkeypatch.setattr(document_vector_teacher, "MIN_COUNT", 2)
    monkeypatch.setattr(document_vector_teacher, "WIDTH", 8)
    monkeypatch.setattr(document_vector_teacher, "EPOCHS", 60)
    monkeypatch.setattr(document_vector_teacher, "INVERSE_REGULARIZATION", 1.0)


def run(command, files, *arguments, output="scores.npy"):
    paths = [str(files / name) if "." in name else name for name in arguments]
    return CliRunner().invoke(main, [command, *paths, "-o", str(files / output)])


def test_ngrams_are_words_pairs_and_triples():
    expected = ["it", "is", "not", "bad", "it is", "is not", "not bad", "it is not", "is not bad"]
    assert list(reviews.ngrams(["it", "is", "not", "bad"])) == expected


def test_words_are_norms_without_white_space():
    doc = spacy.blank("en")("It isn't\n\n bad")
    assert reviews.words(doc) == ["it", "is", "not", "bad"]


@pytest.mark.parametrize(
    ("command", "needs"), [("ngrams", ["sklearn"]), ("document-vectors", ["sklearn", "gensim"])]
)
def test_a_teacher_knows_the_documents_that_it_has_no_labels_of(command, needs, files):
    for module in needs:
        pytest.importorskip(module, reason="the extra `distillation` is not installed")
    result = run(command, files, "labelled.spacy", "unlabelled.spacy")
    assert result.exit_code == 0, result.output
    scores = numpy.load(files / "scores.npy", allow_pickle=False)
    assert scores.dtype == "float32"
    assert ((scores > 0) == [place % 2 == 0 for place in range(40)]).mean() > 0.9


def test_document_vectors_are_the_same_again():
    pytest.importorskip("gensim", reason="the extra `distillation` is not installed")
    docs = list(spacy.blank("en").pipe(text for text, _ in texts(0, 20)))
    first, again = (document_vector_teacher.document_vectors(docs) for _ in range(2))
    numpy.testing.assert_array_equal(first, again)


def test_a_pipeline_teaches_too(files):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"precision": "float32"})
    nlp.to_disk(files / "pipeline")
    arguments = ["pipeline", str(files / "pipeline"), str(files / "unlabelled.spacy")]
    result = CliRunner().invoke(main, [*arguments, "-o", str(files / "scores.npy")])
    assert result.exit_code == 0, result.output
    scores = numpy.load(files / "scores.npy", allow_pickle=False)
    docs = nlp.pipe(text for text, _ in texts(1, 40))
    expected = [doc.cats["POSITIVE"] for doc in docs]
    numpy.testing.assert_allclose(1 / (1 + numpy.exp(-scores)), expected, atol=1e-5)


def test_combined_labels_are_the_mean_of_the_teachers_on_one_scale(files):
    random = numpy.random.default_rng(0)
    first, second = random.normal(size=(2, 40)).astype("float32")
    numpy.save(files / "one.npy", first)
    numpy.save(files / "two.npy", 100 * second)
    arguments = ["labelled.spacy", "unlabelled.spacy", "one.npy", "two.npy"]
    result = run("combine", files, *arguments, output="mixed.spacy")
    assert result.exit_code == 0, result.output
    docs = list(DocBin().from_disk(files / "mixed.spacy").get_docs(spacy.blank("en").vocab))
    assert len(docs) == 100
    found = {doc.text: doc.cats for doc in docs}
    gold = {text: float(positive) for text, positive in texts(0, 60)}
    assert {text: found[text]["POSITIVE"] for text in gold} == gold
    spread = (first.std() + 100 * second.std()) / 2
    logits = spread * (first / first.std() + second / second.std()) / 2
    for (text, _), logit in zip(texts(1, 40), logits, strict=True):
        cats = found[text]
        assert cats["POSITIVE"] == pytest.approx(1 / (1 + numpy.exp(-logit)), abs=1e-4)
        assert cats["POSITIVE"] + cats["NEGATIVE"] == pytest.approx(1.0)
    labelled_first = [doc.text in gold for doc in docs[:60]]
    assert not all(labelled_first)


def test_scores_of_other_documents_are_refused(files):
    numpy.save(files / "scores.npy", numpy.zeros(7, dtype="float32"))
    result = run(
        "combine", files, "labelled.spacy", "unlabelled.spacy", "scores.npy", output="x.spacy"
    )
    assert result.exit_code == 1
    assert "scores.npy holds (7,) scores" in result.output
    assert "40 documents" in result.output


def test_labelled_documents_need_the_label(files):
    result = run("ngrams", files, "unlabelled.spacy", "unlabelled.spacy")
    assert result.exit_code == 1
    assert "document 0 of" in result.output
    assert "has no 'POSITIVE'" in result.output


def test_another_kind_of_file_is_refused(files):
    (files / "text.spacy").write_text(json.dumps({"no": "DocBin"}), encoding="utf-8")
    result = run("ngrams", files, "text.spacy", "unlabelled.spacy")
    assert result.exit_code == 1
    assert f"{Path('text.spacy')} is not a DocBin file" in result.output


def test_a_missing_library_is_named(files, monkeypatch):
    def missing(*arguments):
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")

    monkeypatch.setattr(ngram_teacher, "score", missing)
    result = run("ngrams", files, "labelled.spacy", "unlabelled.spacy")
    assert result.exit_code == 1
    assert "sklearn is missing: pip install 'spacy-brnn[distillation]'" in result.output


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_scores_that_say_nothing_are_refused(value, files):
    numpy.save(files / "scores.npy", numpy.full(40, value, dtype="float32"))
    names = ["labelled.spacy", "unlabelled.spacy", "scores.npy"]
    result = run("combine", files, *names, output="x.spacy")
    assert result.exit_code == 1
    assert "scores.npy holds scores that are all the same, or no numbers" in result.output


@pytest.mark.parametrize(
    ("label", "message"), [("HAPPY", "has no label 'HAPPY'; there are: POSITIVE, NEGATIVE")]
)
def test_a_pipeline_needs_the_label(label, message, files):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    nlp.to_disk(files / "pipeline")
    arguments = [str(files / "pipeline"), str(files / "unlabelled.spacy"), "--label", label]
    result = CliRunner().invoke(main, ["pipeline", *arguments, "-o", str(files / "scores.npy")])
    assert result.exit_code == 1
    assert message in result.output
