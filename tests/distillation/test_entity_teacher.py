import random

import numpy
import pytest
import spacy
from click.testing import CliRunner
from spacy.tokens import Doc, DocBin

pytest.importorskip("transformers", reason="the extra `teacher` is not installed")

import torch
from safetensors import torch as torch_format

from spacy_brnn.corpora.conll import ATTRS
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.distillation import entity_silver, entity_teacher, entity_training
from spacy_brnn.distillation.__main__ import main
from spacy_brnn.distillation.entity_silver import read_unlabelled, tag
from spacy_brnn.distillation.entity_teacher import EntityTeacher, case_of, sentences
from spacy_brnn.distillation.entity_training import Schedule, partial_loss, train
from spacy_brnn.known_labels import set_known_labels
from spacy_brnn.nn.crf import CRF

LABELS = ["LOC", "PER"]
SCHEDULE = Schedule(passes=8, batch_pieces=100, learn_rate=3e-3, head_rate=1e-2)


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def docs(nlp):
    """Forty documents of two sentences: tables are places, and what is bad in titles persons."""
    draw = random.Random(0)
    made = []
    for _ in range(40):
        words, tags, starts = [], [], []
        for _ in range(2):
            noun, label = draw.choice((("table", "LOC"), ("film", "O"), ("Bad", "PER")))
            sentence = ["the", draw.choice(("good", "bad")), noun, "was", "a", "film", "."]
            words += sentence
            starts += [True] + [False] * 6
            tags += ["O", "O", label if label == "O" else f"B-{label}", "O", "O", "O", "O"]
        made.append(Doc(nlp.vocab, words=words, ents=tags, sent_starts=starts))
    return made


@pytest.fixture
def make_teacher(make_bert):
    def make(name="start", labels=LABELS, styles=("a", "b"), **settings):
        torch.manual_seed(0)
        return EntityTeacher(make_bert(name, hidden_size=32, **settings), labels, styles)

    return make


def unlabelled(nlp, *texts):
    made = [nlp.make_doc(text) for text in texts]
    for doc in made:
        doc[0].is_sent_start = True
    return made


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("table", entity_teacher.LOWER), ("Rome", entity_teacher.TITLE),
        ("UNO", entity_teacher.UPPER), ("I", entity_teacher.ONE_UPPER),
        ("iPhone", entity_teacher.MIXED), ("A320", entity_teacher.WITH_DIGITS),
        ("1,000", entity_teacher.DIGITS), ("--", entity_teacher.SIGNS),
        ("孔浣", entity_teacher.CASELESS), ("O'Neill", entity_teacher.MIXED),
        ("Étoile", entity_teacher.TITLE),
    ],
)  # fmt: skip
def test_the_case_of_a_word(word, expected):
    assert case_of(word) == expected


def test_only_the_case_tells_an_uncased_encoder_names_apart(make_teacher):
    made = make_teacher().eval()
    torch.nn.init.normal_(made.cases.weight)
    small, large = made([["bad"], ["Bad"]], [0, 0]).detach()
    assert made.pieces(["bad"]) == made.pieces(["Bad"])
    assert not torch.allclose(small, large)


def test_words_have_scores_whatever_stands_beside_them_in_the_batch(make_teacher):
    made = make_teacher().eval()
    read = [["good", "tables", "."], ["film"], ["the", "bad", "Bad", "film", "was", "a", "table"]]
    together = made(read, [0, 1, 2]).detach()
    apart = torch.cat([made([words], [style]) for style, words in enumerate(read)]).detach()
    assert together.shape == (11, 9)
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)


def test_styles_differ_once_they_are_learnt(make_teacher):
    made = make_teacher().eval()
    assert torch.equal(made([["film"]], [0]), made([["film"]], [1]))
    torch.nn.init.normal_(made.kinds.weight)
    assert not torch.allclose(made([["film"]], [0]), made([["film"]], [1]))
    assert [made.style_number(name) for name in (None, "a", "b")] == [0, 1, 2]
    with pytest.raises(CorpusError, match="no style 'c', only a, b"):
        made.style_number("c")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (0, [[0, 1], [2], [3, 4, 5], [6]]),
        (3, [[0, 1, 2], [3, 4, 5], [6]]),
        (4, [[0, 1, 2], [3, 4, 5, 6]]),
        (100, [[0, 1, 2, 3, 4, 5, 6]]),
    ],
)
def test_sentences_are_put_together_up_to_a_limit(make_teacher, limit, expected):
    parts = [[0, 1], [2], [3, 4, 5], [6]]
    assert make_teacher().runs(["film"] * 7, parts, limit) == expected


