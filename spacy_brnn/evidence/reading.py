"""Which tokens of a document the model reads."""

from __future__ import annotations

from spacy.tokens import Doc


def read_tokens(doc: Doc) -> tuple[Doc, list[int]]:
    """The document that the model reads, without tokens of white space, and its tokens' places.

    RETURNS: the document read, and for each of its tokens the place in the document given.
    """
    places = [token.i for token in doc if not token.is_space]
    if len(places) == len(doc):
        return doc, places
    words = [doc[i].text for i in places]
    spaces = [bool(doc[i].whitespace_) for i in places]
    return Doc(doc.vocab, words=words, spaces=spaces), places
