"""Time the first live answer on a fresh machine, phase by phase.

`python -m benchmarks.first_use [--model gemma-3-270m-dpo] [--tokens 32]`

The cache is a new empty folder, so weights in packages are unpacked. Each phase follows the one before it in one new
process, as on the page Live lab: one question, ten samples and the greedy answer. `seconds` are those of the clock;
`cpu_seconds` are those of the cores, which a busy machine changes little. What the system has read before is in its
memory. The page imports torch and transformers when it is opened, so `import` is over before anybody presses Sample.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_QUESTIONS = ("Name a planet.", "Which city would you like to see?")


class Clock:
    """Seconds by phase, in the order in which they were measured."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        started, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + time.process_time() - cpu

    def move(self, name: str, inner: str, outer: str) -> None:
        """Call a phase `inner`, and take it out of the phase that it was in."""
        for seconds in (self.seconds, self.cpu_seconds):
            seconds[inner] = seconds.pop(name)
            seconds[outer] -= seconds[inner]


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma-3-270m-dpo")
    parser.add_argument("--tokens", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOMOG_CACHE"] = folder
        clock = _measure(options.model, options.tokens)
    found = {
        "model": options.model,
        "seconds": {name: round(value, 2) for name, value in clock.seconds.items()},
        "cpu_seconds": {name: round(value, 2) for name, value in clock.cpu_seconds.items()},
        "seconds_from_click_to_first_answer": round(_until_first_answer(clock.seconds), 2),
        "cpu_seconds_from_click_to_first_answer": round(_until_first_answer(clock.cpu_seconds), 2),
    }
    print(json.dumps(found, indent=1))


def _until_first_answer(seconds: dict[str, float]) -> float:
    later = ("import", "first question: the other answers")
    return sum(value for name, value in seconds.items() if name not in later and not name.startswith("second"))


def _measure(model: str, tokens: int) -> Clock:
    clock = Clock()
    with clock.phase("import"):
        import torch  # noqa: F401
        import transformers
        from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401

        from homog_core.records import Decoding
        from homog_core.sampling import engine
        from homog_core.sampling.engine import TorchSampler
        from homog_core.sampling.weights import find_model, local_weights

    spec = find_model(model)
    with clock.phase("unpack"):
        local_weights(spec)
    _split(clock, transformers.AutoTokenizer, "from_pretrained", "tokenizer")
    _split(clock, engine, "load_model", "load")
    _split(clock, engine, "quicken_few_rows", "integers")
    _split(clock, engine, "quicken_layers", "layers")
    _split(clock, TorchSampler, "sibling", "adapter")
    _split(clock, TorchSampler, "prefill", "prefill")
    sampler = TorchSampler.from_pretrained(spec)
    clock.move("tokenizer", "tokenizer", "load")
    for name, text in zip(("first question", "second question"), _QUESTIONS, strict=True):
        _ask(clock, name, sampler, text, Decoding(n_samples=10, max_new_tokens=tokens))
    return clock


def _ask(clock: Clock, name: str, sampler: Any, text: str, decoding: Any) -> None:
    """One question: the prompt, the first token of every answer, the end of the first answer, and of all."""
    from homog_core.records import Question

    steps = sampler.sample([Question("one", "benchmark", text)], decoding, sampler.spec.prompt_style, 1)
    with clock.phase(f"{name}: first token"):
        step = next(steps)
    clock.move("prefill", f"{name}: prefill", f"{name}: first token")
    with clock.phase(f"{name}: first answer"):
        while not any(answer.finish_reason for answer in step.answers):
            step = next(steps)
    with clock.phase(f"{name}: the other answers"):
        for _ in steps:
            pass


def _split(clock: Clock, owner: Any, name: str, phase: str) -> None:
    """Measure every call of a function on its own."""
    original = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        with clock.phase(phase):
            return original(*arguments, **named)

    setattr(owner, name, timed)


if __name__ == "__main__":
    main()
