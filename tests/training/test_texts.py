import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.training.labels import LabelReader, Scale
from spacy_brnn.training.texts import Fields, check_labels, is_dev_text, read_texts, split

from .conftest import tickets

TICKETS = Fields(text="body", label="topic")


def rows(*pairs):
    return [{"text": text, "label": label} for text, label in pairs]


def test_the_rows_are_read(write):
    texts = read_texts(str(write(tickets())), TICKETS)
    assert texts.labels == ["billing", "delivery", "login"]
    assert texts.exclusive
    assert not texts.notes
    assert set(texts.counts().values()) == {24}


def test_dev_is_chosen_by_the_text_alone(write):
    texts = read_texts(str(write(tickets())), TICKETS)
    train, dev = split(texts, 0.3)
    assert len(train) + len(dev) == 72
    assert {text.text for text in dev} == {
        row["body"] for row in tickets() if is_dev_text(row["body"], 0.3)
    }
    other, _ = split(read_texts(str(write(tickets()[::-1])), TICKETS), 0.3)
    assert {text.text for text in train} == {text.text for text in other}


def test_no_label_is_in_dev_only(write):
    lone = next(t for t in map(str, range(99)) if is_dev_text(t, 0.2))
    texts = read_texts(
        str(write(rows((lone, "rare"), ("x", "a"), ("y", "a"), ("z", "b")))), Fields()
    )
    train, dev = split(texts, 0.2)
    assert "rare" in {text.best for text in train}
    assert "rare" not in {text.best for text in dev}


def test_empty_texts_and_labels_are_passed_over_with_a_note(write):
    path = write(rows(("a", "x"), ("  ", "x"), ("b", ""), ("c", None), ("d", "y")))
    texts = read_texts(str(path), Fields())
    assert [text.text for text in texts.texts] == ["a", "d"]
    assert texts.notes == [
        f"1 row with an empty text passed over ({path}:2)",
        f"2 rows with an empty label passed over ({path}:3, {path}:4)",
    ]


def test_repeated_texts_share_their_labels(write):
    path = write(rows(("a", "x"), ("a ", "x"), ("a", "y"), ("b", "y"), ("b", "y")))
    texts = read_texts(str(path), Fields())
    assert texts.texts[0].cats == pytest.approx({"x": 2 / 3, "y": 1 / 3})
    assert texts.texts[1].cats == {"y": 1.0}
    assert "2 texts repeated" in texts.notes[0]
    assert (
        f"1 text repeated with different labels, which share it ({path}:1 and {path}:3)"
        in (texts.notes[1])
    )


def test_several_labels_a_text(write):
    path = write(rows(("a", ["x", "y"]), ("b", []), ("c", ["y"])))
    texts = read_texts(str(path), Fields())
    assert not texts.exclusive
    assert [text.cats for text in texts.texts] == [{"x": 1, "y": 1}, {}, {"y": 1}]


def test_a_scale(write):
    fields = Fields(reader=LabelReader(scale=Scale.parse("1:5")))
    texts = read_texts(str(write(rows(("a", 5), ("b", 3.5)))), fields)
    assert texts.labels == ["1", "2", "3", "4", "5"]
    assert texts.texts[1].cats == {"3": 0.5, "4": 0.5}
    with pytest.raises(CorpusError, match=r'texts.jsonl:2: field "label": 9 is not a number from'):
        read_texts(str(write(rows(("a", 5), ("b", 9)))), fields)


def test_a_missing_field_is_named(write):
    with pytest.raises(CorpusError, match=r'no field "topik" \(fields: body, topic\)'):
        read_texts(str(write(tickets())), Fields(text="body", label="topik"))
    with pytest.raises(CorpusError, match=r'no field "text".*--text-field'):
        read_texts(str(write(tickets())), Fields(label="topic"))


def test_nested_fields(write):
    path = write([{"ticket": {"body": row["body"], "topic": row["topic"]}} for row in tickets()])
    texts = read_texts(str(path), Fields(text="ticket.body", label="ticket.topic"))
    assert texts.labels == ["billing", "delivery", "login"]
    with pytest.raises(CorpusError, match=r'no field "mail.topic" \(fields: ticket\)'):
        read_texts(str(path), Fields(text="ticket.body", label="mail.topic"))


def test_tables_of_any_kind(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_bytes('"café~x\nb~y\n'.encode("latin-1"))
    fields = Fields("1", "2", encoding="latin-1", delimiter="~", header=False, quotes=False)
    texts = read_texts(str(path), fields)
    assert [(text.text, text.best) for text in texts.texts] == [('"café', "x"), ("b", "y")]
    with pytest.raises(CorpusError, match="Python knows no encoding latin-99"):
        read_texts(str(path), Fields(encoding="latin-99"))


def test_labels_that_differ_in_case_alone_are_noted(write):
    pairs = [
        ("a", "Good"),
        ("b", "good"),
        ("c", "GOOD"),
        ("d", "bad"),
        ("e", "bad"),
        ("f", "bad"),
        ("g", "bad"),
        ("h", "bad"),
    ]
    (note, _) = check_labels(read_texts(str(write(rows(*pairs))), Fields()))
    assert (
        note == "labels that differ in case alone are several here (GOOD and Good, GOOD and good)"
    )


def test_labels_that_teach_nothing_are_refused(write):
    one = read_texts(str(write(rows(("a", "x"), ("b", "x")))), Fields())
    with pytest.raises(CorpusError, match=r"2 different texts with 1 label \(x\)"):
        check_labels(one)
    many = read_texts(str(write(rows(("a", "1"), ("b", "2"), ("c", "3")))), Fields())
    with pytest.raises(CorpusError, match="3 labels for 3 texts"):
        check_labels(many)


def test_a_label_seen_once_is_noted(write):
    texts = read_texts(str(write(rows(("a", "x"), ("b", "x"), ("c", "y"), ("d", "x")))), Fields())
    assert check_labels(texts) == [
        "1 label seen once (y): learned from that one text, and not checked by any"
    ]
