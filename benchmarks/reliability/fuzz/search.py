"""The process in which atheris searches: `python -m benchmarks.reliability.fuzz.search READER SECONDS FOLDER`.

It begins with the files of FOLDER/corpus, and writes FOLDER/found.json and the shortest input of each failure to
FOLDER/failed. atheris counts what modules do that are imported under its eyes, so nothing of ours is imported before.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import atheris

COUNTED = ("homog_core", "dashboard")  # packages whose lines are to be reached
_MOST_BYTES = 1 << 16


def _search(name: str, seconds: float, folder: Path) -> None:
    """Give inputs to a reader until the time is over; write how many there were, and the shortest of each failure."""
    with atheris.instrument_imports(include=list(COUNTED)):
        from benchmarks.reliability.fuzz.judged import judged
        from benchmarks.reliability.fuzz.targets import with_pages
        from benchmarks.reliability.scenes import own_folder
        from homog_core import files

        with own_folder():
            target = next(one for one in with_pages() if one.name == name)
        cache = own_folder()
        cache.__enter__()  # the process ends inside it
        files.make_folder(files.cache())
        path = folder / "input"
        for example in target.examples:  # what is imported only now is counted too
            path.write_bytes(example)
            judged(target.read, path)
    found, shortest, end = {"inputs": 0, "taken": 0, "seconds": 0.0}, {}, time.process_time() + seconds

    def read(content: bytes) -> None:
        if time.process_time() > end:
            _write(folder, found, shortest)
            cache.__exit__(None, None, None)
            sys.stdout.flush()
            os._exit(0)  # libFuzzer would go on
        path.write_bytes(content)
        ending = judged(target.read, path)
        found["inputs"] += 1
        found["taken"] += not ending.problem and ending.refusal is None
        found["seconds"] += ending.seconds
        if ending.problem and len(content) < len(shortest.get(ending.problem, content + b" ")):
            shortest[ending.problem] = content

    options = ["-timeout=0", "-rss_limit_mb=0", f"-max_len={_MOST_BYTES}", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], read, custom_mutator=_mutator(target.form))
    atheris.Fuzz()


def _mutator(form: str) -> Callable[[bytes, int, int], bytes]:
    """Changes of a file of that form, and now and then of its bytes as libFuzzer makes them."""
    from benchmarks.reliability.fuzz.mutations import changed

    def mutated(content: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.7:
            try:
                return changed(form, content, rng)[:most]
            except Exception:  # it has been changed so much that it is no file of that form any more
                pass
        return atheris.Mutate(content, most)

    return mutated


def _write(folder: Path, found: dict[str, float], shortest: dict[str, bytes]) -> None:
    (folder / "failed").mkdir()
    for number, content in enumerate(shortest.values()):
        (folder / "failed" / str(number)).write_bytes(content)
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    _search(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
