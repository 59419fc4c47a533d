"""The tiny model and texts that these tests share."""

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


def cats(label, labels=("POSITIVE", "NEGATIVE")):
    """Gold categories where one label is true."""
    return {name: float(name == label) for name in labels}
