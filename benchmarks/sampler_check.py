"""What the check of the sampler says of honest runs and of broken ones: `python -m benchmarks.sampler_check`.

First every stored run. Then simulated runs whose answers are drawn anew: how often the check raises an alarm. Then the
same runs after something broke: how often it is found. Then simulated tokens at other temperatures, where only bounds
of the probabilities are known. Prints Markdown tables; `--runs 1000` is the number of simulated runs a row.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np

from homog_core.analysis.sampler_check import LARGEST_SHARE, sampler_check
from homog_core.reports.tables import grid
from homog_core.runs.store import list_runs
from homog_core.statistics.repeats import LEVEL, Repeats, copies, log_evidence_of_copies, repeats
from homog_core.statistics.tempered import drawn_logprobs

N = 10
# Said, top-p, sampled at
TEMPERATURES = ((0.7, 1, 0.7), (0.3, 1, 0.3), (1.5, 1, 1.5), (1, 0.9, 1), (0.7, 0.9, 0.7), (1, 1, 0.5), (1, 1, 1.5))
Draw = Callable[[np.random.Generator], np.ndarray]  # the probabilities of the answers to one question


def _short(random: np.random.Generator) -> np.ndarray:
    return random.dirichlet(np.full(20, 0.3))


def _long(random: np.random.Generator) -> np.ndarray:
    """None of them is likely."""
    return np.full(10_000, 1e-4)


def _collapsed(random: np.random.Generator) -> np.ndarray:
    rest = random.uniform(0, 0.1)
    return np.array([1 - rest, *(rest * random.dirichlet(np.ones(10)))])


def _mixed(random: np.random.Generator) -> np.ndarray:
    return (_short, _long, _collapsed)[random.integers(3)](random)


KINDS = {"short": _short, "long": _long, "collapsed": _collapsed, "mixed": _mixed}


def _nothing(answers: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return answers


def _two_copies(answers: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Two of the answers are what an earlier one was."""
    answers = answers.copy()
    for place in random.choice(np.arange(1, len(answers)), 2, replace=False):
        answers[place] = answers[random.integers(place)]
    return answers


