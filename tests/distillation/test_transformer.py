import numpy
import pytest

pytest.importorskip("transformers", reason="the extra `teacher` is not installed")

import torch

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.distillation.transformer import TransformerTeacher, batches_of_like_length

TEXTS = ["good film", "bad", "the film was good .", "a table", "the tables was bad . bad film"]


@pytest.fixture
def start(make_bert):
    return make_bert()


def teacher(folder, *args):
    torch.manual_seed(0)
    return TransformerTeacher(folder, *args)


def test_a_text_is_its_word_pieces(start):
    made = teacher(start)
    names = made.tokenizer.convert_ids_to_tokens(made.pieces(["The tables."])[0])
    assert names == ["[CLS]", "the", "table", "##s", ".", "[SEP]"]


@pytest.mark.parametrize("most", [2, 3, 7, 20, 100, 200])
def test_of_a_long_text_the_beginning_and_the_end_are_read(start, most):
    text = " ".join(["good"] * 80 + ["film"] * 80 + ["bad"] * 80)
    (whole,) = teacher(start, 1000).pieces([text])
    (cut,) = teacher(start, most).pieces([text])
    head = min(64, most // 2)
    assert len(cut) == most
    assert cut[:head] == whole[:head] and cut[head:] == whole[len(whole) - (most - head) :]


def test_a_text_of_just_the_size_is_whole(start):
    (whole,) = teacher(start, 1000).pieces(["good film was bad"])
    assert teacher(start, len(whole)).pieces(["good film was bad"]) == [whole]


def test_scores_are_in_the_order_of_the_texts_however_they_are_batched(start):
    made = teacher(start)
    alone = numpy.concatenate([made.score([text]) for text in TEXTS])
    assert alone.dtype == "float32" and alone.shape == (5, 3)
    assert len(numpy.unique(alone.round(4), axis=0)) == 5
    for batch_pieces in (1, 12, 4096):
        numpy.testing.assert_allclose(made.score(TEXTS, batch_pieces), alone, atol=1e-5)


def test_no_texts_have_no_scores(start):
    assert teacher(start).score([]).shape == (0, 3)


def test_a_saved_teacher_scores_the_same(start, tmp_path):
    made = teacher(start)
    made.save(tmp_path / "saved")
    torch.manual_seed(1)  # A new head would be another.
    again = TransformerTeacher(tmp_path / "saved")
    numpy.testing.assert_array_equal(again.score(TEXTS), made.score(TEXTS))
    torch.manual_seed(1)
    assert not numpy.allclose(TransformerTeacher(start).score(TEXTS), made.score(TEXTS))


def test_a_classifier_s_logits_come_in_our_order(make_bert, tmp_path):
    from transformers import AutoModelForSequenceClassification

    folder = make_bert(labels=["negative", "neutral", "positive"])
    made = TransformerTeacher(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = made.tokenizer("good film", return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits[0].numpy()
    numpy.testing.assert_allclose(made.score(["good film"])[0], logits[[2, 0, 1]], atol=1e-5)
    made.save(tmp_path / "saved")
    again = TransformerTeacher(tmp_path / "saved")
    numpy.testing.assert_array_equal(again.score(TEXTS), made.score(TEXTS))


@pytest.mark.parametrize("labels", [["NEGATIVE", "POSITIVE"], ["1 star", "2 stars", "3 stars"]])
def test_a_classifier_with_other_labels_is_refused(make_bert, labels):
    with pytest.raises(ValueError) as caught:
        TransformerTeacher(make_bert(labels=labels))
    assert str(caught.value).startswith(
        "the classifier's labels must be POSITIVE, NEGATIVE, NEUTRAL, not "
        + ", ".join(labels).upper()
    )
    assert "rename them in its config.json (id2label)" in str(caught.value)


@pytest.mark.parametrize("labels", [None, ["POSITIVE", "NEGATIVE", "NEUTRAL"]])
@pytest.mark.parametrize("layers", [0, 1, 2])
def test_frozen_are_the_embeddings_and_the_lower_layers(make_bert, labels, layers):
    made = TransformerTeacher(make_bert(labels=labels))
    made.freeze(layers)
    frozen = {name for name, p in made.named_parameters() if not p.requires_grad}
    lower = tuple(f"encoder.layer.{i}." for i in range(layers))
    for name, _ in made.named_parameters():
        expected = "embeddings." in name or any(part in name for part in lower)
        assert (name in frozen) == expected, name


@pytest.mark.parametrize("size", [1, 6, 20, 1000])
def test_batches_are_of_like_length_and_no_larger(size):
    lengths = numpy.random.default_rng(0).integers(1, 9, 40).tolist()
    batches = list(batches_of_like_length(lengths, size))
    assert sorted(place for batch in batches for place in batch) == list(range(40))
    read = [[lengths[place] for place in batch] for batch in batches]
    assert [length for batch in read for length in batch] == sorted(lengths)
    assert all(len(batch) == 1 or max(batch) * len(batch) <= size for batch in read)
    assert list(batches_of_like_length([], size)) == []


def test_more_pieces_than_the_model_has_places_for_are_refused(make_bert):
    start = make_bert(max_position_embeddings=32)
    assert teacher(start, 32).score(["good " * 50]).shape == (1, 3)
    with pytest.raises(ValueError, match="reads 32 word pieces at most, not 33: give --max-pieces"):
        teacher(start, 33)


def test_layers_of_distilbert_freeze_too(start):
    from transformers import DistilBertConfig, DistilBertModel

    DistilBertModel(
        DistilBertConfig(vocab_size=14, dim=8, n_layers=2, n_heads=2, hidden_dim=16)
    ).save_pretrained(start)
    made = teacher(start)
    made.freeze(1)
    moving = {name for name, p in made.named_parameters() if p.requires_grad}
    assert any("layer.1." in name for name in moving)
    assert not any("embeddings." in name or "layer.0." in name for name in moving)


def test_a_model_whose_layers_are_not_known_cannot_be_frozen(start):
    made = teacher(start)
    made.encoder.encoder = torch.nn.Identity()
    with pytest.raises(CorpusError, match="BertModel: its layers are not where BERT's are"):
        made.freeze(0)
