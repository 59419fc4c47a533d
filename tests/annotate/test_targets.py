import json

import pytest
import spacy
import torch
from spacy.tokens import Doc, DocBin

from spacy_brnn.annotate.targets import find_targets
from spacy_brnn.annotate.tokenizing import DocumentTokenizer
from spacy_brnn.architectures.cut_model import cut_model
from spacy_brnn.nn.target_head import TargetHead
from spacy_brnn.targets.head_file import save_head
from tests.evidence.conftest import nlp, train_pipeline  # noqa: F401

from .conftest import read_jsonl, write_jsonl

TEXT = "Great food, terrible service. The food came cold."
FOODS = [("food", 6, 10), ("food", 34, 38)]


@pytest.fixture(scope="module")
def with_head(nlp, tmp_path_factory):  # noqa: F811
    """A saved pipeline with a head drawn at random."""
    folder = tmp_path_factory.mktemp("pipeline")
    torch.manual_seed(0)
    sizes = {"input_width": 16, "score_width": 2, "hidden_width": 4}
    cut = cut_model(nlp.get_pipe("brnn_sentiment").model)
    save_head(TargetHead(**sizes), sizes, cut, folder / "head.msgpack")
    nlp.to_disk(folder / "without")
    settings = {"brnn_sentiment": {"target_head": str(folder / "head.msgpack")}}
    spacy.load(folder / "without", config={"components": settings}).to_disk(folder / "with")
    return folder / "with"


@pytest.mark.parametrize(
    "value, places",
    [
        ("food", FOODS),
        ("FOOD", [("FOOD", *place[1:]) for place in FOODS]),
        (["service", "wine"], [("service", 21, 28), ("wine", None, None)]),
        ('["service", "wine"]', [("service", 21, 28), ("wine", None, None)]),
        ("foo", [("foo", None, None)]),
        ("[food", [("[food", None, None)]),
        ([{"start": 6, "end": 10, "label": "X"}, "service"], [FOODS[0], ("service", 21, 28)]),
        ({"start": 6, "end": 10}, FOODS[:1]),
        ([], []),
        ("", []),
        (" ", []),
        (None, []),
    ],
)
def test_targets_are_found_in_the_text(value, places):
    assert find_targets(TEXT, value) == places


@pytest.mark.parametrize(
    "value, problem",
    [
        (5, "is a number"),
        ([None], "holds null"),
        ([["food"]], "holds a list"),
        ([{"text": "food"}], "start and end"),
        ([{"start": True, "end": 3}], "start and end"),
        ([{"start": 40, "end": 90}], f"lies from character 40 to 90.*{len(TEXT)}"),
        ([{"start": 4, "end": 4}], "from character 4 to 4"),
        ([{"start": -1, "end": 4}], "from character -1 to 4"),
    ],
)  # fmt: skip
def test_what_is_no_target(value, problem):
    with pytest.raises(ValueError, match=problem):
        find_targets(TEXT, value)


