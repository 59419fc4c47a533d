import json

import pytest
import spacy
import torch
from click.testing import CliRunner
from spacy.tokens import Doc
from spacy.training import Example

from spacy_brnn.architectures.cut_model import cut_model
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.targeted_texts import read_targeted_sets
from spacy_brnn.nn.target_head import TargetHead
from spacy_brnn.targets.__main__ import main
from spacy_brnn.targets.features import Window, to_batch
from spacy_brnn.targets.fields import target_fields
from spacy_brnn.targets.head_file import save_head
from spacy_brnn.targets.training import Target, calibrate_head
from spacy_brnn.targets.value import TargetSentiment

from .conftest import write_set

TEXT = "the food was great but the service was awful"


@pytest.fixture
def folder(nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    return str(tmp_path / "pipeline")


@pytest.fixture
def with_head(nlp, folder, tmp_path):
    """Make a pipeline with a head drawn at random; keywords are settings of the component."""

    def load(**settings):
        cut = cut_model(nlp.get_pipe("brnn_sentiment").model)
        torch.manual_seed(0)
        sizes = {"input_width": 16, "score_width": 2, "hidden_width": 4}
        save_head(TargetHead(**sizes), sizes, cut, tmp_path / "head.msgpack")
        settings = {"target_head": str(tmp_path / "head.msgpack"), **settings}
        return spacy.load(folder, config={"components": {"brnn_sentiment": settings}})

    return load


def test_training_learns_to_tell_targets_apart(sets, folder, tmp_path):
    head = tmp_path / "heads" / "head.msgpack"
    arguments = ["train", str(sets), str(head), "--model", folder, "--epochs", "40"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert not head.with_name("head.msgpack.checkpoint").exists()
    config = {"components": {"brnn_sentiment": {"target_head": str(head)}}}
    doc = (nlp := spacy.load(folder, config=config))(TEXT)
    assert nlp.meta
    assert doc[1:2]._.sentiment_toward.label == "POSITIVE"
    assert doc[6:7]._.sentiment_toward.label == "NEGATIVE"
    again = CliRunner().invoke(main, ["evaluate", str(sets), str(head), "--model", folder])
    assert again.exit_code == 0 and again.output.strip() == result.output.splitlines()[-1].strip()
    assert "menu" in again.output and "macro F1" in again.output


def test_training_goes_on_after_the_last_epoch(sets, folder, train_twice):
    output, are_equal = train_twice(str(sets), "--model", folder, "--epochs", "3")
    assert "epoch 1/3" not in output and "epoch 3/3" in output
    assert are_equal


def test_another_training_s_checkpoint_is_refused_and_left(sets, folder, tmp_path, stop_training):
    arguments = [str(sets), str(tmp_path / "head"), "--model", folder, "--epochs", "3"]
    stop_training(*arguments)
    checkpoint = tmp_path / "head.checkpoint"
    before = checkpoint.read_bytes()

    def refused(*more):
        result = CliRunner().invoke(main, ["train", *arguments, *more])
        assert result.exit_code == 1 and checkpoint.read_bytes() == before
        assert f"{checkpoint} is of another training: " in result.output
        return result.output

    assert "seed was 0, is 1; it began with other weights: give the same settings" in refused(
        "--seed", "1"
    )
    write_set(sets, repeat=21)
    assert "the texts are others" in refused()
    checkpoint.unlink()
    assert CliRunner().invoke(main, ["train", *arguments]).exit_code == 0


def test_calibration_divides_logits_and_keeps_labels():
    torch.manual_seed(0)
    head = TargetHead(4, 2, projected_width=8, hidden_width=4).eval()
    head.divide_logits(0.05)  # Very sure of itself, and of labels drawn at random often wrong.
    rows = [Window(array, array[0, :2], 1, 2) for array in torch.randn(60, 3, 4).numpy()]
    targets = [
        Target(row, tuple(float(place == number % 3) for place in range(3)), True)
        for number, row in enumerate(rows)
    ]
    with torch.no_grad():
        before = head(*to_batch(rows))
        temperature = calibrate_head(head, targets)
        after = head(*to_batch(rows))
    assert temperature > 2.0
    assert torch.allclose(after, before / temperature, atol=1e-4)
    assert calibrate_head(head, []) == 1.0


def test_a_rate_of_dropout_is_checked():
    head = TargetHead(4, 2, projected_width=8, hidden_width=4)
    with pytest.raises(ValueError, match="dropout must be at least 0 and less than 1"):
        head.set_dropout(1.0)


def test_a_value_has_three_probabilities(with_head):
    nlp = with_head()
    value = nlp(TEXT)[1:2]._.sentiment_toward
    assert sum(value.probabilities) == pytest.approx(1.0, abs=1e-5)
    positive, negative, _ = value.probabilities
    assert value.polarity == pytest.approx(positive - negative)
    assert value.score == max(value.probabilities) and str(value).startswith(value.label)


def test_targets_of_one_text_differ_and_do_not_depend_on_each_other(with_head):
    nlp = with_head()
    doc, other = nlp(TEXT), nlp("so  long " + "film " * 100)
    component = nlp.get_pipe("brnn_sentiment")
    spans = [doc[1:2], other[3:5], doc[6:7]]
    together = component.score_targets(spans)
    for span, value in zip(spans, together, strict=True):
        assert span._.sentiment_toward.probabilities == pytest.approx(value.probabilities, abs=1e-5)
    assert together[0] != together[2]
    assert component.score_targets([]) == []


def test_white_space_changes_nothing(with_head):
    nlp = with_head()
    plain, spaced = nlp(TEXT), nlp("\n " + TEXT.replace(" ", "  "))
    (food,) = [token.i for token in spaced if token.text == "food"]
    assert spaced[food : food + 1]._.sentiment_toward.probabilities == pytest.approx(
        plain[1:2]._.sentiment_toward.probabilities, abs=1e-5
    )


@pytest.mark.parametrize("content", [b"# A page", b"\x93\x01\x02\x03", b"", b"\x80"])
def test_a_file_that_is_no_head_is_told(content, tmp_path):
    path = tmp_path / "head"
    path.write_bytes(content)
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"target_head": str(path)})
    with pytest.raises(ValueError, match="head is no head for the sentiment toward a span"):
        assert nlp(TEXT)[1:2]._.sentiment_toward


