"""The tiny models and texts that these tests share."""

import numpy
from spacy.util import registry
from thinc.api import LayerNorm, chain, with_array

WIDTH = 8
HASH_EMBED = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": WIDTH,
    "rows": [100, 100],
    "attrs": ["NORM", "SUFFIX"],
    "include_static_vectors": False,
}
WORD_EMBED = {"@architectures": "spacy-brnn.WordEmbed.v1", "width": WIDTH, "rows": 20}
BRNN_ENCODER = {"@architectures": "spacy-brnn.BRNNEncoder.v1", "width": WIDTH}
TEXTS = [
    ("a wonderful film , warm and funny", "POSITIVE"),
    ("dull , slow and far too long", "NEGATIVE"),
    ("i loved every minute of it", "POSITIVE"),
    ("a dreadful waste of time", "NEGATIVE"),
]


MORE = ("norm between", "norm after", "norm within", "two encoders")


def tok2vec_with_more(more):
    """A tok2vec with the two references that spacy.Tok2Vec.v2 has, and with a layer more."""
    embed, encode, other = (
        registry.resolve({"layer": config})["layer"]
        for config in (WORD_EMBED, BRNN_ENCODER, BRNN_ENCODER)
    )
    norm = with_array(LayerNorm(nI=WIDTH))
    layers = {
        "norm between": [embed, norm, encode],
        "norm after": [embed, encode, norm],
        "norm within": [embed, chain(encode, norm)],
        "two encoders": [embed, encode, other],
    }
    tok2vec = chain(*layers[more])
    tok2vec.set_ref("embed", embed)
    tok2vec.set_ref("encode", encode)
    tok2vec.set_dim("nO", WIDTH, force=True)
    return tok2vec


def spread_norms(model):
    """Let the norms of an initialized model do what would be missed."""
    for node in model.walk():
        if node.has_param("G"):
            node.set_param("G", numpy.linspace(-3, 3, WIDTH, dtype="float32"))
