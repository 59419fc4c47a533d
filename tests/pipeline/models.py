"""The tiny model and texts that these tests share."""

import gc

from spacy.vocab import Vocab

MODEL = {
    "@architectures": "spacy-brnn.TextCatBRNN.v1",
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {"@architectures": "spacy-brnn.WordEmbed.v1", "width": 8, "rows": 50},
        "encode": {"@architectures": "spacy-brnn.BRNNEncoder.v1", "width": 8},
    },
}
TEXTS = [
    ("A wonderful film, warm and funny.", "POSITIVE"),
    ("Dull, slow and far too long.", "NEGATIVE"),
    ("I loved every minute of it.", "POSITIVE"),
    ("A dreadful waste of time: I don't forgive it.", "NEGATIVE"),
]
# Unequal lengths, an empty text, one token, words never seen.
MIXED = [text for text, _ in TEXTS] + ["", "Fine", "Zyxwv qwe!", "It can't be wonderful. " * 60]
# Of a saved component: the file, what it holds in place of its content (None: it is gone), and what
# loading says of it.
DAMAGES = [
    ("model", None, "has no file 'model'"),
    ("cfg", None, "has no file 'cfg'"),
    ("model", b"\x82\xa3", "model cannot be read"),
    ("model", b"\x80", "of another model"),
    ("cfg", b"{", "cfg cannot be read"),
]


def cats(label, labels=("POSITIVE", "NEGATIVE")):
    """Gold categories where one label is true."""
    return {name: float(name == label) for name in labels}


def living_vocabularies():
    """How many there are, those included that nothing has collected yet."""
    # Not by isinstance, which asks a weak proxy's object, if that is still there.
    return sum(type(thing) is Vocab for thing in gc.get_objects())