def test_each_target_has_its_sentiment(annotate, with_head, tmp_path):
    rows = [
        {"text": TEXT, "about": ["food", "wine"]},
        {"text": "Nothing.", "about": None},
        {"text": "so long " * 300 + "food", "about": "food"},
    ]
    write_jsonl(tmp_path / "in.jsonl", rows)
    result = annotate(
        "in.jsonl", "-o", "out.jsonl", "--targets", "about", "-q", use_model=with_head
    )
    assert result.exit_code == 0, result.stderr
    first, second, third = (row["sentiment_toward"] for row in read_jsonl(tmp_path / "out.jsonl"))
    assert [(one["text"], one["start"], one["end"]) for one in first] == [
        *FOODS,
        ("wine", None, None),
    ]
    pipeline = spacy.load(with_head)
    doc = pipeline(TEXT)
    for one in first[:2]:
        value = doc.char_span(one["start"], one["end"])._.sentiment_toward
        assert one["label"] == value.label
        assert one["score"] == pytest.approx(value.score, abs=1e-5)
        assert one["polarity"] == pytest.approx(value.polarity, abs=1e-5)
    assert first[2]["label"] is first[2]["score"] is first[2]["polarity"] is None
    assert second == [] and third[0]["start"] == 2400


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.spacy"])
def test_tables_and_docbins(name, annotate, with_head, tmp_path):
    about = '["food", "service"]'
    if name.endswith("csv"):
        quoted = about.replace('"', '""')
        (tmp_path / name).write_text(f'text,about\n"{TEXT}","{quoted}"\n"{TEXT}",\n')
    elif name.endswith("parquet"):
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        table = pa.table({"text": [TEXT, TEXT], "about": [["food", "service"], None]})
        pq.write_table(table, tmp_path / name)
    else:
        docs = [spacy.blank("en")(TEXT), spacy.blank("en")(TEXT)]
        for doc, value in zip(docs, (json.loads(about), None), strict=True):
            doc.user_data["fields"] = json.dumps({"about": value})
        DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / name)
    result = annotate(name, "-o", "out.jsonl", "--targets", "about", "-q", use_model=with_head)
    assert result.exit_code == 0, result.stderr
    first, second = (row["sentiment_toward"] for row in read_jsonl(tmp_path / "out.jsonl"))
    assert [one["text"] for one in first] == ["food", "food", "service"] and second == []


def test_a_record_with_bad_targets_is_named(annotate, with_head, tmp_path):
    rows = [
        {"text": TEXT, "about": "food"},
        {"text": TEXT, "about": 5},
        {"text": TEXT},
        {"text": "a  b", "about": {"start": 2, "end": 3}},
    ]
    write_jsonl(tmp_path / "in.jsonl", rows)
    command = ("in.jsonl", "-o", "out.jsonl", "--targets", "about", "-q")
    result = annotate(*command, use_model=with_head)
    assert result.exit_code == 1 and 'in.jsonl:2: field "about" is a number' in result.stderr
    result = annotate(*command, "--errors", "skip", use_model=with_head)
    assert result.exit_code == 0, result.stderr
    assert len(read_jsonl(tmp_path / "out.jsonl")) == 1
    reasons = [row["reason"] for row in read_jsonl(tmp_path / "out.jsonl.rejects.jsonl")]
    assert 'no field "about" (fields: text); name it with --targets' in reasons[1]
    assert "there is no word" in reasons[2]


@pytest.mark.parametrize("pipeline", ["without", "stand-in"])
def test_without_a_head_it_says_how_to_get_one(pipeline, annotate, with_head, model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": TEXT, "about": "food"}])
    use_model = model if pipeline == "stand-in" else with_head.with_name("without")
    result = annotate("in.jsonl", "-o", "o.jsonl", "--targets", "about", use_model=use_model)
    assert result.exit_code == 1 and not list(tmp_path.glob("o.jsonl*"))
    wanted = "no brnn_sentiment (it has: lexicon_standin); leave --targets out"
    if pipeline == "without":
        wanted = "train one with `python -m spacy_brnn.targets train`"
        assert "--model" in result.stderr
    assert wanted in result.stderr


def test_another_field_is_another_run(annotate, with_head, tmp_path):
    write_jsonl(
        tmp_path / "in.jsonl", [{"text": TEXT, "a": "food", "b": "wine"}, {"text": TEXT, "a": 1}]
    )
    command = ("in.jsonl", "-o", "out.jsonl", "--batch-size", 1)
    assert annotate(*command, "--targets", "a", use_model=with_head).exit_code == 1
    result = annotate(*command, "--targets", "b", use_model=with_head)
    assert result.exit_code == 1 and "--targets" in result.stderr


def test_targets_travel_with_what_others_tokenize(with_head):
    from spacy_brnn.annotate.annotator import Annotator, PipelineOptions
    from spacy_brnn.annotate.records import Targeted

    documents = [Targeted(TEXT, FOODS), Targeted("Nothing.", [])]
    annotator = Annotator(PipelineOptions(with_head, targets=True))
    here, there = annotator(documents), annotator(DocumentTokenizer(with_head)(documents))
    assert here.columns[-1] == "sentiment_toward"
    assert here.results == there.results
    assert not Doc.has_extension("targets")
