"""One rule for texts that people typed or pasted: cells, headers, names of customers, groups and items, labels, keys.

Every blank that Unicode knows is a space. Control and invisible characters vanish, at the ends and inside; among them the joiners and
variation selectors of emoji and of some scripts, whose signs then stand side by side. Outer spaces go, inner runs are one, and what can be
written in two ways (é as one character or as two) is written in one.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final


def _between(*ends: int) -> str:
    return "".join(chr(code) for first, last in zip(ends[::2], ends[1::2], strict=True) for code in range(first, last + 1))


LINE_ENDS: Final = "\n\v\f\r\x85\u2028\u2029"
"""What ends a line; a blank everywhere but in texts of several lines."""

BLANKS: Final = "\t\x1c\x1d\x1e\x1f \xa0\u1680" + _between(0x2000, 0x200A) + "\u202f\u205f\u3000" + LINE_ENDS
"""The characters that are a space to us; those that Python splits texts at."""

INVISIBLE: Final = (
    _between(0x00, 0x08, 0x0E, 0x1B, 0x7F, 0x84, 0x86, 0x9F)  # control characters
    + "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # soft hyphen, grapheme joiner, Arabic letter mark, fillers
    + _between(0x180B, 0x180F, 0x200B, 0x200F, 0x202A, 0x202E, 0x2060, 0x206F)  # zero width, direction marks
    + _between(0xFE00, 0xFE0F, 0xFFF9, 0xFFFB, 0xE0100, 0xE01EF)  # variation selectors, annotations
    + _between(0x13430, 0x1343F, 0x1BCA0, 0x1BCA3, 0x1D173, 0x1D17A)  # what joins and formats hieroglyphs, shorthand, music
    + "\U000e0001"
    + _between(0xE0020, 0xE007F)  # tags
    + "\u2800\ufeff\ufffe\uffff"  # blank of Braille, byte order marks, no characters
)
"""The characters that nobody sees; they vanish."""

_VANISHING: Final = str.maketrans("", "", INVISIBLE)
_OBEYED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_END: Final = re.compile(f"\r\n|[{LINE_ENDS}]")


def clean(text: str) -> str:
    """A text as one line by the rule above."""
    if text.isascii():
        if text.isprintable() and "  " not in text:
            return text.strip(" ")
        return " ".join(text.translate(_VANISHING).split())
    return unicodedata.normalize("NFC", " ".join(text.translate(_VANISHING).split()))


def clean_lines(text: str) -> str:
    r"""The same line by line, for texts of several lines; each line ends in `\n`, without blank ones before and after."""
    return "\n".join(clean(line) for line in _LINE_END.split(text)).strip("\n")


def fold(text: str) -> str:
    """A text for comparing: clean, and without regard to case."""
    return clean(text).casefold()


def visible(text: str) -> str:
    r"""A text for a terminal, a log or a message: what these would obey is written out as `\uXXXX`, which JSON reads as the same text.

    Control characters, direction marks, and halves of characters that no encoding has. Line ends and tabs stay.
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2,000 rows`; `many` where an s does not make it, or a verb follows."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def few(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many there are besides."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
