"""Malformed inputs are refused with a sentence: some of each kind, and all that went wrong once.

In full by `python -m benchmarks.reliability fuzz`, which also writes what belongs into `fuzz_corpus`.
"""

import importlib.util
import mmap
from pathlib import Path

import pytest

from benchmarks.reliability.fuzz.guided import require_atheris
from benchmarks.reliability.fuzz.inputs import folder_of, tried
from benchmarks.reliability.fuzz.judged import judged
from benchmarks.reliability.fuzz.targets import targets
from benchmarks.reliability.scenes import own_folder
from homog_core.errors import HomogError, InvalidInput

CORPUS = Path(__file__).parent.parent / "fuzz_corpus"


@pytest.fixture(scope="module")
def known():
    with own_folder():
        return targets()


def test_some_malformed_inputs_of_each_kind(known):
    found = [tried(target, 8, seed=7) for target in known]
    assert len(found) > 40
    assert {tally.target: dict(tally.failures) for tally in found if tally.failures} == {}
    assert sum(tally.taken for tally in found) < 0.8 * sum(tally.inputs for tally in found)


def test_what_failed_once_is_refused(known, tmp_path):
    with own_folder() as cache:
        (cache / "runs").mkdir()
        replayed = 0
        for target in known:
            for path in sorted((CORPUS / folder_of(target.name)).glob("*")):
                (tmp_path / "input").write_bytes(path.read_bytes())
                assert judged(target.read, tmp_path / "input").problem == "", f"{target.name}: {path.name}"
                replayed += 1
    assert replayed == sum(path.is_file() for path in CORPUS.rglob("*")) > 10


def test_guided_fuzzing_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"atheris is not installed.*pip install atheris"):
        require_atheris()


def _raise(error):
    raise error


def _touch(n_bytes):
    """Use memory that is new to the process: what it has freed before does not count."""
    with mmap.mmap(-1, n_bytes) as memory:
        for page in range(0, n_bytes, mmap.PAGESIZE):
            memory[page] = 1


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        (lambda path: 1 / 0, "ZeroDivisionError at "),
        (lambda path: _raise(HomogError("")), "without words"),
        (
            lambda path: _raise(InvalidInput(f"see {Path(__file__).resolve().parents[2]}/homog_core/x.py")),
            "tells of the inside",
        ),
        (lambda path: Path("/etc/passwd").read_text(), "opened /etc/passwd"),
        (lambda path: (Path.home() / "written-by-nobody").open("ab").close(), "opened "),
        (lambda path: sum(range(3 * 10**7)), "took more than 0.1 s"),
        (lambda path: _touch(300 << 20), "took more than 250 MB"),
    ],
)
def test_what_must_not_be_is_noticed(read, problem, tmp_path, monkeypatch):
    if "took more than 0.1 s" in problem:
        monkeypatch.setattr("benchmarks.reliability.fuzz.judged.MOST_SECONDS", 0.1)
    try:
        assert problem in judged(read, tmp_path / "input").problem
    finally:
        (Path.home() / "written-by-nobody").unlink(missing_ok=True)


def test_a_message_is_one_line_whatever_it_repeats():
    assert str(HomogError("a\nb\x1b[31m\u202ec\ud800d\u2028")) == "a b [31m c d "
