"""One input → how it ended: taken, refused with a sentence, or something that must not be.

Watched are the words of the refusal, the processor time, the memory, and every file that Python opens.
"""

import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from types import FrameType
from typing import NamedTuple

from homog_core import files
from homog_core.errors import HomogError

LONGEST_SENTENCE = 1300  # characters
MOST_SECONDS = 2.0  # of processor time for an input of some kilobytes
MOST_MEGABYTES = 250  # beside what the process holds already
_HANGS = 30  # seconds after which nobody waits any longer
_OURS = f"{files.PROJECT}{os.sep}"
_LEAKS = re.compile(rf"{re.escape(_OURS)}|site-packages|Traceback|File \"| at 0x[0-9a-f]{{8,}}")
_PACKAGES = (sys.prefix, sys.base_prefix, *(path for path in sys.path if path.endswith("site-packages")))
_STREAMLIT = str(Path.home() / ".streamlit")  # its own settings and secrets
_READ_FROM = (str(files.PROJECT.parent), *_PACKAGES, _STREAMLIT, "/proc", "/sys", "/dev", "/usr", "/etc", "/lib")


class Ending(NamedTuple):
    """How one input ended."""

    problem: str  # "" where it was taken or refused as it should be
    refusal: str | None  # the sentence; None where it was taken
    seconds: float  # of processor time
    megabytes: float  # that it took beside what there was; 0 where the system does not tell


class Hanging(BaseException):
    """Nobody waits any longer."""


def judged(read: Callable[[Path], object], path: Path) -> Ending:
    """Read a file and say how that ended."""
    before = _memory(reset=True)
    started, refusal, problem = time.process_time(), None, ""
    with _watched() as opened, _patience():
        try:
            read(path)
        except HomogError as error:
            refusal = str(error)
            problem = wrong_with(refusal)
        except (Exception, SystemExit, Hanging) as error:
            problem = _where(error)
    seconds, megabytes = time.process_time() - started, max(_memory() - before, 0.0)
    strays = [name for name in opened if name]
    problem = problem or (f"opened {strays[0]}" if strays else "")
    problem = problem or (f"took more than {MOST_SECONDS:g} s" if seconds > MOST_SECONDS else "")
    problem = problem or (f"took more than {MOST_MEGABYTES} MB" if megabytes > MOST_MEGABYTES else "")
    return Ending(problem, refusal, seconds, megabytes)


def wrong_with(sentence: str) -> str:
    """What a refusal must not be; "" where it is one sentence in plain words."""
    if not sentence.strip():
        return "a refusal without words"
    if len(sentence) > LONGEST_SENTENCE:
        return "a refusal that is too long"
    if wrong := next(
        (sign for sign in sentence if ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 or sign in _HIDDEN), None
    ):
        return f"a refusal with the control character {wrong!r}"
    if leak := _LEAKS.search(sentence):
        return f"a refusal that tells of the inside: {leak[0]!r}"
    return ""


_HIDDEN = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # line ends, and what turns a line round


def _where(error: BaseException) -> str:
    """An error that is no sentence, by its kind and the last line of ours that it came through."""
    ours = [step for step in traceback.extract_tb(error.__traceback__) if "homog_core" in step.filename]
    step = ours[-1] if ours else traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(step.filename).name}:{step.lineno}"
    said = f" {str(error)[:200]!r}" if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} at {place}{said}"


def _memory(reset: bool = False) -> float:
    """The most memory (MB) that the process has held since the last reset; at a reset, what it holds."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except OSError:  # not this system
        return 0.0
    return int(re.search(rf"{'VmRSS' if reset else 'VmHWM'}:\s+(\d+)", status)[1]) / 1024


_opened: list[list[str]] = []  # of what is being watched


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened and isinstance(arguments[0], str | bytes):
        _opened[-1].append(_stray(os.fsdecode(arguments[0]), arguments[2]))


def _stray(name: str, flags: object) -> str:
    """The name of a file that nothing has to do with, or "": written outside the folders of the experiment, or read."""
    real = os.path.realpath(name)
    if real.startswith((gettempdir(), "/proc/self", "/dev")):
        return ""
    writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    return name if writes or not real.startswith(_READ_FROM) or real in ("/etc/passwd", "/etc/shadow") else ""


@contextmanager
def _watched() -> Iterator[list[str]]:
    if not hasattr(sys, "_homog_watched"):
        sys.addaudithook(_hook)
        sys._homog_watched = True
    _opened.append([])
    try:
        yield _opened[-1]
    finally:
        _opened.pop()


@contextmanager
def _patience() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise Hanging

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, _HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
