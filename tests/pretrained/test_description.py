"""What is told of the weights that ship where a pipeline is packaged and published."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from spacy.cli.assemble import assemble_cli
from spacy.cli.package import package

from spacy_brnn.architectures.pretrained_tagger import DEFAULT as TAGGER
from spacy_brnn.pretrained import card, weights
from spacy_brnn.pretrained.description import describe

CONFIG = Path(__file__).parents[2] / "configs" / "en_brnn_sentiment.cfg"
TEXT = "The food at Luigi's in Boston was great."


@pytest.fixture(scope="module")
def assembled(tmp_path_factory):
    """The folder that `spacy assemble` makes of the config."""
    folder = tmp_path_factory.mktemp("assembled") / "out"
    assemble_cli(SimpleNamespace(args=[]), CONFIG, folder, code_path=None, verbose=False)
    return folder


@pytest.fixture(scope="module")
def packaged(assembled, tmp_path_factory):
    """The folder that `spacy package` makes of that."""
    folder = tmp_path_factory.mktemp("packages")
    settings = {"name": "brnn_sentiment", "version": "1.2.3"}
    package(assembled, folder, create_sdist=False, create_wheel=False, **settings)
    return folder / "en_brnn_sentiment-1.2.3"


def test_the_weights_are_those_that_ship(assembled):
    nlp, expected = spacy.load(assembled), spacy.blank("en")
    expected.add_pipe("brnn_sentiment", name="textcat")
    expected.add_pipe("brnn_ner", name="ner")
    doc, of_shipped = nlp(TEXT), expected(TEXT)
    assert doc._.sentiment == of_shipped._.sentiment
    ents = [(ent.text, ent.label_) for ent in doc.ents]
    assert ents == [(ent.text, ent.label_) for ent in of_shipped.ents] and ents


def test_meta_outlives_saving(assembled):
    facts = [card.load(name) for name in (weights.DEFAULT, TAGGER)]
    meta = spacy.load(assembled).meta
    assert "sentiment and named entities" in meta["description"]
    assert meta["license"] == "MIT"
    sources = {source["name"]: source for source in meta["sources"]}
    for corpus in [corpus for fact in facts for corpus in fact["corpora"]]:
        assert sources[corpus["name"]]["license"] == corpus["licence"]
    assert meta["performance"]
    for name, value in meta["performance"].items():
        [score] = [fact["scores"][name] for fact in facts if name in fact["scores"]]
        percent = score.endswith(" %")
        assert value == pytest.approx(float(score.removesuffix(" %")) / (100 if percent else 1))
    scores = {name: score for fact in facts for name, score in fact["scores"].items()}
    assert all(f"- {name}: {score}" in meta["notes"] for name, score in scores.items())


def test_the_model_card(packaged):
    [readme] = {path.read_text(encoding="utf-8") for path in packaged.rglob("README.md")}
    meta = json.loads((packaged / "meta.json").read_text(encoding="utf-8"))
    assert readme.startswith(meta["description"])
    assert "| **Name** | `en_brnn_sentiment` |" in readme
    assert "| **License** | `MIT` |" in readme
    for source in meta["sources"]:
        assert source["name"] in readme
        assert source["license" if "license" in source else "name"] in readme
    for name, value in meta["performance"].items():
        assert f"| `{name.upper()}` | {value * 100:.2f} |" in readme
    assert "`POSITIVE`, `NEGATIVE`" in readme


def test_the_package_needs_this_one_and_names_what_the_hub_knows(packaged):
    meta = json.loads((packaged / "meta.json").read_text(encoding="utf-8"))
    assert any(need.startswith("spacy-brnn") for need in meta["requirements"])
    # By these names the command that pushes it tells the tasks.
    assert meta["components"] == ["textcat", "ner"]
    [saved] = packaged.glob("en_brnn_sentiment/en_brnn_sentiment-1.2.3")
    assert spacy.load(saved)(TEXT)._.sentiment.label == "POSITIVE"


def test_each_source_can_be_read_by_itself(assembled):
    """The Hub shows them in a row, without the card around them."""
    for source in spacy.load(assembled).meta["sources"]:
        for text in source.values():
            assert len(text) < 130
            assert not {"above", "below"} & set(text.split())


def test_what_meta_has_stays():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    own = {"name": "tickets", "license": "none stated"}
    nlp.meta.update(description="Mine", license="Apache-2.0", sources=[own], notes="By me.")
    nlp.meta["performance"] = {"cats_macro_f": 0.5}
    describe(nlp)
    assert (nlp.meta["description"], nlp.meta["license"]) == ("Mine", "Apache-2.0")
    assert nlp.meta["sources"][0] == own and len(nlp.meta["sources"]) > 1
    assert nlp.meta["notes"].startswith("By me.")
    assert nlp.meta["performance"]["cats_macro_f"] == 0.5
    once = copy.deepcopy(nlp.meta)
    assert describe(nlp).meta == once


def test_of_the_encoder_alone_there_are_sources_and_no_scores():
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.Tagger.v2"}
    model["tok2vec"] = {"@architectures": "spacy-brnn.PretrainedTok2Vec.v1"}
    nlp.add_pipe("tagger", config={"model": model})
    meta = describe(nlp).meta
    assert "performance" not in meta
    assert len(meta["sources"]) >= len(card.load(weights.DEFAULT)["corpora"])


def test_without_weights_that_ship():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match="none of the components sentencizer has weights"):
        describe(nlp)