def test_a_sentence_of_more_than_the_encoder_reads_is_cut(make_teacher):
    made = make_teacher(max_position_embeddings=12)
    assert made.max_pieces == 8
    runs = made.runs(["tables"] * 11, [list(range(11))], 100)
    assert runs == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    doc = Doc(spacy.blank("en").vocab, words=["tables"] * 11)
    (scores,) = made.log_probabilities([doc])
    assert scores.shape == (11, 9) and (scores < 0).all()


def test_a_word_of_many_pieces_and_one_of_none_can_be_read(make_teacher):
    made = make_teacher()
    long, none = made.pieces(["table" + "s" * 40, "\u200b"])
    assert 1 <= len(long) <= entity_teacher.MAX_WORD_PIECES
    assert none == [made.tokenizer.unk_token_id]


def test_white_space_is_not_read(make_teacher, nlp):
    doc = Doc(nlp.vocab, words=["good", "\n", "film"], sent_starts=[True, False, True])
    assert sentences(doc) == [[0], [2]]
    (scores,) = make_teacher().log_probabilities([doc])
    assert (scores[1] == 0).all() and (scores[[0, 2]] < 0).all()


def test_a_saved_teacher_tags_the_same(make_teacher, tmp_path, docs):
    made = make_teacher()
    for parameter in (made.cases.weight, made.kinds.weight):
        torch.nn.init.normal_(parameter)
    made.save(tmp_path / "saved")
    again = EntityTeacher(tmp_path / "saved")
    assert (again.labels, again.styles) == (LABELS, ["a", "b"])
    for style in (0, 2):
        first, second = (x.log_probabilities(docs[:3], style) for x in (made, again))
        numpy.testing.assert_array_equal(numpy.concatenate(first), numpy.concatenate(second))


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_a_damaged_teacher_is_refused(make_teacher, tmp_path, content):
    folder = tmp_path / "saved"
    make_teacher().save(folder)
    path = folder / "entities.safetensors"
    if content is None:
        torch_format.save_file({"head.bias": torch.zeros(9)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"entities\.safetensors is damaged: train the teacher"):
        EntityTeacher(folder)


def test_the_loss_is_that_of_all_that_is_allowed():
    logits = torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.0, 0.0], [9.0, 9.0, 9.0]])
    allowed = torch.tensor([[True, False, False], [True, True, False], [True, True, True]])
    chances = logits.softmax(-1)
    expected = -(chances[0, 0].log() + (chances[1, 0] + chances[1, 1]).log()) / 2
    torch.testing.assert_close(partial_loss(logits, allowed), expected)
    assert partial_loss(logits[2:], allowed[2:]) == 0.0


def test_it_learns_entities_that_only_case_tells(make_teacher, docs, tmp_path):
    made = make_teacher(styles=["gold"])
    lines = []
    assert entity_training.score(made, "gold", docs) < 0.5
    train(made, [("gold", docs)], SCHEDULE, tmp_path / "taught", lines.append)
    assert entity_training.score(made, "gold", docs) > 0.9
    assert lines[-1].startswith("step ")


def test_the_seed_repeats_a_training_in_one_run_or_in_two(
    make_teacher, docs, tmp_path, stop_after, steps_of
):
    def trained(name, seed=0, style="gold"):
        made = make_teacher(f"{name}{len(list(tmp_path.iterdir()))}", styles=[style])
        schedule = Schedule(passes=1, batch_pieces=60, seed=seed)
        train(made, [(style, docs)], schedule, tmp_path / f"taught_{name}", print)
        return made.head.weight.detach()

    stop_after(2, lambda: trained("parts"))
    with pytest.raises(CorpusError, match=r"styles was \['gold'\], is \['silver'\]"):
        trained("parts", style="silver")
    weights = [trained("whole"), None, trained("other", seed=1)]
    assert steps_of(lambda: weights.__setitem__(1, trained("parts")))[0] == 3
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_a_corpus_named_twice_is_read_twice(make_teacher, docs, tmp_path):
    made = make_teacher(styles=["gold"])
    steps = []
    schedule = Schedule(passes=1, batch_pieces=60)
    for corpora in ([("gold", docs)], [("gold", docs)] * 2):
        lines = []
        train(made, corpora, schedule, tmp_path / "taught", lines.append)
        steps.append(int(lines[-1].split("/")[1].split()[0]))
    assert steps[1] == pytest.approx(2 * steps[0], rel=0.2)


