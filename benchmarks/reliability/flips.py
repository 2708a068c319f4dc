"""Single bits of a stored run, flipped one at a time: whether `verify` notices, and what reading says."""

import os
import random
from collections import Counter
from pathlib import Path

from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError
from homog_core.runs.contents import stored_names
from homog_core.runs.store import TABLES, Run, open_run
from homog_core.runs.verify import verify


def flips(run: Run, n: int, seed: int = 0) -> Counter[str]:
    """Of n flips, each in a file of the run chosen at random and undone again: how many ended how.

    `noticed` or `unnoticed` by verify, or `traceback of …` where that raises what is no sentence; `read as other` where
    reading neither refuses nor gives what was stored, or `reading: traceback of …`.
    """
    rng, found = random.Random(seed), Counter()
    paths = sorted(path for path in run.folder.iterdir() if path.name != ".lock")
    stored = everything(run.id)
    for number in range(n):
        path = rng.choice(paths)
        content = path.read_bytes()
        place, bit = rng.randrange(len(content)), rng.randrange(8)
        _write(path, content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :], 2 * number)
        found[_verified(run.id)] += 1
        if (ending := _read(run.id, stored)) != "fine":
            found[ending] += 1
        _write(path, content, 2 * number + 1)
    assert not verify(run.id)
    return found


def everything(run_id: str) -> list[str]:
    """All that a page can read of a run, as texts."""
    run = open_run(run_id)
    if gone := (run.manifest.files or {}).keys() - stored_names(run.folder):
        raise HomogError(f"Run {run_id} lacks {', '.join(gone)}.")
    scored = ScoredRun(run)
    frames = [run.questions(), run.responses(), scored.scores, *map(run.table, TABLES)]
    frames += [run.embeddings(key) for key in run.encoders()]
    return [frame.to_json(orient="split", default_handler=str) for frame in frames]


def _verified(run_id: str) -> str:
    try:
        return "noticed" if verify(run_id) else "unnoticed"
    except Exception as error:
        return f"traceback of {type(error).__name__}"


def _read(run_id: str, stored: list[str]) -> str:
    try:
        return "fine" if everything(run_id) == stored else "read as other"
    except HomogError:
        return "fine"
    except Exception as error:
        return f"reading: traceback of {type(error).__name__}"


def _write(path: Path, content: bytes, number: int) -> None:
    """In place, and with a time of its own: by these a process knows a file that it has read before."""
    path.write_bytes(content)
    os.utime(path, ns=(number * 1_000_000_000,) * 2)
