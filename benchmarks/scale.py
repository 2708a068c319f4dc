"""How long a large study takes on 1, 8 and 64 GPUs, and what holds it up: `python -m benchmarks.scale`.

A simulation of `homog study run --ray`: 20 models × 5 datasets × 800 questions × 10 samples and a greedy answer. Models
come one after the other; every GPU loads each of them; chunks of questions go to whichever worker is free; a run ends
with its last chunk; scoring follows on the same workers, a core each, and the rest of it on the driver. The cost of a
decoding step is the one of docs/performance.md, "On a GPU"; writing is measured here, on this disk; what else is
assumed stands in `Assumptions`. Prints a Markdown table: medians over seeds with the range of the middle 90 %.
"""

import argparse
import heapq
import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np

from homog_core.records import Decoding, Provenance, Question, Response, ResponseSet
from homog_core.runs.manifest import identity_of
from homog_core.runs.sample import RunPlan
from homog_core.sampling.cluster import chunk_size
from homog_core.wording.numbers import duration

GPUS = (1, 8, 64)
DATASETS, QUESTIONS, SAMPLES, TOKENS = 5, 800, 10, 64
MOST = 32  # questions that a GPU decodes together: the most that was measured


class Size(NamedTuple):
    """A model on one H200, as `python -m benchmarks.gpu` has measured it (recorded steps)."""

    gigabytes: float  # of its weights
    few: float  # seconds of a step of 11 rows
    many: float  # of 352 rows
    tokens_per_second: float  # of 32 questions, prompts and recording included

    def chunk_seconds(self, n_questions: int) -> float:
        """Seconds of a chunk whose answers all have `TOKENS` tokens; a step costs a + b · rows."""
        rows = n_questions * (SAMPLES + 1)
        step = self.few + (self.many - self.few) * (rows - 11) / (352 - 11)
        around = 352 * TOKENS / self.tokens_per_second - TOKENS * self.many  # prompts and recording
        return around + TOKENS * step


