import numpy
import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.labelled_texts import LabelledText, TextSet
from spacy_brnn.distillation import variants
from spacy_brnn.distillation.variants import draw_variants


@pytest.fixture
def random():
    return numpy.random.default_rng(0)


def a_set(*texts):
    return TextSet("a", [LabelledText(text, "POSITIVE") for text in texts], [])


TEXTS = [f"The {noun} was really {word}." for noun in ("plot", "end") for word in ("good", "bad")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The film was good.", "The film was not good."),
        ("You SHOULD go, it is fun", "You SHOULD not go, it is fun"),
        ("It was not good and not bad.", "It was good and not bad."),
        ("I never liked it", "I liked it"),
        ("It isn't good", "It is good"),
        ("It wasn’t good", "It was good"),
        ("You can't miss it", "You can miss it"),
        ("Can’t recommend it", "Can recommend it"),
        ("I won't go", "I will go"),
        ("Won't go again", "Will go again"),
        ("We shan't go", "We shall go"),
        ("IT AIN'T BAD, CAN'T BE", "IT IS BAD, CAN'T BE"),
        ("A good film", None),
    ],
)
def test_the_first_negation_goes_or_one_comes(text, expected, random):
    assert variants._negated(text, "", random) == expected


def test_a_frame_or_a_joint_goes_around_texts(random):
    framed = {variants._framed("It was {fun}.", "", random) for _ in range(60)}
    assert framed == {frame.format("it was {fun}.") for frame in variants._FRAMES}
    joined = {variants._joined("Good fun! ", "The end was bad.", random) for _ in range(60)}
    assert joined == {f"Good fun{joint}the end was bad." for joint in variants._JOINTS}


def test_signs_come_once_to_thrice_or_alone(random):
    signs = {sign * n for sign in variants._SIGNS for n in (1, 2, 3)}
    got = {variants._signed("Fine", "", random) for _ in range(3000)}
    assert {f"Fine {sign}" for sign in signs} <= got <= {f"Fine {s}" for s in signs} | signs
    assert got & signs


def test_a_question_ends_in_a_question_mark(random):
    assert variants._asked("It was good!! ", "", random) == "It was good?"


def test_there_are_so_many_by_the_seed():
    first, again, other = (draw_variants([a_set(*TEXTS)], 40, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == len(first) == 40


def test_every_kind_comes():
    found = draw_variants([a_set(*TEXTS)], 150, 0)
    assert any(" was not " in text for text in found)
    assert any(text.startswith("They told me: the ") for text in found)
    assert any("; still, the " in text for text in found)
    assert any(text.endswith("👍") for text in found)
    assert any(text.endswith("?") for text in found)


def test_few_texts_have_few_variants():
    found = draw_variants([a_set("Good fun.")], 3000, 0)
    assert 20 < len(found) < 2000


def test_only_short_texts_of_train_make_variants():
    long, dev = "long " * 25, [LabelledText("dev text", "POSITIVE")]
    one = TextSet("a", [LabelledText(t, "POSITIVE") for t in (long, "", " \n", "Good fun.")], dev)
    found = draw_variants([one], 200, 0)
    assert found and not any("long" in text or "dev" in text for text in found)
    assert all("ood fun" in text or text.strip("".join(variants._SIGNS)) == "" for text in found)


@pytest.mark.parametrize("texts", [[], ["long " * 25], [" "]])
def test_sets_without_short_texts_are_refused(texts):
    with pytest.raises(CorpusError, match="no text has 24 words or fewer"):
        draw_variants([a_set(*texts)], 10, 0)