def _one_answer(answers: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.full_like(answers, answers[0])


def _no_repeats(answers: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every second repeat is another answer instead."""
    return np.array([-i if a in answers[:i] and i % 2 else a for i, a in enumerate(answers)])


def simulated(kind: Draw, n_questions: int, broken: Callable, n_broken: int, random: np.random.Generator) -> Repeats:
    """The answers of a run, of which the first `n_broken` questions are broken."""
    questions, answers, chances = [], [], []
    for question in range(n_questions):
        p = kind(random)
        drawn = random.choice(len(p), N, p=p)
        found = broken(drawn, random) if question < n_broken else drawn
        questions += [question] * N
        answers += found.tolist()
        chances += np.where(found < 0, 1e-9, p[found]).tolist()
    return repeats(questions, answers, chances, chances)


def _alarms(found: Repeats, n_questions: int) -> tuple[bool, bool, bool]:
    """Whether the share of copies is above 0, whether a question stands out, whether the share is below 0."""
    share = copies(found)
    stands_out = log_evidence_of_copies(found, n_questions).max() >= np.log(2 * n_questions / LEVEL)
    return share.low > 0, bool(stands_out), share.high < 0


def _rows(n_runs: int, broken: Callable, n_broken: int | None, sizes: tuple[int, ...]) -> Iterator[dict[str, object]]:
    for name, kind in KINDS.items():
        for n_questions in sizes:
            random = np.random.default_rng(0)
            of = n_questions if n_broken is None else n_broken
            runs = [simulated(kind, n_questions, broken, of, random) for _ in range(n_runs)]
            alarms = np.array([_alarms(found, n_questions) for found in runs])
            yield {
                "answers": name,
                "questions": n_questions,
                "too many": f"{(alarms[:, 0] | alarms[:, 1]).mean():.1%}",
                "of them by one question": f"{alarms[:, 1].mean():.1%}",
                "too few": f"{alarms[:, 2].mean():.1%}",
                "copies ruled out": f"{np.mean([copies(found).high <= LARGEST_SHARE for found in runs]):.0%}",
            }


def _tempered(n_runs: int, temperature: float, top_p: float, sent: float) -> dict[str, object]:
    """Honest runs at a temperature, and runs that were sampled at another one, `sent`."""
    random, alarms = np.random.default_rng(1), []
    for _ in range(n_runs):
        questions, answers, low, high = [], [], [], []
        for question in range(60):
            logits = random.normal(0, 2.5, (4, 50))
            p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            drawn = np.exp(logits / sent) / np.exp(logits / sent).sum(1, keepdims=True)
            order = np.argsort(-drawn, axis=1)
            sums = np.cumsum(np.take_along_axis(drawn, order, 1), axis=1)
            for row, places, sum_ in zip(drawn, order, sums, strict=True):
                row[places[1:][sum_[:-1] >= top_p]] = 0
            drawn /= drawn.sum(1, keepdims=True)
            entropies = -(p * np.log(p)).sum(1)
            for _ in range(N):
                tokens = [int(np.searchsorted(np.cumsum(row), random.random() * row.sum())) for row in drawn]
                own = np.log([row[token] for row, token in zip(p, tokens, strict=True)])
                bounds = drawn_logprobs(own, entropies, temperature, top_p)
                questions.append(question)
                answers.append(tuple(tokens))
                low.append(np.exp(np.sum(bounds.low)))
                high.append(np.exp(np.sum(bounds.high)))
        found = repeats(questions, answers, low, high)
        many, one, few = _alarms(found, 60)
        alarms.append((many or one, few, found.low.sum(), found.repeated.sum(), found.high.sum()))
    mean = np.mean(np.array(alarms, dtype=float), axis=0)
    return {
        "temperature said": temperature,
        "top-p": top_p,
        "sampled at": sent,
        "too many": f"{mean[0]:.1%}",
        "too few": f"{mean[1]:.1%}",
        "repeats": f"{mean[3]:.0f}",
        "expected": f"{mean[2]:.0f} to {mean[4]:.0f}",
    }


def _stored() -> Iterator[dict[str, object]]:
    for run in sorted(list_runs(), key=lambda run: run.id):
        found = sampler_check(run)
        yield {
            "run": run.id,
            "verdict": found.verdict.value,
            "answers": found.n_answers,
            "repeats": found.n_repeats,
            "expected": f"{found.expected_low:.1f} to {found.expected_high:.1f}",
            "share of copies": f"{found.copies.low:+.4f} to {found.copies.high:+.4f}",
        }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    n_runs = parser.parse_args().runs
    tables = {
        "Stored runs": list(_stored()),
        "Every answer drawn anew": list(_rows(n_runs, _nothing, 0, (12, 100, 600))),
        "Two of ten answers are copies": list(_rows(n_runs // 5, _two_copies, None, (12, 100))),
        "One question has two copies, of ten answers": list(_rows(n_runs // 5, _two_copies, 1, (12, 100))),
        "All ten answers are one": list(_rows(n_runs // 5, _one_answer, None, (12, 100))),
        "Half of the repeats are avoided": list(_rows(n_runs // 5, _no_repeats, None, (12, 100))),
        "Other temperatures, 60 questions": [
            _tempered(n_runs // 5, *way)
            for way in (
                (0.7, 1, 0.7),
                (0.3, 1, 0.3),
                (1.5, 1, 1.5),
                (1, 0.9, 1),
                (0.7, 0.9, 0.7),
                (1, 1, 0.5),
                (1, 1, 1.5),
            )
        ],
    }
    for title, rows in tables.items():
        print(f"\n## {title}\n\n{grid([{k: str(v) for k, v in row.items()} for row in rows])}")


if __name__ == "__main__":
    main()
