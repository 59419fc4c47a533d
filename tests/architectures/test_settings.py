"""What a config may say of an architecture, and by which name it is refused."""

import pytest
import spacy
import thinc.api
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from .configs import BRNN_ENCODER, WIDTH, WORD_EMBED

CHAR_EMBED = {"@architectures": "spacy-brnn.CharEmbed.v1", "width": WIDTH}
TOK2VEC = {"@architectures": "spacy.Tok2Vec.v2", "embed": WORD_EMBED, "encode": BRNN_ENCODER}
TEXTCAT = {"@architectures": "spacy-brnn.TextCatBRNN.v1", "tok2vec": TOK2VEC}
TAGGER = {"@architectures": "spacy-brnn.BRNNTagger.v1", "tok2vec": TOK2VEC}


@pytest.mark.parametrize("rate", [1.0, 1.5, -0.5, float("nan")])
@pytest.mark.parametrize(
    "config, name",
    [
        (BRNN_ENCODER, "dropout"),
        (BRNN_ENCODER, "input_dropout"),
        ({**BRNN_ENCODER, "depth": 3}, "dropout"),
        (CHAR_EMBED, "dropout"),
        ({**CHAR_EMBED, "network": "brnn"}, "dropout"),
        (WORD_EMBED, "word_dropout"),
        (TEXTCAT, "dropout"),
        (TAGGER, "dropout"),
    ],
)
def test_rates_of_dropout(config, name, rate, resolve):
    with pytest.raises(ValueError, match=f"^{name} must be at least 0 and less than 1, not {rate}"):
        resolve({**config, name: rate})
    resolve({**config, name: 0.0})
    resolve({**config, name: 0.99})


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"width": 0},
            "width, input_width, depth and lower_width must be at least 1, not 0, 0, 1 and 0",
        ),
        ({"width": -2, "input_width": 8}, "not -2, 8, 1 and -2"),
        ({"input_width": 0}, f"not {WIDTH}, 0, 1 and {WIDTH}"),
        ({"depth": 0}, f"not {WIDTH}, {WIDTH}, 0 and {WIDTH}"),
        ({"width": 7}, "the widths of spacy-brnn.BRNNEncoder.v1 must be even"),
        ({"cell": "elman"}, "cell must be one of"),
    ],
)
def test_an_encoder_is_refused_by_the_names_of_its_config(settings, message, resolve):
    with pytest.raises(ValueError, match=message):
        resolve({**BRNN_ENCODER, **settings})


@pytest.mark.parametrize(
    "component, model, gold",
    [
        ("brnn_sentiment", TEXTCAT, {"cats": {"POSITIVE": 1.0, "NEGATIVE": 0.0}}),
        ("brnn_ner", TAGGER, {"entities": [(0, 4, "PER")]}),
        (
            "brnn_sentiment",
            {**TEXTCAT, "tok2vec": {**TOK2VEC, "embed": CHAR_EMBED}},
            {"cats": {"POSITIVE": 1.0, "NEGATIVE": 0.0}},
        ),
    ],
    ids=["words", "tagger", "characters"],
)
def test_thinc_may_validate_the_data(component, model, gold):
    encode = {**BRNN_ENCODER, "input_width": WIDTH}
    model = {**model, "tok2vec": {**model["tok2vec"], "encode": encode}}
    nlp = spacy.blank("en")
    nlp.add_pipe(component, config={"model": model})
    examples = [Example.from_dict(nlp.make_doc("Anna sings in Vienna"), gold)]
    with thinc.api.data_validation(True):
        nlp.initialize(lambda: examples)
        nlp.update(examples)
        assert len(nlp("Anna sings in Vienna")) == 4


@pytest.mark.parametrize("network", ["cnn", "brnn"])
def test_documents_of_several_vocabularies(network, resolve):
    """A word of one of them is unknown to the other."""
    model = resolve({**CHAR_EMBED, "network": network})
    words = [["a", "fine", "film"], [], ["a", "rather", "different", "film"], ["so", "fine"]]
    apart = [Doc(Vocab(), words=text) for text in words]
    vocab = Vocab()
    shared = [Doc(vocab, words=text) for text in words]
    for found, expected in zip(model.predict(apart), model.predict(shared), strict=True):
        assert found.tolist() == expected.tolist()
