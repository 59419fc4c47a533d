"""What a person reads of a text: without its markup and its invisible characters."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import numpy

# Elements that a browser starts on a line of its own: in their place stands a line break.
_BLOCKS = (
    "address|article|aside|blockquote|body|br|caption|dd|details|dialog|div|dl|dt|fieldset|"
    "figcaption|figure|footer|form|h1|h2|h3|h4|h5|h6|head|header|hr|html|li|main|nav|ol|option|p|"
    "pre|section|select|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
# Elements within a line, and those that show nothing themselves: nothing stands in their place.
_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|button|center|cite|code|data|del|dfn|em|font|i|img|input|ins|"
    "kbd|label|link|mark|meta|noscript|q|rp|rt|ruby|s|samp|small|source|span|strike|strong|sub|"
    "sup|svg|textarea|time|title|tt|u|var|video|wbr"
)
# A tag's attributes may hold ">" in quotes.
_ATTRIBUTES = r"""(?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*)?/?"""
_UNSEEN = re.compile(
    rf"<!--.*?-->|<!DOCTYPE[^<>]*>|<(script|style){_ATTRIBUTES}>.*?</\1\s*>",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK = re.compile(rf"</?(?:{_BLOCKS}){_ATTRIBUTES}>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_INLINE}){_ATTRIBUTES}>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Unicode's default ignorable code points (soft hyphens, zero-width characters, marks of direction,
# variation selectors), control characters that are no white space, marks of annotation.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SUSPECT = re.compile(rf"[<&]|{_INVISIBLE.pattern}")
# What goes, or may with more text after it; like the tags, "[a-z]" takes four letters beyond ASCII.
_BEGUN = re.compile(
    rf"<(?:[a-z/!]|\Z)|{_ENTITY.pattern}|&[#a-z0-9]*\Z|{_INVISIBLE.pattern}", re.IGNORECASE
)

Replacement = str | Callable[[re.Match[str]], str]


def _character(entity: re.Match[str]) -> str:
    return unescape(entity[0])


# Invisible characters go first, as they may stand within a tag or a reference, and once more as
# references may stand for them.
_HIDDEN: list[tuple[re.Pattern[str], Replacement]] = [(_INVISIBLE, "")]
_MARKUP: list[tuple[re.Pattern[str], Replacement]] = [
    (_UNSEEN, ""),
    (_BLOCK, "\n"),
    (_TAG, ""),
    (_ENTITY, _character),
    (_INVISIBLE, ""),
]


def is_plain(text: str) -> bool:
    """Whether the text holds nothing that `read_plain` might take away; quick."""
    return _SUSPECT.search(text) is None


def is_literal(text: str, size: int) -> bool:
    """Whether `read_plain` takes nothing away that begins in so many first characters; quick.

    What may follow the text is reckoned with. It may say no where all stays: "a <b".
    """
    begun = _BEGUN.search(text)
    return begun is None or begun.start() >= size


def read_plain(text: str, *, markup: bool = True) -> str:
    """The text as a person would read it.

    HTML's tags go, those of blocks leave a line break behind; comments, scripts and styles go
    whole; character references become their characters; invisible characters go. What is no
    known tag or reference stays: "a < b", "<3", "AT&T". White space stays as it is.

    markup: whether the text is HTML, perhaps; if not, only invisible characters go.
    """
    if is_plain(text):
        return text
    for pattern, replacement in _steps(markup):
        text = pattern.sub(replacement, text)
    return text


def align_plain(text: str, *, markup: bool = True) -> tuple[str, numpy.ndarray, numpy.ndarray]:
    """What read_plain gives, and where in the text each of its characters comes from.

    RETURNS: the plain text, and the offsets where the source of each of its characters starts
        and ends, two (characters,) arrays.
    """
    starts, ends = numpy.arange(len(text)), numpy.arange(1, len(text) + 1)
    for pattern, replacement in _steps(markup):
        text, starts, ends = _substitute(pattern, replacement, text, starts, ends)
    return text, starts, ends


def _steps(markup: bool) -> list[tuple[re.Pattern[str], Replacement]]:
    return _HIDDEN + _MARKUP if markup else _HIDDEN


def _substitute(
    pattern: re.Pattern[str],
    replacement: Replacement,
    text: str,
    starts: numpy.ndarray,
    ends: numpy.ndarray,
) -> tuple[str, numpy.ndarray, numpy.ndarray]:
    """As pattern.sub, with the offsets of the text's characters carried along."""
    parts: list[str] = []
    # Of each part the places of its first and last character in the text, and its length.
    spans: list[tuple[int, int, int]] = []
    done = 0
    for match in pattern.finditer(text):
        new = replacement if isinstance(replacement, str) else replacement(match)
        first, last = match.span()
        parts += text[done:first], new
        spans += (done, first - 1, first - done), (first, last - 1, len(new))
        done = last
    if not parts:
        return text, starts, ends
    parts.append(text[done:])
    spans.append((done, len(text) - 1, len(text) - done))
    first_places, last_places, lengths = numpy.array(spans).T
    # Kept characters have each a place of their own; all of a replacement come from one match.
    within = numpy.arange(lengths.sum()) - numpy.repeat(lengths.cumsum() - lengths, lengths)
    is_kept = numpy.repeat(numpy.arange(len(lengths)) % 2 == 0, lengths)
    begin = numpy.repeat(first_places, lengths) + within * is_kept
    final = numpy.where(is_kept, begin, numpy.repeat(last_places, lengths))
    return "".join(parts), starts[begin], ends[final]
