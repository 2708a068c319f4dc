"""Time our engine on a CPU without one of its pieces at a time: what each of them gives.

`python -m benchmarks.sampling_pieces [--model gemma-3-270m] [--tokens 16] [--questions 4] [--rounds 3]`

All take turns, and the fastest round of each counts. The output has the sampled tokens per second of ten samples a
question, one question at a time and all of them in a batch.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.sampling import common_options, never_ending
from benchmarks.sampling_peers import SAMPLES
from homog_core.records import Decoding
from homog_core.sampling import blocks, draws, few_rows, quick_layers, shared_beginning

LAYERS = {"_norm": "norms", "_gated": "gated layers", "_attend": "attention to one token", "_forward": "products"}


def main() -> None:
    """Measure and print one JSON document."""
    options = common_options(__doc__, tokens=16).parse_args()
    sampler, questions, style = never_ending(options)
    decoding = Decoding(n_samples=SAMPLES, max_new_tokens=options.tokens, stop=("\0never\0",))  # all of one length

    def seconds(batch: int) -> float:
        started = time.perf_counter()
        for _ in sampler.sample(questions, decoding, style, batch):
            pass
        return time.perf_counter() - started

    found: dict[str, list[list[float]]] = {}
    for _ in range(options.rounds + 1):  # the first one warms
        for piece in ("nothing", "matrix registers", *LAYERS.values(), "choice", "shared beginning"):
            with without(piece, sampler.model):
                found.setdefault(piece, []).append([seconds(1), seconds(options.questions)])
    n_tokens = SAMPLES * options.tokens * options.questions
    fastest = {piece: torch.tensor(rounds[1:]).amin(0) for piece, rounds in found.items()}
    columns = ("one_question", "batch")
    speeds = {f"without {k}": dict(zip(columns, (n_tokens / v).tolist(), strict=True)) for k, v in fastest.items()}
    print(json.dumps(speeds, indent=1))


@contextmanager
def without(piece: str, model: Any) -> Iterator[None]:
    """The engine without a piece."""
    taken = [
        (module, module.__dict__.pop("forward"))
        for module in model.modules()
        if "forward" in module.__dict__ and LAYERS.get(module.__dict__["forward"].func.__name__) == piece
    ]
    try:
        if piece == "matrix registers":
            with (
                patch.object(blocks, "has_matrix_registers", bool),
                patch.object(few_rows, "has_matrix_registers", bool),
            ):
                yield
        elif piece == "products":
            with patch.object(quick_layers, "is_computed_here", lambda *_: False):  # those of several layers in one
                yield
        elif piece == "choice":
            with patch.object(draws, "lanes", lambda: 1 << 30):  # no row fills such registers
                yield
        elif piece == "shared beginning":
            with patch.object(shared_beginning, "_FEWEST", 1 << 30):
                yield
        else:
            yield
    finally:
        for module, forward in taken:
            module.forward = forward


if __name__ == "__main__":
    main()
