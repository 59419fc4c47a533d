"""Entities in the output, and how sure brnn_ner is of each."""

import json

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_brnn.annotate.annotator import Annotator, PipelineOptions
from spacy_brnn.nn.crf import CRF
from spacy_brnn.pipeline.ner import BRNNEntityRecognizer

from .conftest import read_jsonl, write_jsonl

TEXT = "Bob Miller likes Rome."


@pytest.fixture(scope="module")
def ner_model(tmp_path_factory):
    """A pipeline with brnn_ner alone."""
    folder = tmp_path_factory.mktemp("model") / "ner"
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_ner")
    nlp.to_disk(folder)
    return folder


def expected_of(nlp, text):
    return [
        {
            "start": ent.start_char,
            "end": ent.end_char,
            "label": ent.label_,
            "text": ent.text,
            "confidence": pytest.approx(ent._.confidence, abs=1e-6),
        }
        for ent in nlp(text).ents
    ]


def test_brnn_ner_says_how_sure_it_is(annotate, ner_model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT}, {"text": ""}])
    result = annotate("in.jsonl", use_model=ner_model)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    expected = expected_of(spacy.load(ner_model), TEXT)
    assert expected and [row["entities"] for row in rows] == [expected, []]


def test_documents_are_read_once(ner_model, monkeypatch):
    """By one pass over the batch, and not by one more for each document."""
    calls = []
    marginals = CRF.marginals
    monkeypatch.setattr(CRF, "marginals", lambda *a, **k: calls.append(1) or marginals(*a, **k))
    monkeypatch.setattr(
        BRNNEntityRecognizer, "score_entities", lambda *_: pytest.fail("read once more")
    )
    Annotator(PipelineOptions(ner_model))([TEXT, "Ada met Bob .", ""] * 5)
    assert len(calls) == 1


def test_other_components_entities_have_none(annotate, entity_model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "good Casablanca"}])
    (line,) = annotate("in.jsonl", use_model=entity_model).stdout.splitlines()
    assert json.loads(line)["entities"][0]["confidence"] is None


def test_parquet_has_it_as_a_number(annotate, ner_model, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT}, {"text": ""}])
    assert annotate("in.jsonl", "-o", "out.parquet", use_model=ner_model).exit_code == 0
    entities = parquet.read_table(tmp_path / "out.parquet")["entities"].to_pylist()
    assert entities == [expected_of(spacy.load(ner_model), TEXT), []]


def test_a_docbin_keeps_it(annotate, ner_model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT}])
    assert annotate("in.jsonl", "-o", "out.spacy", use_model=ner_model).exit_code == 0
    (doc,) = DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("en").vocab)
    expected = [x["confidence"] for x in expected_of(spacy.load(ner_model), TEXT)]
    assert [ent._.confidence for ent in doc.ents] == expected


class TestEntitiesOption:
    def test_it_adds_what_ships(self, annotate, tmp_path):
        text = "Great food at Luigi's in Boston, but the service was slow."
        write_jsonl(tmp_path / "in.jsonl", [{"text": text}])
        result = annotate("in.jsonl", "--entities", "-o", "out.jsonl", use_model=None)
        assert result.exit_code == 0, result.output
        (row,) = read_jsonl(tmp_path / "out.jsonl")
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_ner")
        assert row["entities"] == expected_of(nlp, text)
        assert "Boston" in [ent["text"] for ent in row["entities"]]
        assert row["sentiment_label"]

    def test_it_is_off_by_default(self, annotate, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT}])
        assert "entities" not in json.loads(annotate("in.jsonl", use_model=None).stdout)

    def test_a_pipeline_that_has_brnn_ner_keeps_its_own(self, annotate, ner_model, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT}])
        plain = annotate("in.jsonl", use_model=ner_model).stdout
        assert annotate("in.jsonl", "--entities", use_model=ner_model).stdout == plain

    def test_the_entities_of_rules_stay(self, annotate, entity_model, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", [{"text": "good Casablanca, said Angela Merkel."}])
        result = annotate("in.jsonl", "--entities", use_model=entity_model)
        found = {ent["text"]: ent for ent in json.loads(result.stdout)["entities"]}
        assert found["Casablanca"]["label"] == "WORK_OF_ART"
        assert found["Casablanca"]["confidence"] is None
        assert found["Angela Merkel"]["label"] == "PER"
        assert 0.0 < found["Angela Merkel"]["confidence"] <= 1.0

    def test_a_pipeline_with_another_recognizer_is_refused(self, annotate, tmp_path):
        nlp = spacy.blank("en")
        nlp.add_pipe("ner").add_label("ORG")
        nlp.initialize()
        nlp.to_disk(tmp_path / "model")
        write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT}])
        command = ("in.jsonl", "--entities", "-o", "out.jsonl")
        result = annotate(*command, use_model=tmp_path / "model")
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert "finds entities already, by 'ner'; leave --entities out" in line
        assert not (tmp_path / "out.jsonl").exists()
        assert annotate("in.jsonl", use_model=tmp_path / "model").exit_code == 0

    def test_a_pipeline_of_another_language_is_refused(self, annotate, tmp_path):
        nlp = spacy.blank("de")
        nlp.add_pipe("entity_ruler")
        nlp.to_disk(tmp_path / "model")
        write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT}])
        result = annotate("in.jsonl", "--entities", use_model=tmp_path / "model")
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert "--entities adds a recognizer of English" in line and "'de'" in line

    def test_a_run_without_it_is_not_gone_on_with(self, annotate, tmp_path):
        lines = [{"text": TEXT}, {"no": "text"}]
        write_jsonl(tmp_path / "in.jsonl", lines)
        command = ("in.jsonl", "-o", "out.jsonl", "--batch-size", 1)
        assert annotate(*command, use_model=None).exit_code == 1
        result = annotate(*command, "--entities", use_model=None)
        assert result.exit_code == 1 and "--entities" in result.stderr

    def test_workers_give_the_same_bytes(self, annotate, start, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", [{"text": f"Bob met {i} in Rome."} for i in range(40)])
        one = annotate("in.jsonl", "--entities", "--batch-size", 10, use_model=None).stdout
        process = start("in.jsonl", "--entities", "--batch-size", 10, "--n-process", 2)
        output, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert output.decode() == one
