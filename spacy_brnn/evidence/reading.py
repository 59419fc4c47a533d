"""Which tokens of a text the model reads, and where they stand."""

from __future__ import annotations

from spacy.tokens import Doc, Span


def read_tokens(text: Doc | Span) -> tuple[Doc, list[tuple[int, int]]]:
    """The document that the model reads, without tokens of white space, and its tokens' offsets.

    RETURNS: the document read, and each of its tokens' first character and the one after its
        last, in the text of the document given or of the span's document.
    """
    kept = [token for token in text if not token.is_space]
    offsets = [(token.idx, token.idx + len(token)) for token in kept]
    doc = text if isinstance(text, Doc) else text.as_doc()
    if len(kept) == len(doc):
        return doc, offsets
    words, spaces = [token.text for token in kept], [bool(token.whitespace_) for token in kept]
    return Doc(doc.vocab, words=words, spaces=spaces), offsets