SMALL = Size(2.5, 0.0034, 0.0079, 37_685)
LARGE = Size(16.1, 0.0090, 0.0211, 14_188)
MODELS = (SMALL,) * 10 + (LARGE,) * 10


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What has not been measured on a cluster."""

    start: float = 20.0  # seconds until a worker has imported everything (10 to 20 on two busy cores)
    gigabytes_per_second: float = 1.0  # that a node reads weights with, once for its eight GPUs
    spread: float = 0.1  # standard deviation of the logarithm of a chunk's time
    slow: float = 0.02  # share of workers that are stragglers
    slowness: float = 2.0  # and take so many times as long
    hours_between_failures: float = 1000.0  # of one GPU
    writing: float = 0.0  # seconds of a chunk of `MOST` questions; measured
    merging: float = 0.0  # seconds at the end of a run; measured
    scoring: float = 0.0  # seconds of a core for the parts of a run's scoring that workers take; measured
    scoring_here: float = 0.0  # seconds of the driver for the rest of it; measured


class Outcome(NamedTuple):
    """Where the time of one simulated study goes, in seconds."""

    total: float
    loading: float  # until the first worker of each model is ready
    sampling: float
    scoring: float
    busy: float  # share of the GPUs' time in which they decode, while there is sampling
    writing: float  # share of the sampling in which the driver writes
    deaths: int


def simulate(n_gpus: int, given: Assumptions, seed: int) -> Outcome:
    """One study on so many GPUs."""
    draw = np.random.default_rng(seed)
    loading = sampling = work = writing = 0.0
    deaths = 0
    for size in MODELS:
        slow = np.where(draw.random(n_gpus) < given.slow, given.slowness, 1.0)
        ready = given.start * draw.lognormal(0, given.spread, n_gpus) + size.gigabytes / given.gigabytes_per_second
        loading += ready.min()
        free = ready - ready.min()
        for _ in range(DATASETS):
            begun = free.min()
            free, end, own = _run(free, size, slow, given, draw)
            sampling += end - begun
            work, writing, deaths = work + own[0], writing + own[1], deaths + own[2]
            free = np.maximum(free, end)
    scoring = len(MODELS) * DATASETS * (given.scoring / n_gpus + given.scoring_here)
    total = loading + sampling + scoring
    return Outcome(total, loading, sampling, scoring, work / (n_gpus * sampling), writing / sampling, deaths)


def _run(
    free: np.ndarray, size: Size, slow: np.ndarray, given: Assumptions, draw: np.random.Generator
) -> tuple[np.ndarray, float, tuple[float, float, int]]:
    """One dataset: when each worker (n_gpus,) is free again, when all is stored, and work, writing and deaths."""
    waiting, at_work = QUESTIONS, [(time, gpu, 0) for gpu, time in enumerate(free)]  # when, who, with how many
    heapq.heapify(at_work)
    free, driver, work, writing, deaths = free.copy(), 0.0, 0.0, 0.0, 0
    rate = 1 / (given.hours_between_failures * 3600)
    while at_work:
        now, gpu, n = heapq.heappop(at_work)
        if n > 0:  # what it has done is written by the one driver, in turn
            cost = given.writing * n / MOST
            driver, writing = max(driver, now) + cost, writing + cost
        free[gpu] = now
        if not waiting:
            continue
        n = chunk_size(waiting, len(free), MOST)
        seconds = size.chunk_seconds(n) * slow[gpu] * draw.lognormal(0, given.spread)
        if draw.random() < -math.expm1(-rate * seconds):  # it dies half-way, and another one is loaded
            again = given.start + size.gigabytes / given.gigabytes_per_second
            heapq.heappush(at_work, (now + seconds / 2 + again, gpu, 0))
            deaths += 1
            continue
        waiting, work = waiting - n, work + seconds
        heapq.heappush(at_work, (now + seconds, gpu, n))
    return free, max(driver, free.max()) + given.merging, (work, writing, deaths)


def measured_writing() -> tuple[float, float]:
    """Seconds that the store takes for a chunk of `MOST` questions, and for the end of a run of `QUESTIONS`."""
    questions = [Question(f"q{i}", "scale", f"What is number {i}?") for i in range(QUESTIONS)]
    asked = [(question, question.text) for question in questions]
    decoding = Decoding(n_samples=SAMPLES, max_new_tokens=TOKENS)
    identity = identity_of(
        asked, model="scale", revision="0", dtype="bfloat16", dataset="scale", decoding=decoding, prompt_style="plain"
    )
    numbers = np.random.default_rng(0).random((2, TOKENS), dtype=np.float32)
    answer = Response(" word" * TOKENS, (" word",) * TOKENS, numbers[0], -numbers[1], "length")
    sets = [ResponseSet(one.id, "scale", text, decoding, (answer,) * SAMPLES, answer) for one, text in asked]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOMOG_CACHE"] = folder
        with RunPlan(identity, Provenance("2026-11-26T00:00:00+00:00", "sampling"), asked).open() as writer:
            begun = time.perf_counter()
            for first in range(0, QUESTIONS, MOST):
                writer.append_many(sets[first : first + MOST])
            written = time.perf_counter()
            writer.merge()
            writer.update(status="complete")
            return (written - begun) / (QUESTIONS / MOST), time.perf_counter() - written


def _range(values: Sequence[float], show=duration) -> str:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"{show(middle)} ({show(low)} to {show(high)})"


def main() -> None:
    """Print the assumptions, and a row for each number of GPUs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = Assumptions()
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--writing", type=float, help="seconds a chunk of 32 questions (default: measured here)")
    parser.add_argument("--merging", type=float, help="seconds at the end of a run (default: measured here)")
    told = "of scoring a run, as `python -m benchmarks.scoring --shape wide` has measured it"
    parser.add_argument("--scoring", type=float, required=True, help=f"seconds of a worker's core {told}")
    parser.add_argument("--scoring-here", type=float, required=True, help=f"seconds of the driver {told}")
    parser.add_argument("--hours-between-failures", type=float, default=usual.hours_between_failures)
    options = parser.parse_args()
    known = (options.writing, options.merging)
    writing, merging = measured_writing() if None in known else known
    given = replace(
        usual,
        writing=writing,
        merging=merging,
        scoring=options.scoring,
        scoring_here=options.scoring_here,
        hours_between_failures=options.hours_between_failures,
    )
    n_tokens = len(MODELS) * DATASETS * QUESTIONS * (SAMPLES + 1) * TOKENS
    print(f"{n_tokens / 1e6:.1f} million answer tokens.\n")
    print("\n".join(f"- {name}: {value:.3g}" for name, value in asdict(given).items()) + "\n")
    print("| GPUs | all | models load | sampling | scoring | GPUs decode | driver writes | workers that die |")
    print("|---|---|---|---|---|---|---|---|")
    for n_gpus in GPUS:
        found = [simulate(n_gpus, given, seed) for seed in range(options.seeds)]
        cells = [_range([getattr(one, name) for one in found]) for name in ("total", "loading", "sampling")]
        cells.append(duration(found[0].scoring))
        cells += [_range([getattr(one, name) for one in found], "{:.0%}".format) for name in ("busy", "writing")]
        cells.append(_range([one.deaths for one in found], "{:.0f}".format))
        print(f"| {n_gpus} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
