"""Emoji and other symbols by the words of their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Container

# How a symbol is drawn, not what it says: U+2764 is "heavy black heart".
_DRAWN = frozenset({"heavy", "black", "white", "sign"})


def is_symbol(text: str) -> bool:
    """Whether it is one character, of those that are neither letters nor marks nor arithmetic."""
    return len(text) == 1 and unicodedata.category(text) == "So"


def symbol_name(symbol: str) -> str:
    """Unicode's name of a symbol, in lower case: "face with tears of joy"; empty without one."""
    words = unicodedata.name(symbol, "").lower().split()
    return " ".join(word for word in words if word not in _DRAWN)


def name_symbols(text: str, known: Container[str] = ()) -> str:
    """The text with the names of its symbols in their places, but for those that are known."""
    if text.isascii():
        return text
    return "".join(
        f" {symbol_name(sign)} " if is_symbol(sign) and sign not in known else sign for sign in text
    )
