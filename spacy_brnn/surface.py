"""What a person reads of a text: without its markup and its invisible characters."""

from __future__ import annotations

import re
from html import unescape

# Elements that a browser starts on a line of its own: in their place stands a line break.
_BLOCKS = (
    "address|article|aside|blockquote|body|br|caption|dd|details|dialog|div|dl|dt|fieldset|"
    "figcaption|figure|footer|form|h1|h2|h3|h4|h5|h6|head|header|hr|html|li|main|nav|ol|"
    "option|p|pre|section|select|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
# Elements within a line, and those that show nothing themselves: nothing stands in their place.
_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|button|center|cite|code|data|del|dfn|em|font|i|img|input|"
    "ins|kbd|label|link|mark|meta|noscript|q|rp|rt|ruby|s|samp|small|source|span|strike|"
    "strong|sub|sup|svg|textarea|time|title|tt|u|var|video|wbr"
)

# A tag's attributes may hold ">" in quotes.
_ATTRIBUTES = r"""(?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*)?/?"""
_UNSEEN = re.compile(
    rf"<!--.*?-->|<!DOCTYPE[^<>]*>|<(script|style){_ATTRIBUTES}>.*?</\1\s*>",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK = re.compile(rf"</?(?:{_BLOCKS}){_ATTRIBUTES}>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_INLINE}){_ATTRIBUTES}>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Control characters that are no white space, soft hyphens, zero-width characters and marks of
# direction, variation selectors.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_SUSPECT = re.compile(rf"[<&]|{_INVISIBLE.pattern}")


def is_plain(text: str) -> bool:
    """Whether the text holds nothing that `read_plain` might take away; quick."""
    return _SUSPECT.search(text) is None


def read_plain(text: str) -> str:
    """The text as a person would read it.

    HTML's tags go, those of blocks leave a line break behind; comments, scripts and styles go
    whole; character references become their characters; invisible characters go. What is no
    known tag or reference stays: "a < b", "<3", "AT&T". White space stays as it is.
    """
    if is_plain(text):
        return text
    if "<" in text:
        text = _TAG.sub("", _BLOCK.sub("\n", _UNSEEN.sub("\n", text)))
    if "&" in text:
        text = _ENTITY.sub(lambda entity: unescape(entity[0]), text)
    return _INVISIBLE.sub("", text)
