"""Time the scoring of runs: `python -m benchmarks.scoring`.

`wide` has 800 questions with 10 short answers, `deep` 104 with 500 longer ones, all from shipped runs over the facts;
`--scale 0.1` takes a tenth of the questions. Prints one JSON document: seconds of the clock and of the processor for
each step, those of the processes for other cores included; the memory of this process at its most, and of the others as
they end the analyses; and on some of the texts how many times longer encoding takes with a call for each question, and
finding pairs that state different things with a loop over the pairs, as the tests define it.

`--for-workers` computes everything in this process, and says how many seconds of it `--ray` would hand to workers.
`benchmarks.scoring_on_ray` has them at work.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import psutil

from homog_core.catalogue.encoders import ENCODERS
from homog_core.leftovers import USUAL
from homog_core.measures.conflicts import disagreements, statements
from homog_core.measures.encoders import SentenceEncoder
from homog_core.measures.projection import warm_up
from homog_core.records import Question, Response, ResponseSet
from homog_core.runs.manifest import identity_of
from homog_core.runs.score import score_run
from homog_core.runs.store import Run, list_runs, open_run
from homog_core.runs.tables import question_of, response_of
from homog_core.runs.write import write_run

SOURCE = "gemma-3-270m-dpo--facts--2493e7c049"
SHAPES = {"wide": (800, 10, 1), "deep": (104, 500, 3)}  # questions, answers to each, stored answers that make one
PLAIN_TEXTS = 400


def main() -> None:
    """Print what scoring costs, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, nargs="+", default=list(SHAPES))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--for-workers", action="store_true")
    options = parser.parse_args()
    encoders = [SentenceEncoder(key) for key in ENCODERS]
    for encoder in encoders:
        encoder.encode(["a text, so that it is loaded"])
    warm_up()  # UMAP compiles once per process
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOMOG_CACHE"] = folder
        found = {}
        for name in options.shape:
            n_questions, n_samples, n_parts = SHAPES[name]
            run = made_run(name, max(1, round(n_questions * options.scale)), n_samples, n_parts)
            shared = Shared() if options.for_workers else None
            found[name] = _timed(run, encoders, shared) | {
                "a_call_a_question_over_one_call": round(_calls_over_one(run, encoders[0]), 2),
                "a_loop_over_pairs_over_ours": round(_loop_over_ours(run), 2),
            }
            print(json.dumps({name: found[name]}, indent=1), flush=True)


