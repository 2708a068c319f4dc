"""How well ten answers say how many there are: `python -m benchmarks.richness [SOURCE …] [--draw 10] [--subsets 200]`.

Without a source: simulated communities, whose numbers are known. A source is the id of a stored run, or a public set
such as `human-survey/dev.crowdsourced` (`runs.public_answers`). Of its questions with at least twice as many answers,
subsets of `--draw` answers are drawn without replacement, and their estimates are compared with what all answers find.
Clusters are those that the set has, or those of the run's first clusterer; `--clusterer` names another by its key. A
public set without clusters is clustered by Jaccard. Prints Markdown tables.

What all answers find is the plug-in number of that finite set. It is itself too low for the model that gave them; the
column beside it has the estimate from all. Their distance says how far the set can serve as the truth.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.measures.clustering import Clusterer
from homog_core.measures.report_cards import default_clusterers
from homog_core.runs.public_answers import public_answers
from homog_core.runs.store import open_run
from homog_core.statistics.intervals import mean_estimate
from homog_core.statistics.richness import accumulation_curve, effective_number, estimated_hill_number, hill_number

ANSWERS = 10
SAMPLES = 20_000  # of a simulated community
SIMULATIONS, QUESTIONS = 500, 100  # for the interval of a mean over questions
ORDERS = ("number of answers", "effective number, order 1", "share of pairs, 1/order 2")
STATISTICS = {"plug-in": hill_number, "estimate": estimated_hill_number}


class Samples(NamedTuple):
    """Lists of cluster sizes that samples of one size had, and how often each came up."""

    sizes: list[tuple[int, ...]]
    times: list[int]

    def mean(self, values: Iterable[float]) -> float:
        """Mean over the samples."""
        return float(np.average(list(values), weights=self.times))

    def misses(self, bounds: Sequence[tuple[float, float]], truth: float) -> tuple[float, float]:
        """Share of the samples whose interval lies above the truth, and below it."""
        return self.mean(low > truth + 1e-9 for low, _ in bounds), self.mean(high < truth - 1e-9 for _, high in bounds)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="*")
    parser.add_argument("--draw", type=int, default=ANSWERS)
    parser.add_argument("--subsets", type=int, default=200, help="of each question")
    parser.add_argument("--clusterer", default="")
    options = parser.parse_args()
    try:
        for source in options.source:
            print_source(source, options.clusterer, options.draw, options.subsets)
    except HomogError as error:
        parser.exit(1, f"{error}\n")
    if not options.source:
        print_simulations()


def samples_of(counts: np.ndarray) -> Samples:
    """Samples (n, K) of one community; equal lists of sizes are computed once."""
    found = Counter(tuple(row[row > 0].tolist()) for row in np.sort(counts, axis=1))
    return Samples(list(found), list(found.values()))


def comparable(value: float, order: int) -> float:
    """A Hill number; for order 2 the share of pairs in one cluster, as the number may be infinite."""
    return 1 / value if order == 2 else value


def print_head(*columns: str) -> None:
    """The first two lines of a table."""
    print(f"| {' | '.join(columns)} |\n|---|{'--:|' * (len(columns) - 1)}")


# Simulated communities


def communities() -> dict[str, np.ndarray]:
    """The answers' probabilities, by name."""
    weights = {
        "one answer": [1],
        "uniform on 2": [1] * 2,
        "uniform on 3": [1] * 3,
        "uniform on 10": [1] * 10,
        "uniform on 50": [1] * 50,
        "geometric, ½": 0.5 ** np.arange(30),
        "geometric, 0.8": 0.8 ** np.arange(80),
        "Zipf on 100": 1 / np.arange(1, 101),
        "Zipf on 1,000": 1 / np.arange(1, 1001),
        "0.95 and 0.05": [0.95, 0.05],
        "0.9 and 0.1": [0.9, 0.1],
        **{f"{first} and 20 rare": [first] + [(1 - first) / 20] * 20 for first in (0.9, 0.7, 0.5)},
    }
    return {name: np.array(own) / np.sum(own) for name, own in weights.items()}