def test_the_setting_keeps_values_with_the_document(with_head):
    nlp = with_head(targets="food")
    doc = nlp.make_doc(TEXT)
    doc.spans["food"] = [doc[1:2]]
    doc = nlp(doc)
    stray = Doc(spacy.blank("en").vocab).from_bytes(doc.to_bytes())
    assert stray[1:2]._.sentiment_toward == doc[1:2]._.sentiment_toward
    with pytest.raises(ValueError, match="needs the pipeline"):
        assert stray[6:7]._.sentiment_toward
    assert nlp("")._.sentiment.polarity == 0.0  # A document without such spans.


def toward(doc):
    return {entity.text: entity._.sentiment_toward for entity in doc.ents}


def test_values_stay_with_their_characters(with_head):
    nlp = with_head(targets="ents")
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "X", "pattern": word} for word in ("the food", "service")])
    apart = toward(nlp(TEXT))
    nlp.add_pipe("merge_entities")
    doc = nlp(TEXT)
    assert [entity.start for entity in doc.ents] == [0, 5] and toward(doc) == apart
    assert toward(doc[4:].as_doc(copy_user_data=True)) == {"service": apart["service"]}
    assert toward(Doc.from_docs([nlp("so long"), doc])) == apart
    component = nlp.get_pipe("brnn_sentiment")
    component.targets = None
    component(doc)
    assert not doc.user_data


@pytest.mark.parametrize(("text", "word"), [("fine \u200b food", "\u200b"), ("a <br> b", "<br>")])
def test_what_has_no_words_is_left_out(text, word, with_head):
    nlp = with_head(targets="all")
    doc = nlp.make_doc(text)
    doc.spans["all"] = [doc[:], doc[1:1], doc[1 : 1 + len(nlp.make_doc(word))]]
    whole, empty, wordless = nlp(doc).spans["all"]
    assert wordless.text == word and whole._.sentiment_toward
    for span in (empty, wordless):
        with pytest.raises(ValueError, match="there is no word in the span"):
            assert span._.sentiment_toward


def test_entities_are_targets(with_head):
    nlp = with_head(targets="ents")
    ruler = nlp.add_pipe("entity_ruler", before="brnn_sentiment")
    ruler.add_patterns([{"label": "X", "pattern": "service"}])
    doc = nlp(TEXT)
    (toward,) = target_fields(doc)["sentiment_toward"]
    assert TEXT[toward["start"] : toward["end"]] == toward["text"] == "service"
    assert toward["label"] == doc.ents[0]._.sentiment_toward.label
    assert json.loads(json.dumps(toward)) == toward


def test_fields_of_offsets(with_head):
    nlp = with_head()
    doc = nlp(TEXT)
    values = target_fields(doc, [(4, 8), (27, 34)])["sentiment_toward"]
    assert [value["text"] for value in values] == ["food", "service"]
    for offsets in ((4, 4), (8, 4), (-1, 3), (40, 99)):
        with pytest.raises(ValueError, match=f"from character {offsets[0]} to {offsets[1]}"):
            target_fields(doc, [offsets])


def test_what_is_no_target(with_head):
    nlp = with_head()
    doc = nlp("a  b")
    with pytest.raises(ValueError, match="there is no word in the span"):
        assert doc[1:2]._.sentiment_toward