def made_run(name: str, n_questions: int, n_samples: int, n_parts: int = 1) -> Run:
    """A run in `HOMOG_CACHE`; an answer joins `n_parts` answers that ship to its question, drawn at random."""
    source = open_run(SOURCE)
    of = source.identity.question_ids_sha256
    others = [run for run in list_runs() if run.id != source.id and run.identity.question_ids_sha256 == of]
    runs = [source, *sorted(others, key=lambda run: run.id)][: 1 + n_questions // source.identity.n_questions + 24]
    frames = [dict(tuple(run.responses().groupby("question_id", sort=False))) for run in runs]
    rows, rng = list(source.questions().itertuples()), np.random.default_rng(0)
    decoding = replace(source.decoding, n_samples=n_samples)
    asked: list[tuple[Question, str]] = []
    answers = []
    for n in range(n_questions):
        row, copy = rows[n % len(rows)], n // len(rows)
        question = replace(question_of(row), id=f"{row.id}#{copy}", dataset="scoring")
        pool = [response_of(one, USUAL) for frame in frames[copy:] for one in frame[row.id].itertuples()]
        greedy, pool = pool[0], [response for response in pool[1:] if response.text.strip()]
        chosen = [pool[i : i + 1] for i in range(n_samples)]
        if n_parts > 1:
            chosen = [[pool[i] for i in rng.choice(len(pool), n_parts)] for _ in range(n_samples)]
        samples = tuple(map(_joined, chosen))
        asked.append((question, row.prompt))
        answers.append(ResponseSet(question.id, name, row.prompt, decoding, samples, greedy))
    identity = identity_of(
        asked, model=name, revision="", dtype="", dataset="scoring", decoding=decoding, prompt_style="few_shot"
    )
    with write_run(identity, replace(source.provenance, status="complete"), asked) as writer:
        writer.append_many(answers)
        writer.merge()
        return writer.run


def _joined(parts: list[Response]) -> Response:
    return Response(
        " ".join(part.text.strip() for part in parts),
        tuple(token for part in parts for token in part.tokens),
        np.concatenate([part.token_entropies for part in parts]),
        np.concatenate([part.token_logprobs for part in parts]),
        parts[-1].finish_reason,
    )


class Shared:
    """A `Spread` that computes here, and counts what workers would compute."""

    seconds = 0.0  # of the processor

    def __call__(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """As `map`."""
        for item in items:
            begun = time.process_time()
            result = function(item)
            self.seconds += time.process_time() - begun
            yield result


def _timed(run: Run, encoders: list[SentenceEncoder], shared: Shared | None) -> dict[str, Any]:
    """Seconds in all and of each reported step, of the clock and of the processor."""
    steps: dict[str, np.ndarray] = {}
    started = last = _now()
    others = 0

    def report(what: str, done: int, total: int) -> None:
        nonlocal last, others
        if done == total or what not in steps:
            now = _now()
            steps[what], last = steps.get(what, 0.0) + now - last, now
            others = max(others, sum(process.memory_info().rss for process in _others()))

    score_run(run.id, encoders, on_progress=report, spread=shared)
    end = _now()
    steps |= {"writing": end - last, "all": end - started}
    return {
        "questions": run.identity.n_questions,
        "answers": run.decoding.n_samples,
        "clock_s": {name: round(float(clock), 2) for name, (clock, _) in steps.items()},
        "processor_s": {name: round(float(cpu), 2) for name, (_, cpu) in steps.items()},
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "others_gb": round(others / 1e9, 2),
    } | ({"for_workers_s": round(shared.seconds, 2)} if shared else {})


def _now() -> np.ndarray:
    """Seconds of the clock, and of the processor for this process and those that it has started."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(sum(process.cpu_times()[:2]) for process in _others())
    return np.array([time.perf_counter(), time.process_time() + ended.ru_utime + ended.ru_stime + running])


def _others() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _calls_over_one(run: Run, encoder: SentenceEncoder) -> float:
    """Processor time of encoding some questions' answers with a call for each question, over one call for all."""
    some = [texts for _, texts in _some_answers(run)]
    plain = processor_seconds(lambda: [encoder.encode(texts) for texts in some])
    return plain / processor_seconds(lambda: encoder.encode([text for texts in some for text in texts]))


def _loop_over_ours(run: Run) -> float:
    """Processor time of comparing what some questions' answers state pair by pair in Python, over ours."""
    from tests.measures.test_conflicts import disagree

    asked = dict(run.questions()[["id", "text"]].itertuples(index=False))
    some = [statements(texts, asked[key]) for key, texts in _some_answers(run)]
    plain = processor_seconds(lambda: [disagree(one, other) for stated in some for one in stated for other in stated])
    return plain / processor_seconds(lambda: [disagreements(stated) for stated in some])


def _some_answers(run: Run) -> list[tuple[str, list[str]]]:
    """Answers to the first questions, some hundred in all, by question."""
    rows = run.responses(["text"])
    rows = rows[rows["text"].str.strip() != ""]
    groups = [(key, list(own)[:PLAIN_TEXTS]) for key, own in rows.groupby("question_id", sort=False)["text"]]
    return groups[: max(2, PLAIN_TEXTS // len(groups[0][1]))]


def processor_seconds(work: Callable[[], object]) -> float:
    """What one call takes of the processor."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