def test_labels_that_a_corpus_lacks_stay_possible_outside_of_its_entities(make_teacher, docs):
    made = make_teacher(styles=["gold"])
    for doc in docs:
        doc.ents = [ent for ent in doc.ents if ent.label_ == "PER"]
        set_known_labels(doc, ["PER"])
    drawn = next(entity_training._read(made, "gold", docs[0], numpy.random.default_rng(0)))
    assert drawn.words[0] == "the"
    assert drawn.allowed[0].tolist() == [True] + [True] * 4 + [False] * 4


def test_nothing_to_learn_is_said(make_teacher, nlp, tmp_path):
    with pytest.raises(CorpusError, match="hold no words"):
        train(make_teacher(), [("a", [Doc(nlp.vocab)])], SCHEDULE, tmp_path / "taught", print)


class FixedTeacher:
    """Gives each word the tag that its text names and a probability."""

    labels = LABELS

    def __init__(self, tags):
        self.tags = tags

    def style_number(self, name):
        return 0

    def log_probabilities(self, docs, style):
        numbers = entity_silver.TagSet(LABELS)._numbers
        found = []
        for doc in docs:
            chances = numpy.full((len(doc), 9), 1e-6, "float32")
            for token in doc:
                name, chance = self.tags.get(token.text, ("O", 0.99))
                chances[token.i, numbers[name]] = chance
            found.append(numpy.log(chances))
        return found


@pytest.mark.parametrize(
    ("tags", "expected", "missing"),
    [
        ({"Ada": ("B-PER", 0.9), "Hall": ("L-PER", 0.9)}, [("Ada Hall", "PER")], []),
        ({"Ada": ("B-PER", 0.9), "Hall": ("L-PER", 0.6)}, [], ["Ada", "Hall"]),
        ({"Ada": ("U-PER", 0.9), "Hall": ("O", 0.6)}, [], ["Ada", "Hall"]),
        ({"Ada": ("U-PER", 0.9), "in": ("O", 0.6)}, [("Ada", "PER")], ["in"]),
        ({"Rome": ("U-LOC", 0.66), "met": ("O", 0.3)}, [("Rome", "LOC")], ["met"]),
    ],
)
def test_where_the_teacher_is_in_doubt_nothing_is_said(nlp, tags, expected, missing):
    docs = unlabelled(nlp, "Ada Hall met them in Rome")
    if "Rome" not in tags:
        tags = {**tags, "Rome": ("O", 0.99)}
    (doc,) = tag(FixedTeacher(tags), docs, None, 0.65)
    assert ents(doc) == expected
    assert [token.text for token in doc if token.ent_iob == 0] == missing


def test_entities_are_valid_and_stay_in_their_sentence(nlp):
    doc = Doc(nlp.vocab, words=["Ada", "Hall"], sent_starts=[True, True])
    tags = {"Ada": ("B-PER", 0.9), "Hall": ("L-PER", 0.9)}
    (tagged,) = tag(FixedTeacher(tags), [doc], None, 0.0)
    assert all(ent.end - ent.start == 1 for ent in tagged.ents)


def test_tags_are_found_on_one_thread(nlp, three_threads, threads_of):
    seen = threads_of(CRF, "decode")
    doc = nlp.make_doc("Ada went to Rome")
    assert list(tag(FixedTeacher({"Rome": ("U-LOC", 0.99)}), [doc], None, 0.5))
    assert seen == [1] and torch.get_num_threads() == 3


def test_unlabelled_texts_get_sentences_of_their_lines(nlp, tmp_path):
    lines = ['{"text": "A HEADLINE\\n\\nOne film. Two films.\\nThree"}', '{"text": "Hi. You."}']
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), "utf-8")
    first, second = read_unlabelled([tmp_path / "texts.jsonl"], [])
    found = [[doc[i].text for i in places] for doc in (first, second) for places in sentences(doc)]
    assert found == [
        ["A", "HEADLINE"], ["One", "film", "."], ["Two", "films", "."], ["Three"],
        ["Hi", "."], ["You", "."],
    ]  # fmt: skip
    (tweet,) = read_unlabelled([tmp_path / "texts.jsonl"], [first], one_sentence=True)
    assert len(list(tweet.sents)) == 1


def test_texts_that_share_words_with_one_held_back_are_left_out(nlp, tmp_path):
    shared = "one two three four five six seven eight"
    texts = [f"{shared} nine", "Short line.", "Something else.", "Something else.", "other"]
    rows = "".join(f'{{"text": "{text}"}}\n' for text in texts)
    (tmp_path / "texts.jsonl").write_text(rows, "utf-8")
    held = Doc(nlp.vocab, words=f"zero {shared} . Short line .".split())
    for token in held:
        token.is_sent_start = token.text in ("zero", "Short")
    left = [doc.text for doc in read_unlabelled([tmp_path / "texts.jsonl"], [held])]
    assert left == ["Something else.", "other"]