def hill_of(p: np.ndarray, order: int) -> float:
    """Hill number of known probabilities."""
    return float(np.exp(-np.sum(p * np.log(p)))) if order == 1 else float(np.sum(p**order) ** (1 / (1 - order)))


def print_simulations() -> None:
    """The tables of the simulated communities."""
    rng = np.random.default_rng(0)
    found = {name: (p, samples_of(rng.multinomial(ANSWERS, p, size=SAMPLES))) for name, p in communities().items()}
    print(f"Bias (RMSE) of what {ANSWERS} answers say, {SAMPLES:,} samples each.\n")
    print_head("community", *(name for order in ORDERS for name in (order, *STATISTICS)))
    for name, (p, samples) in found.items():
        print(f"| {name} | {' | '.join(errors(p, samples))} |")
    print(
        "\n95 % intervals: of the effective number of order 1, and of the expected clusters among n and 2n answers.\n"
    )
    print_head("community", "truth", "holds", "too high", "too low", "median bounds", "n: holds", "2n: holds")
    for name, (p, samples) in found.items():
        print(f"| {name} | {' | '.join(coverages(p, samples))} |")
    light = [p for name, (p, _) in found.items() if "Zipf" not in name and name != "uniform on 50"]
    print_means("all of these communities", [p for p, _ in found.values()], rng)
    print_means("without Zipf and uniform on 50", light, rng)


def errors(p: np.ndarray, samples: Samples) -> list[str]:
    """For each order the truth, and bias (RMSE) of plug-in and estimate."""
    cells = []
    for order in range(len(ORDERS)):
        truth = comparable(hill_of(p, order), order)
        cells.append(f"{truth:.2f}")
        for statistic in STATISTICS.values():
            off = np.array([comparable(statistic(own, order), order) - truth for own in samples.sizes])
            cells.append(f"{samples.mean(off):+.2f} ({samples.mean(off**2) ** 0.5:.2f})")
    return cells


def coverages(p: np.ndarray, samples: Samples) -> list[str]:
    """How often the intervals of one question hold the truth."""
    truth = hill_of(p, 1)
    bounds = [(found.low, found.high) for found in map(effective_number, samples.sizes)]
    high, low = samples.misses(bounds, truth)
    middle = [float(np.median(np.repeat(side, samples.times))) for side in zip(*bounds, strict=True)]
    cells = [f"{truth:.2f}", f"{1 - high - low:.2f}", f"{high:.2f}", f"{low:.2f}", f"{middle[0]:.1f}–{middle[1]:.1f}"]
    curves = [accumulation_curve(own) for own in samples.sizes]
    for m in (ANSWERS, 2 * ANSWERS):
        missed = samples.misses([(c.low[m - 1], c.high[m - 1]) for c in curves], float(np.sum(1 - (1 - p) ** m)))
        cells.append(f"{1 - sum(missed):.2f}")
    return cells


def print_means(name: str, pool: list[np.ndarray], rng: np.random.Generator) -> None:
    """How often the t interval of a mean over questions holds, each question from a community of its own."""
    truth = float(np.mean([hill_of(p, 1) for p in pool]))
    drawn = [
        [rng.multinomial(ANSWERS, pool[i]) for i in rng.integers(len(pool), size=QUESTIONS)] for _ in range(SIMULATIONS)
    ]
    print(f"\nMean of order 1 over {QUESTIONS} questions, {name}: {truth:.2f}. {SIMULATIONS} simulations:")
    for label, statistic in STATISTICS.items():
        found = [mean_estimate([statistic(counts, 1) for counts in questions]) for questions in drawn]
        held = np.mean([e.low <= truth <= e.high for e in found])
        print(f"{label}: {np.mean([e.value for e in found]):.2f}, the t interval holds in {held:.2f} of them.")


# Stored answers


class Row(NamedTuple):
    """One question and order: what all answers say, and what the subsets say."""

    found: float
    estimated: float
    plugin: float
    plugin_square: float  # mean squared distance from what all find
    estimate: float
    estimate_square: float
    too_high: float  # share of the subsets whose interval lies above what all find; NaN where there is no interval
    too_low: float


