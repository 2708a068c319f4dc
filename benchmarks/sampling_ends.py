"""Time our engine where answers end by themselves: rows that are refilled, and batches that wait for their last answer.

`python -m benchmarks.sampling_ends [--model gemma-3-270m] [--dataset truthfulqa] [--tokens 64] [--questions 24]
[--rounds 3]`

Ten samples and the greedy answer of real prompts, with the stop strings of their style, as a run has them. Both sides
take turns in one process, and each gives the same texts, or the command fails. The output has the least seconds of each
side, by the clock and of the processor, which other work on the machine lengthens less; their ratios; the mean number
of rows of a step; and what the prompts, the leaving and the joining of rows take, in shares of the processor's time.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from benchmarks.sampling import common_options
from benchmarks.sampling_peers import SAMPLES
from homog_core.records import Decoding
from homog_core.runs.questions import load_questions
from homog_core.sampling.batch import ON_CPU
from homog_core.sampling.decoding import ComputedDecoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import find_model

PARTS = ((TorchSampler, "prefill"), (ComputedDecoding, "keep"), (ComputedDecoding, "join"))


def main() -> None:
    """Measure and print one JSON document."""
    parser = common_options(__doc__, tokens=64)
    parser.set_defaults(questions=24)
    parser.add_argument("--dataset", default="truthfulqa")
    options = parser.parse_args()
    sampler = TorchSampler.from_pretrained(find_model(options.model))
    questions = load_questions(options.dataset, limit=options.questions)
    decoding = Decoding(n_samples=SAMPLES, max_new_tokens=options.tokens)

    def run() -> tuple[dict[str, float], dict[str, list[str]]]:
        with _shares() as parts:
            clock, processor, steps, rows, texts = time.perf_counter(), time.process_time(), 0, 0, {}
            for step in sampler.sample(questions, decoding, sampler.spec.prompt_style, ON_CPU):
                steps, rows = steps + 1, rows + step.n_tokens
                texts |= {done.question_id: [answer.text for answer in done.responses] for done in step.finished}
            processor = time.process_time() - processor
        found = {"seconds": time.perf_counter() - clock, "processor_seconds": processor, "rows_of_a_step": rows / steps}
        return found | {name: seconds / processor for name, seconds in parts.items()}, texts

    rounds: dict[str, list[dict[str, float]]] = {"refilled": [], "waiting": []}
    for _ in range(options.rounds + 1):  # the first one warms
        one, texts = run()
        with patch.object(ComputedDecoding, "takes_more", False):
            other, expected = run()
        if texts != expected:
            raise SystemExit("The texts differ.")
        rounds["refilled"].append(one), rounds["waiting"].append(other)
    least = {name: min(found[1:], key=lambda one: one["processor_seconds"]) for name, found in rounds.items()}
    for name, found in rounds.items():
        least[name]["seconds"] = min(one["seconds"] for one in found[1:])
    ratios = {
        f"waiting_over_refilled_{name}": least["waiting"][name] / least["refilled"][name]
        for name in ("seconds", "processor_seconds")
    }
    shown = {side: {name: round(value, 3) for name, value in found.items()} for side, found in least.items()}
    print(json.dumps(vars(options) | shown | {name: round(value, 2) for name, value in ratios.items()}, indent=1))


@contextmanager
def _shares() -> Iterator[dict[str, float]]:
    """The processor's seconds of each of `PARTS` while the context lasts."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            started = time.process_time()
            try:
                return function(*arguments)
            finally:
                seconds[name] += time.process_time() - started

        return call

    with ExitStack() as patches:
        for owner, name in PARTS:
            patches.enter_context(patch.object(owner, name, timed(name, getattr(owner, name))))
        yield seconds


if __name__ == "__main__":
    main()
