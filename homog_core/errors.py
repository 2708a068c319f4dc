"""What can go wrong, as sentences for the person at the screen.

Every message names the value that was wrong and what to do next. The command line and `dashboard.page` are the two
places that catch; everything between lets these pass.
"""

import unicodedata

_LONGEST = 1200  # characters of a message; what comes from a file or a server may be of any length, and hold anything
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # turn what follows round


def in_one_line(text: str) -> str:
    """A text that ends no line, moves no cursor and turns no words round: a space stands for each such character."""
    if text.isprintable():
        return text
    return "".join(" " if sign in _TURNING or unicodedata.category(sign) in _HIDDEN else sign for sign in text)


_HIDDEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of surrogate pairs, separators of lines and paragraphs


def first_line(error: BaseException) -> str:
    """What an error of somebody else's code says, to stand within a sentence; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


class HomogError(Exception):
    """Something failed while the work was being done. The message is one line; of a long one the middle is left out."""

    def __init__(self, message: str) -> None:
        message = in_one_line(message)
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST * 2 // 3]} … {message[-_LONGEST // 3 :]}"
        super().__init__(message)


class InvalidInput(HomogError):
    """A value, a file or an option that cannot be used."""


class NotFound(InvalidInput):
    """A name that is not known: a model, dataset, run or question."""


class ModelUnavailable(HomogError):
    """Weights that are not on this machine and cannot be fetched now."""


class OutOfMemory(HomogError):
    """Even the smallest batch does not fit."""


class CorruptRun(HomogError):
    """A stored run that does not read back as what was written."""