def test_reading_stops_after_so_many_words(tmp_path):
    rows = "".join(f'{{"text": "{text}"}}\n' for text in ("one two", "three", "four", "five"))
    (tmp_path / "texts.jsonl").write_text(rows, "utf-8")
    for most, expected in ((3, ["one two", "three"]), (1, ["one two"])):
        found = read_unlabelled([tmp_path / "texts.jsonl"], most_words=most)
        assert [doc.text for doc in found] == expected


def test_words_with_hyphens_may_be_left_whole(tmp_path):
    text = "A Tokyo-based ex-Coca-Cola boss, 6-1/4 pct -- up - or -5 or well- known, 1996-08-22 -"
    (tmp_path / "texts.jsonl").write_text(f'{{"text": "{text}"}}\n{{"text": "-"}}\n', "utf-8")
    whole, alone = read_unlabelled([tmp_path / "texts.jsonl"], whole_hyphens=True)
    found = [token.text for token in whole]
    assert found[:9] == [
        "A",
        "Tokyo-based",
        "ex-Coca-Cola",
        "boss",
        ",",
        "6-1/4",
        "pct",
        "--",
        "up",
    ]
    assert found[9:] == ["-", "or", "-5", "or", "well-", "known", ",", "1996-08-22", "-"]
    assert whole.text == text and alone.text == "-"
    split, _ = read_unlabelled([tmp_path / "texts.jsonl"])
    assert "Tokyo" in [token.text for token in split]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def gold(tmp_path, docs):
    path = tmp_path / "gold.spacy"
    DocBin(attrs=ATTRS, docs=docs, store_user_data=True).to_disk(path)
    return path


def test_the_commands_teach_and_tag(make_bert, tmp_path, gold, nlp):
    start = make_bert(hidden_size=32)
    settings = ["--learn-rate", 3e-3, "--batch-pieces", 200, "--passes", 8, "--dev", gold]
    result = run("teach-tagger", start, gold, gold, *settings, "-o", tmp_path / "teacher")
    assert result.exit_code == 0, result.output
    assert f"{gold}: F1 " in result.output
    (tmp_path / "texts.jsonl").write_text('{"text": "the good table was a film ."}\n', "utf-8")
    output = tmp_path / "new" / "silver.spacy"
    tagging = ["tag", tmp_path / "teacher", tmp_path / "texts.jsonl", "--doubt", 0, "-o", output]
    result = run(*tagging, "--style", "gold")
    assert result.exit_code == 0 and "1 documents" in result.output, result.output
    (doc,) = DocBin().from_disk(output).get_docs(nlp.vocab)
    assert ents(doc) == [("table", "LOC")] and doc[0].is_sent_start
    held = tmp_path / "held"
    held.mkdir()
    DocBin(docs=[nlp.make_doc("the good table was a film .")]).to_disk(held / "dev.spacy")
    result = run(*tagging, "--without", held)
    assert result.exit_code == 0 and "0 documents" in result.output, result.output
    result = run(*tagging, "--style", "silver")
    assert result.exit_code == 1 and "no style 'silver', only gold" in result.output


def test_the_commands_refuse_in_a_line(make_bert, tmp_path, gold, nlp):
    start = make_bert()
    DocBin(docs=[nlp.make_doc("no entity")]).to_disk(tmp_path / "plain.spacy")
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (["teach-tagger", start, tmp_path / "plain.spacy"], "no entity in it"),
        (["teach-tagger", tmp_path / "empty", gold], "has no config.json"),
        (["tag", start, gold], "is no teacher of entities: teach-tagger makes one"),
    ):
        result = run(*arguments, "-o", tmp_path / "out")
        assert result.exit_code == 1 and message in result.output, result.output
        assert isinstance(result.exception, SystemExit)
        assert not (tmp_path / "out").exists()


def test_tagging_a_docbin_keeps_its_words_and_sentences_not_its_entities(gold):
    read = list(read_unlabelled([gold], []))
    assert all(len(list(doc.sents)) == 2 for doc in read)
    words = [[token.text for token in doc] for doc in read]
    tagged = list(tag(FixedTeacher({"film": ("U-PER", 0.9)}), iter(read), None, 0.5))
    assert [[token.text for token in doc] for doc in tagged] == words
    assert {ent for doc in tagged for ent in ents(doc)} == {("film", "PER")}
