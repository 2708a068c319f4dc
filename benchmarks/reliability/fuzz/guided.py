"""Inputs that atheris looks for: it changes those further that have reached lines of ours not reached before."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability.fuzz.inputs import Tally, folder_of, warm_up
from benchmarks.reliability.fuzz.targets import Target
from benchmarks.reliability.scenes import own_folder
from homog_core import files

CORPUS = files.PROJECT / "tests" / "fuzz_corpus"
_MISSING = (
    "atheris is not installed. It is no part of the project; give it an environment that also has the project's "
    "packages: pip install atheris==3.0.0, with Python 3.11."
)


def require_atheris() -> None:
    """Raises SystemExit with what to do where atheris is not installed."""
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit(_MISSING)


def all_guided(known: list[Target], seconds: float, jobs: int, show: Callable[[Tally], object]) -> list[Tally]:
    """What atheris finds at each target within some seconds; `show` is told of each that is done.

    So many processes search at once. Only what fails again in this process, without atheris, counts as failed.
    """
    with TemporaryDirectory(prefix="homog-guided-") as name, own_folder(), ThreadPoolExecutor(jobs) as pool:
        files.make_folder(files.cache())
        folders = [Path(name, str(number)) for number in range(len(known))]
        found = []
        for target, folder, problem in zip(
            known, folders, pool.map(_searched, known, folders, repeat(seconds)), strict=True
        ):
            found.append(_confirmed(target, folder, problem))
            show(found[-1])
        return found


def _searched(target: Target, folder: Path, seconds: float) -> str:
    """Let a process search, beginning with the examples and the corpus; "" where it has come to its end."""
    (folder / "corpus").mkdir(parents=True)
    known = [path.read_bytes() for path in sorted((CORPUS / folder_of(target.name)).glob("*"))]
    for number, content in enumerate([*target.examples, *known]):
        (folder / "corpus" / str(number)).write_bytes(content)
    command = [sys.executable, "-m", "benchmarks.reliability.fuzz.search", target.name, str(seconds), str(folder)]
    done = subprocess.run(command, cwd=files.PROJECT, capture_output=True, text=True, check=False)
    is_done = (folder / "found.json").is_file()
    return "" if is_done else f"the process ended with status {done.returncode}: {done.stderr[-300:]}"


def _confirmed(target: Target, folder: Path, problem: str) -> Tally:
    tally, failed = Tally(target.name), sorted(folder.glob("failed/*"))
    if failed:
        warm_up(target, folder / "input")
    for path in failed:
        tally.add(path.read_bytes(), target, folder / "input")
    if problem:
        tally.failures[problem] += 1
    else:
        found = json.loads((folder / "found.json").read_text())
        tally.inputs, tally.taken, tally.seconds = found["inputs"], found["taken"], found["seconds"]
    return tally
