import pytest

from spacy_brnn.training.labels import (
    LabelError,
    LabelReader,
    Scale,
    parse_polarity,
    polarities_of,
)


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        (" good ", {"good": 1.0}),
        (3, {"3": 1.0}),
        (3.0, {"3": 1.0}),
        (1234567, {"1234567": 1.0}),
        (1234571.0, {"1234571": 1.0}),
        (2.5, {"2.5": 1.0}),
        (float("inf"), {"inf": 1.0}),
        ("a\ud83d", {"a\ufffd": 1.0}),
        (True, {"true": 1.0}),
        ("", None),
        (None, None),
        (float("nan"), None),
        (["a", "b", ""], {"a": 1.0, "b": 1.0}),
        ([], {}),
        ({"a": 0.9, "b": 0.1}, {"a": 1.0}),
    ],
)
def test_a_value_is_read(value, labels):
    assert LabelReader().read(value) == labels


def test_a_delimiter_makes_several_labels():
    reader = LabelReader(delimiter=";")
    assert reader.read("a; b") == {"a": 1.0, "b": 1.0}
    assert reader.read("") == {}
    assert reader.read(5) == {"5": 1.0}
    with pytest.raises(LabelError, match="what stands between two labels"):
        LabelReader(delimiter="")


def test_a_scale_has_a_label_for_each_whole_number():
    scale = Scale.parse("1:5")
    assert scale.labels == ["1", "2", "3", "4", "5"]
    assert scale.polarities == {"1": -1.0, "2": -0.5, "3": 0.0, "4": 0.5, "5": 1.0}
    assert Scale.parse("0:100").labels == ["0", "25", "50", "75", "100"]
    assert Scale.parse("0:1").labels == ["0", "1"]
    assert Scale.parse("1234567:1234568").labels == ["1234567", "1234568"]


@pytest.mark.parametrize("number", [1, 2.5, 3.75, "4.1", 5])
def test_the_labels_of_a_number_have_it_as_their_mean(number):
    read = Scale.parse("1:5").read(number)
    assert sum(read.values()) == pytest.approx(1)
    assert sum(float(label) * share for label, share in read.items()) == pytest.approx(
        float(number)
    )


@pytest.mark.parametrize("value", ["good", 0, 6, "nan", [3], 10**400])
def test_what_is_not_on_the_scale_is_refused(value):
    with pytest.raises(LabelError, match="from 1 to 5"):
        Scale.parse("1:5").read(value)


@pytest.mark.parametrize("text", ["5", "5:1", "a:b", "1:2:3", "1:inf"])
def test_what_is_no_scale_is_refused(text):
    with pytest.raises(LabelError, match="LOW:HIGH"):
        Scale.parse(text)


@pytest.mark.parametrize("label", ["mood: good", "a=b", "#1", "[x]"])
def test_a_polarity_that_a_config_cannot_hold_is_refused(label):
    with pytest.raises(LabelError, match="has no name in a config"):
        polarities_of([label, "other"], {label: 1.0})
    assert polarities_of([label, "other"], {"other": 1.0}) == {"other": 1.0}


def test_labels_that_are_sentiments_have_polarities():
    labels = ["Positive", "NEG", "neutral", "billing"]
    assert polarities_of(labels, {}) == {"Positive": 1.0, "NEG": -1.0, "neutral": 0.0}
    assert polarities_of(labels, {"billing": -0.5})["billing"] == -0.5
    with pytest.raises(LabelError, match="no such label"):
        polarities_of(labels, {"bilking": 0.0})


@pytest.mark.parametrize("text", ["good", "good=", "=1", "good=2", "good=nan"])
def test_what_is_no_polarity_is_refused(text):
    with pytest.raises(LabelError, match="LABEL=NUMBER"):
        parse_polarity(text)
    assert parse_polarity("a=b=0.5") == ("a=b", 0.5)
