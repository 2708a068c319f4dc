"""Time the scoring of a run whose embeddings are stored: `python -m benchmarks.scoring`.

The questions of a shipped run are repeated under new ids until there are 800 with ten answers each, in a cache of their
own. The run is scored twice: first with encoding, then with everything stored. Prints both times and the time of each
step.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from homog_core import files
from homog_core.catalogue.encoders import ENCODERS
from homog_core.measures.encoders import SentenceEncoder
from homog_core.measures.projection import warm_up
from homog_core.runs.manifest import read_manifest, write_manifest
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run

RUN = "gemma-3-270m-dpo--facts--2493e7c049"


def main() -> None:
    """Print the seconds of both scorings, their ratio, and the seconds of each step of the second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=800)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = files.SHIPPED / "runs" / RUN
        target = Path(folder) / "runs" / RUN
        target.mkdir(parents=True)
        write_manifest(target, replace(read_manifest(source), files=None))  # the hashes are those of other files
        for name, column in (("questions", "id"), ("responses-merged", "question_id")):
            _repeated(pd.read_parquet(source / f"{name}.parquet"), column, options.questions).to_parquet(
                target / f"{name}.parquet"
            )
        os.environ["HOMOG_CACHE"] = folder
        encoders = [SentenceEncoder(key) for key in ENCODERS]
        warm_up()  # UMAP compiles once per process
        first, _ = _timed(encoders)
        second, steps = _timed(encoders)
        print(f"{len(open_run(RUN).table('scores'))} questions, ten answers each")
        print(f"with encoding {first:.1f} s, embeddings present {second:.1f} s: 1/{first / second:.0f}")
        print("  ".join(f"{what} {seconds:.1f} s" for what, seconds in steps.items()))


def _repeated(frame: pd.DataFrame, column: str, n_questions: int) -> pd.DataFrame:
    ids = list(dict.fromkeys(frame[column]))
    copies = [frame.assign(**{column: frame[column] + f"#{k}"}) for k in range(-(-n_questions // len(ids)))]
    wanted = [f"{key}#{k}" for k in range(len(copies)) for key in ids][:n_questions]
    repeated = pd.concat(copies, ignore_index=True)
    return repeated[repeated[column].isin(wanted)]


def _timed(encoders: list[SentenceEncoder]) -> tuple[float, dict[str, float]]:
    """Seconds in all, and for each reported step."""
    started = last = time.perf_counter()
    steps: dict[str, float] = {}

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        steps[what] = steps.get(what, 0.0) + now - last
        last = now

    score_run(RUN, encoders, on_progress=report)
    return time.perf_counter() - started, steps


if __name__ == "__main__":
    main()