def print_source(source: str, key: str, draw: int, subsets: int) -> None:
    """The table of one run or public set."""
    name, partitions = sizes_of_public(source) if "/" in source else sizes_of_run(source, key)
    kept = [own for own in partitions if sum(own) >= 2 * draw]
    if not kept:
        most = max(map(sum, partitions), default=0)
        raise InvalidInput(f"No question of {source} has {2 * draw} answers; the most is {most}. Use a smaller --draw.")
    rng = np.random.default_rng(0)
    drawn = [(own, samples_of(rng.multivariate_hypergeometric(own, draw, size=subsets))) for own in kept]
    answers = sorted(map(sum, kept))
    print(f"\n{source}, clusters {name}: {len(kept)} questions with {answers[0]}–{answers[-1]} answers.")
    print(f"{subsets} subsets of {draw} of each. Means over questions.\n")
    columns = ("plug-in", "RMSE", "estimate", "RMSE", "interval holds", "too high", "too low")
    print_head("", "all find", "all estimate", *columns)
    for order, label in enumerate(ORDERS):
        rows = [row_of(own, samples, order) for own, samples in drawn]
        print(f"| {label} | {' | '.join(cells_of(rows))} |")
        if order == 1:
            always = sum(row.too_high + row.too_low <= 0.05 for row in rows)
    print(f"\nOn {always} of {len(kept)} questions the interval of order 1 holds for at least 95 % of the subsets.")


def row_of(sizes: Sequence[int], samples: Samples, order: int) -> Row:
    """What one question's subsets say of one order; an interval for order 1 alone."""
    plugin, estimate = (
        np.array([comparable(statistic(own, order), order) for own in samples.sizes])
        for statistic in STATISTICS.values()
    )
    found, estimated = (comparable(statistic(sizes, order), order) for statistic in STATISTICS.values())
    means = [samples.mean(part) for values in (plugin, estimate) for part in (values, (values - found) ** 2)]
    bounds = [(e.low, e.high) for e in map(effective_number, samples.sizes)] if order == 1 else []
    return Row(found, estimated, *means, *(samples.misses(bounds, found) if bounds else (np.nan, np.nan)))


def cells_of(rows: list[Row]) -> list[str]:
    """Means over questions, as the cells of a table."""
    mean = Row(*np.mean(rows, axis=0))
    cells = [f"{mean.found:.2f}", f"{mean.estimated:.2f}", f"{mean.plugin:.2f}", f"{mean.plugin_square**0.5:.2f}"]
    cells += [f"{mean.estimate:.2f}", f"{mean.estimate_square**0.5:.2f}"]
    shares = (1 - mean.too_high - mean.too_low, mean.too_high, mean.too_low)
    return cells + ["" if np.isnan(share) else f"{share:.3f}" for share in shares]


def sizes_of_run(run_id: str, key: str) -> tuple[str, list[list[int]]]:
    """The clusterer and the cluster sizes of every question of a stored run."""
    scored = ScoredRun(open_run(run_id))
    known = {clusterer.key: clusterer for clusterer in scored.clusterers()}
    if key and key not in known:
        raise NotFound(f"Run {run_id} has no clusterer {key!r}; it has {', '.join(known)}.")
    clusterer = known[key] if key else scored.clusterer
    return f"by {clusterer.key}", [row[row > 0].tolist() for row in scored.sizes(clusterer)]


def sizes_of_public(name: str) -> tuple[str, list[list[int]]]:
    """The same of a public set: its own clusters, or else those of Jaccard."""
    answers = public_answers(name)
    if all(each.partition for each in answers):
        return "of the set", [list(Counter(each.partition).values()) for each in answers]
    (jaccard,) = default_clusterers(())
    return f"by {jaccard.key}", [jaccard_sizes(jaccard, [text for text in each.samples if text]) for each in answers]


def jaccard_sizes(jaccard: Clusterer, answers: Sequence[str]) -> list[int]:
    """Cluster sizes of answers that are not empty."""
    return list(Counter(jaccard.labels(jaccard.similarity("", answers, {})).tolist()).values()) if answers else []


if __name__ == "__main__":
    main()
