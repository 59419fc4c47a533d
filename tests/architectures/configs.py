"""The tiny models and texts that these tests share."""

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
