"""The weights of a model, to a folder and back."""

import pytest
import spacy
import srsly
from spacy.training import Example
from thinc.api import Config, fix_random_seed

from spacy_brnn.pretrained import weights

EMBED = {"@architectures": "spacy-brnn.WordEmbed.v1", "width": 8, "rows": 50}
TOK2VEC = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": EMBED,
    "encode": {"@architectures": "spacy-brnn.BRNNEncoder.v1", "width": 8, "input_width": 8},
}
MODELS = {
    "brnn_sentiment": {"@architectures": "spacy-brnn.TextCatBRNN.v1", "tok2vec": TOK2VEC},
    "brnn_ner": {"@architectures": "spacy-brnn.BRNNTagger.v1", "tok2vec": TOK2VEC},
}
GOLD = {
    "brnn_sentiment": {"cats": {"POSITIVE": 1.0, "NEGATIVE": 0.0}},
    "brnn_ner": {"entities": [(0, 4, "PER")]},
}
TEXT = "Anna sings in Vienna"


def trained(component):
    """A pipeline of one update, and what its model makes of the text."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe(component, config={"model": MODELS[component]})
    examples = [Example.from_dict(nlp.make_doc(TEXT), GOLD[component])]
    sgd = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=sgd)
    return nlp


def fresh(component):
    """A model of the same architecture that knows nothing."""
    nlp = spacy.blank("en")
    return nlp.add_pipe(component, config={"model": MODELS[component]}).model


def scores(model):
    return model.predict([spacy.blank("en").make_doc(TEXT)])[0].tolist()


@pytest.mark.parametrize("component", MODELS)
def test_weights_come_back(component, tmp_path, monkeypatch):
    trained_model = trained(component).get_pipe(component).model
    weights.save(trained_model, tmp_path)
    monkeypatch.setattr(weights, "folder", lambda name: tmp_path)
    model = fresh(component)
    weights.load(model, "mine")
    flat = [x for row in scores(model) for x in (row if isinstance(row, list) else [row])]
    known = scores(trained_model)
    expected = [x for row in known for x in (row if isinstance(row, list) else [row])]
    assert flat == pytest.approx(expected, abs=1e-3)
    assert model.to_bytes() != trained_model.to_bytes()


def test_an_unknown_name_lists_those_that_ship():
    with pytest.raises(ValueError, match=r"no weights named 'x' ship; there are: .*sentiment_en"):
        weights.folder("x")


class TestShipping:
    @pytest.fixture
    def ship(self, tmp_path, monkeypatch, capsys):
        """Run the command into a folder of this test; gives the error, or what lies there."""
        import click

        from spacy_brnn.pretrained import __main__ as command

        monkeypatch.setattr(command, "__file__", str(tmp_path / "__main__.py"))
        srsly.write_json(tmp_path / "facts.json", {"corpus": "ours"})

        def ship(nlp, *options):
            nlp.to_disk(tmp_path / "pipeline")
            paths = [str(tmp_path / "pipeline"), "mine", str(tmp_path / "facts.json")]
            try:
                command.main([*paths, *options], standalone_mode=False)
            except click.ClickException as error:
                assert not (tmp_path / "mine").exists()
                return error.message
            return tmp_path / "mine"

        return ship

    @pytest.mark.parametrize("component", MODELS)
    def test_a_component_is_shipped(self, component, ship):
        nlp = trained(component)
        folder = ship(nlp, "--component", component, "--dtype", "E=int8")
        assert sorted(path.name for path in folder.iterdir()) == [
            "card.json",
            "config.cfg",
            "weights.safetensors",
        ]
        assert srsly.read_json(folder / "card.json") == {
            "corpus": "ours",
            "labels": list(nlp.get_pipe(component).labels),
        }
        config = Config().from_disk(folder / "config.cfg")
        assert config["model"]["@architectures"] == MODELS[component]["@architectures"]

    def test_another_component_is_refused(self, ship):
        message = ship(trained("brnn_ner"))
        assert message.startswith("the pipeline has no 'brnn_sentiment', only brnn_ner")

    def test_an_unknown_precision_is_refused(self, ship):
        message = ship(trained("brnn_sentiment"), "--dtype", "E=int4")
        assert message == "a dtype must be one of float32, float16, bfloat16, int8, not 'int4'"

    def test_a_listener_is_refused(self, ship):
        nlp = spacy.blank("en")
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
        listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 8, "upstream": "*"}
        model = {**MODELS["brnn_sentiment"], "tok2vec": listener}
        nlp.add_pipe("brnn_sentiment", config={"model": model})
        gold = GOLD["brnn_sentiment"]
        nlp.initialize(lambda: [Example.from_dict(nlp.make_doc(TEXT), gold)])
        assert "listens to another component's tok2vec" in ship(nlp)
