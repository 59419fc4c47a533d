import pytest

from spacy_brnn.corpora.targeted_texts import TargetedSet
from spacy_brnn.targets.candidates import (
    Candidate,
    draw_candidates,
    gold_candidates,
    homes,
    read_candidates,
    write_candidates,
)
from tests.targets.test_silver import NOTHING_HELD, a_set, held

HOME_OF = {"soup": "menu", "goat cheese": "menu", "keys": "shop"}


def draw(texts, number=100, held_back=NOTHING_HELD, seed=0):
    return draw_candidates(texts, HOME_OF, held_back, number, 10, seed)


def named(targets):
    return [one.text[one.start : one.end] for one in targets]


def test_a_term_is_at_home_where_it_is_a_target_most_often():
    menu = a_set(("the soup", "soup"), ("a soup", "soup"), ("the keys", "keys"))
    shop = TargetedSet("shop", a_set(("a soup here", "soup"), *[("keys", "keys")] * 2).train, [])
    assert homes([menu, shop]) == {"soup": "menu", "keys": "shop"}


def test_gold_targets_come_with_what_else_their_texts_name():
    one = a_set(("fresh goat cheese and soup", "fresh goat cheese"), ("the keys", "keys"))
    assert named(gold_candidates([one], set(HOME_OF), NOTHING_HELD)) == [
        "fresh goat cheese",
        "soup",
        "keys",
    ]
    assert named(gold_candidates([one], set(HOME_OF), held("the keys"))) == [
        "fresh goat cheese",
        "soup",
    ]


def test_all_that_a_text_names_is_drawn_also_where_it_takes_a_turn():
    text = "Soup was hot. But the keys? The keys are cold"
    assert named(draw([text, text])) == ["Soup", "keys", "keys"]


@pytest.mark.parametrize(
    "text", ["the soup", "nothing to see here", "soup " * 11, "soup <br> keys"]
)
def test_what_is_no_such_text(text):
    assert draw([text]) == []


def test_what_shares_its_words_with_dev_is_left_out():
    assert draw(["The soup was fine"], held_back=held("so the soup was fine")) == []


def test_each_set_and_turns_have_their_part():
    texts = [f"the soup number {i}" for i in range(90)]
    texts += [f"but the soup number {i}" for i in range(90)] + [
        f"keys number {i}" for i in range(9)
    ]
    drawn = draw(texts, 60)
    assert len(drawn) == 60
    turns = sum(one.text.startswith("but") for one in drawn)
    assert named(drawn).count("keys") == 9 and 25 <= turns <= 26
    assert drawn == draw(texts, 60) != draw(texts, 60, seed=1)


def test_candidates_come_back_from_their_file(tmp_path):
    targets = [Candidate("the soup\u2028is fine", 4, 8)]
    write_candidates(targets, tmp_path / "drawn.jsonl")
    assert read_candidates(tmp_path / "drawn.jsonl") == targets