def test_the_component_may_have_another_name(sets, folder, tmp_path):
    nlp = spacy.load(folder)
    nlp.rename_pipe("brnn_sentiment", "mood")
    nlp.to_disk(tmp_path / "renamed")
    arguments = [str(sets), str(tmp_path / "head"), "--model", str(tmp_path / "renamed")]
    for command in (["train", "--epochs", "1"], ["evaluate"]):
        result = CliRunner().invoke(main, [*command, *arguments])
        assert result.exit_code == 0, result.output
    spacy.blank("en").to_disk(tmp_path / "renamed")
    result = CliRunner().invoke(main, ["evaluate", *arguments])
    assert result.exit_code == 1
    assert "has no brnn_sentiment (it has: nothing)" in result.output


def test_a_head_goes_with_its_encoder(with_head, tmp_path):
    nlp = with_head()
    layer = nlp.get_pipe("brnn_sentiment").model.get_ref("tok2vec").get_ref("embed")
    layer.set_param("E", layer.get_param("E") + 1.0)
    with pytest.raises(ValueError, match=r"trained on another encoder.*spacy_brnn\.targets train"):
        assert nlp(TEXT)[1:2]._.sentiment_toward
    nlp = with_head(target_head=str(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"there is no head .*none: train .*\.targets train"):
        assert nlp(TEXT)[1:2]._.sentiment_toward


def test_values_compare():
    value = TargetSentiment.from_probabilities([0.2, 0.7, 0.1])
    assert value == TargetSentiment("NEGATIVE", 0.7, 0.2 - 0.7, (0.2, 0.7, 0.1))


def test_sets_are_cut_into_train_and_dev(sets):
    (one,) = read_targeted_sets(sets)
    assert one.name == "menu" and one.has_neutral and one.train and one.dev
    write_set(sets, "menu.dev")
    (one,) = read_targeted_sets(sets)
    assert len(one.train) == 120 and len(one.dev) == 6


def test_bad_sets_are_named(tmp_path):
    with pytest.raises(CorpusError, match="holds no sets"):
        read_targeted_sets(tmp_path)
    path = write_set(tmp_path, rows=[("fine food", "food", "GOOD")])
    with pytest.raises(CorpusError, match=rf"{path.name}, line 1: no object with text"):
        read_targeted_sets(tmp_path)
    result = CliRunner().invoke(main, ["train", str(tmp_path), str(tmp_path / "head")])
    assert result.exit_code == 1 and "line 1" in result.output


def test_heads_take_one_thread(sets, folder, tmp_path, with_head, three_threads, threads_of):
    seen = threads_of(TargetHead, "forward")
    arguments = [str(sets), str(tmp_path / "head"), "--model", folder]
    for command in (["train", "--epochs", "1"], ["evaluate"]):
        result = CliRunner().invoke(main, [*command, *arguments])
        assert result.exit_code == 0, result.output
    nlp = with_head()
    assert nlp(TEXT)[1:2]._.sentiment_toward.label
    assert set(seen) == {1} and torch.get_num_threads() == 3
    threads_of(TargetHead, "forward", KeyError())
    with pytest.raises(KeyError):
        CliRunner().invoke(main, ["train", *arguments], catch_exceptions=False)
    with pytest.raises(KeyError):
        assert nlp(TEXT)[6:7]._.sentiment_toward
    assert torch.get_num_threads() == 3


def test_a_head_that_fits_no_longer_is_told(with_head):
    nlp = with_head()
    doc = nlp(TEXT)
    assert doc[1:2]._.sentiment_toward
    example = Example.from_dict(nlp.make_doc(TEXT), {"cats": {"POSITIVE": 0.0, "NEGATIVE": 1.0}})
    nlp.update([example], sgd=nlp.resume_training())
    with pytest.raises(ValueError, match="another encoder"):
        nlp(TEXT)[1:2]._.sentiment_toward  # noqa: B018


@pytest.mark.parametrize("way", ["bytes", "disk", "initialize"])
def test_so_is_one_for_weights_that_were_loaded_or_drawn_anew(with_head, tmp_path, way):
    nlp, trained = with_head(), with_head()
    assert nlp(TEXT)[1:2]._.sentiment_toward
    example = Example.from_dict(nlp.make_doc(TEXT), {"cats": {"POSITIVE": 0.0, "NEGATIVE": 1.0}})
    trained.update([example], sgd=trained.resume_training())
    component, other = (each.get_pipe("brnn_sentiment") for each in (nlp, trained))
    if way == "bytes":
        component.from_bytes(other.to_bytes())
    elif way == "disk":
        other.to_disk(tmp_path / "other")
        component.from_disk(tmp_path / "other")
    else:
        nlp.initialize(lambda: [example])
    with pytest.raises(ValueError, match="another encoder"):
        nlp(TEXT)[1:2]._.sentiment_toward  # noqa: B018
