"""Numbers as GRVT writes them: decimals in strings, big integers in strings, sometimes bare.

``IntText`` is how an integer may arrive (live frames quote some of them that the schema has as
numbers). ``WireNumber`` is a Decimal that remembers how it is to be written, so that one set of
structs serves both sides of the wire: the client's shortest text, the server's text with at least
one decimal place. Neither ever writes an exponent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from venues.errors import FrameError
from venues.model import GRVT, plain

IntText = int | str

_MAX_DIGITS: Final = 40
_MAX_EXACT: Final = 26
_UINT64: Final = 2**64


class WireNumber(Decimal):
    """A Decimal with the text that goes on the wire."""

    text: str

    def __new__(cls, text: str) -> WireNumber:
        self = super().__new__(cls, text)
        self.text = text
        return self


def client_number(value: Decimal) -> WireNumber:
    """``value`` as we send it: exact, no exponent, no trailing zeros."""
    return WireNumber(plain(value))


def server_number(value: Decimal) -> WireNumber:
    """``value`` as GRVT prints it: exact, no exponent, at least one decimal place."""
    text = plain(value)
    return WireNumber(text if "." in text else text + ".0")


def finite(value: Decimal, place: str) -> Decimal:
    """``value``; FrameError when it is NaN, infinite, or of an absurd magnitude.

    The magnitude matters because an exponent of millions is a valid JSON number and would become
    as many digits the moment somebody adds to it; sums are exact to 28 digits only.
    """
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > _MAX_DIGITS or len(digits) > _MAX_EXACT:
        raise FrameError(GRVT, place, f"not a usable number: {str(value)[:_MAX_DIGITS]}")
    return value


def to_int(value: IntText, place: str) -> int:
    """An unsigned 64-bit integer from its number or decimal text; FrameError otherwise."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS):
            raise FrameError(GRVT, place, f"not an integer: {value[:_MAX_DIGITS]!r}")
        value = int(value)
    if not 0 <= value < _UINT64:
        raise FrameError(GRVT, place, f"not an unsigned 64-bit integer: {value}")
    return value
