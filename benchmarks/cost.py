"""How the time of scoring and of listing grows: `python -m benchmarks.cost`, which also draws `docs/cost.svg`.

Short series of processor seconds, the least of some rounds: scoring against questions and against answers to each
(without encoding, which has fixed vectors here), and the list of runs against the runs of a store. An exponent is the
slope of a line through the logarithms of both; 1 is linear. Sampling is not in it.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.reliability.scenes import WordEncoder, scored_run
from benchmarks.scoring import made_run
from homog_core import files
from homog_core.files import PROJECT
from homog_core.measures.projection import warm_up
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs

QUESTIONS, ANSWERS, RUNS = (20, 40, 80, 160), (25, 50, 100, 200), (5, 10, 20, 40)
ROUNDS = 2


def main() -> None:
    """Print each series with its exponent."""
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOMOG_CACHE"] = folder
        _scoring(2, 10)  # what is imported the first time
        series = {
            "scoring, questions": (QUESTIONS, [_scoring(n, 10) for n in QUESTIONS]),
            "scoring, answers to each": (ANSWERS, [_scoring(2, n) for n in ANSWERS]),
            "list of runs": (RUNS, [_listing(n) for n in RUNS]),
        }
    for name, (sizes, seconds) in series.items():
        print(f"{name}: {exponent(sizes, seconds):.2f}", dict(zip(sizes, np.round(seconds, 4).tolist(), strict=True)))
    (PROJECT / "docs" / "cost.svg").write_text(drawing(series), encoding="utf-8")


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of seconds against sizes, both as logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def drawing(series: dict[str, tuple[Sequence[int], Sequence[float]]]) -> str:
    """A plot of all series as SVG, on two logarithmic axes of one scale: a line at 45 degrees is linear."""
    width, height, per_decade, left, top = 640, 400, 110, 70, 40
    shapes = []
    for (name, (sizes, seconds)), color in zip(series.items(), ("#1f6f8b", "#c8553d", "#5b8c5a"), strict=True):
        x = left + per_decade * (np.log10(sizes) - 1)
        y = height - top - per_decade * (np.log10(seconds) + 2.5)
        points = " ".join(f"{a:.0f},{b:.0f}" for a, b in zip(x, y, strict=True))
        text = f"{name}: exponent {exponent(sizes, seconds):.2f}"
        shapes.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        shapes.append(f'<text x="{x[-1] + 8:.0f}" y="{y[-1] + 4:.0f}" fill="{color}">{text}</text>')
    for power in (1, 2):
        shapes.append(f'<text x="{left + per_decade * (power - 1)}" y="{height - 10}">{10**power}</text>')
    for power in (-2, -1, 0):
        shapes.append(f'<text x="5" y="{height - top - per_decade * (power + 2.5):.0f}">{10.0**power:g} s</text>')
    style = 'font-family="sans-serif" font-size="13"'
    body = "\n".join(shapes)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>'
    return f'{head}\n<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n'


def _scoring(n_questions: int, n_answers: int) -> float:
    run = made_run(f"cost-{n_questions}-{n_answers}", n_questions, n_answers, 1 if n_answers == 10 else 3)
    return min(_seconds(lambda: score_run(run.id, [WordEncoder()])) for _ in range(ROUNDS))


def _listing(n_runs: int) -> float:
    folder = files.cache() / "runs"
    for path in folder.glob("*"):
        shutil.rmtree(path)
    before = files.SHIPPED
    files.SHIPPED = files.cache() / "nothing"
    try:
        for n in range(n_runs):
            scored_run(f"listed-{n}", 1)
        return min(_seconds(list_runs) for _ in range(ROUNDS))
    finally:
        files.SHIPPED = before


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
