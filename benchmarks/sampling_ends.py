"""Time our engine where answers end by themselves: rows that are refilled, and batches that wait for their last answer.

`python -m benchmarks.sampling_ends [--model gemma-3-270m] [--dataset starter] [--prompt few_shot] [--tokens 64]
[--questions 24] [--rounds 3]`

Ten samples and the greedy answer of real prompts, with the stop strings of their style, as a run has them. Three sides
take turns in one process: `refilled` is our engine; `waiting` begins no question before all of a batch have ended;
`copied` does that too, and copies all rows that stay when one leaves, as transformers' cache does. All give the same
texts, or the command fails. The output has the least seconds of each side, of the processor, which other work on the
machine lengthens less, and by the clock; ratios of the former; the mean number of rows of a step; and which share of
the processor's time takes what: reading prompts, choosing tokens, the leaving and the joining of rows, computing steps.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, get_args
from unittest.mock import patch

from benchmarks.sampling import common_options
from benchmarks.sampling_peers import SAMPLES
from homog_core.records import Decoding, PromptStyle
from homog_core.runs.questions import load_questions
from homog_core.sampling import growing_cache
from homog_core.sampling.batch import ON_CPU
from homog_core.sampling.decoding import ComputedDecoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.steps import Step
from homog_core.sampling.weights import find_model

PROCESSOR = "processor_seconds"
PARTS = ((TorchSampler, "prefill"), *((ComputedDecoding, name) for name in ("tokens", "keep", "join", "advance")))


def main() -> None:
    """Measure and print one JSON document."""
    parser = common_options(__doc__, tokens=64)
    parser.set_defaults(questions=24)
    parser.add_argument("--dataset", default="starter")
    parser.add_argument("--prompt", default="few_shot", choices=get_args(PromptStyle))
    options = parser.parse_args()
    sampler = TorchSampler.from_pretrained(find_model(options.model))
    questions = load_questions(options.dataset, limit=options.questions)
    decoding = Decoding(n_samples=SAMPLES, max_new_tokens=options.tokens)

    rounds: dict[str, list[dict[str, float]]] = {"refilled": [], "waiting": [], "copied": []}
    expected: dict[str, list[str]] = {}
    list(sampler.sample(questions[:4], replace(decoding, max_new_tokens=8), options.prompt, ON_CPU))  # warm
    for _ in range(options.rounds):
        for side, found in rounds.items():
            with _as(side):
                one, texts = _timed(lambda: sampler.sample(questions, decoding, options.prompt, ON_CPU))
            found.append(one)
            print(side, one, file=sys.stderr, flush=True)
            if texts != (expected := expected or texts):
                raise SystemExit("The texts differ.")
    least = {side: {name: min(one[name] for one in found) for name in found[0]} for side, found in rounds.items()}
    ratios = {f"{side}_over_refilled": least[side][PROCESSOR] / least["refilled"][PROCESSOR] for side in rounds}
    shown = {side: {name: round(value, 3) for name, value in found.items()} for side, found in least.items()}
    print(json.dumps(vars(options) | shown | {name: round(value, 2) for name, value in ratios.items()}, indent=1))


@contextmanager
def _as(side: str) -> Iterator[None]:
    """The engine as one of the sides."""
    with ExitStack() as patches:
        if side != "refilled":
            patches.enter_context(patch.object(ComputedDecoding, "takes_more", False))
        if side == "copied":
            patches.enter_context(
                patch.object(growing_cache, "_selected", lambda old, index, _: old.index_select(0, index))
            )
        yield


def _timed(sample: Callable[[], Iterator[Step]]) -> tuple[dict[str, float], dict[str, list[str]]]:
    """What one run takes, and its texts by question id."""
    clock, processor, steps, rows, texts = time.perf_counter(), time.process_time(), 0, 0, {}
    with _shares() as parts:
        for step in sample():
            steps, rows = steps + 1, rows + step.n_tokens
            texts |= {done.question_id: [answer.text for answer in done.responses] for done in step.finished}
    processor = time.process_time() - processor
    found = {PROCESSOR: processor, "seconds": time.perf_counter() - clock, "rows_of_a_step": rows / steps}
    return found | {name: seconds / processor for name, seconds in parts.items()}, texts


@contextmanager
def _shares() -> Iterator[dict[str, float]]:
    """The processor's seconds of each of `PARTS` while the context lasts."""
    seconds = dict.fromkeys((name for _, name in PARTS), 0.0)

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
