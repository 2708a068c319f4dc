"""int8 beside fp32 on a CPU: how fast it is, what it does to entropies, and what it does to runs.

`OMP_NUM_THREADS=2 python -m benchmarks.int8 [--parts speed entropies ways runs] [--model gemma-3-270m]`

`speed`: ten answers of exactly `--tokens` tokens to four questions, one at a time and all in a batch; both sides take
turns, and the fastest of `--rounds` counts. `entropies`: |H in int8 − H in fp32| in nats of every token of ten answers
and the greedy one to `--texts` questions, which int8 has sampled and fp32 reads in one forward pass. `ways`: the same
of other ways to round, emulated in fp32 on texts that fp32 has sampled, five answers a question. `runs`: `--model` and
`--aligned` over the first `--questions` of `starter` in both; the difference in what a run says, paired by question.
Runs that are in HOMOG_CACHE are not sampled again. Prints one JSON document.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.sampling import common_options, never_ending
from homog_core.analysis.compare import question_frame
from homog_core.analysis.scored_run import ScoredRun
from homog_core.cli.sampling import sample_dataset
from homog_core.measures.encoders import SentenceEncoder
from homog_core.records import Decoding
from homog_core.runs.questions import load_questions
from homog_core.runs.score import score_run
from homog_core.runs.settings import Settings
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.few_rows import blocks_of
from homog_core.sampling.int8_code import LARGEST
from homog_core.sampling.recomputation import final_answers, recompute
from homog_core.sampling.rows import Encoded
from homog_core.sampling.weights import find_model
from homog_core.statistics.paired import paired_bootstrap_difference

PARTS = ("speed", "entropies", "ways", "runs")
STEPS = 127  # of an integer of 8 bits on either side of 0
OWN_BLOCKS = -1  # 32 inputs, and as they are where the file has such blocks
# The inputs that share a scale, of weights and of what they are multiplied with (None: not rounded, 0: all of a row),
# and the steps of the latter on either side of 0
WAYS = {
    "weights by blocks of 32": (OWN_BLOCKS, None, STEPS),
    "weights by rows": (0, None, STEPS),
    "activations by rows": (None, 0, STEPS),
    "activations by blocks of 32": (None, 32, STEPS),
    "activations by rows, two integers": (None, 0, LARGEST),
    "both by rows": (0, 0, STEPS),
    "both by blocks of 32": (OWN_BLOCKS, 32, STEPS),
    "both as here: weights by blocks of 32, activations by rows in two integers": (OWN_BLOCKS, 0, LARGEST),
}


def main() -> None:
    """Measure and print one JSON document."""
    parser = common_options(__doc__, tokens=16)
    parser.set_defaults(questions=60)
    parser.add_argument("--aligned", default="gemma-3-270m-dpo")
    parser.add_argument("--texts", type=int, default=4, help="questions of `entropies` and `ways`")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    measure = {"speed": _speed, "entropies": _entropies, "ways": _ways, "runs": _runs}
    print(json.dumps({"model": options.model} | {part: measure[part](options) for part in options.parts}, indent=1))


# Speed


def _speed(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Sampled tokens a second, and of a batch."""
    options = argparse.Namespace(**vars(options) | {"questions": 4})
    decoding, sides = Decoding(n_samples=10, max_new_tokens=options.tokens, stop=("\0never\0",)), {}
    for dtype in ("float32", "int8"):
        sampler, questions, style = never_ending(options, dtype)
        for name, batch in (("one question", 1), ("batch of four", 4)):
            sides[dtype, name] = partial(_drain, sampler.sample, questions, decoding, style, batch)
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds + 1):  # the first one warms
        for side, run in sides.items():
            seconds.setdefault(side, []).append(_time(run))
    n_tokens = 10 * options.tokens * options.questions
    found: dict[str, dict[str, float]] = {}
    for (dtype, name), values in seconds.items():
        found.setdefault(dtype, {})[name] = round(n_tokens / min(values[1:]), 1)
    return found


def _drain(sample: Callable[..., Iterable[Any]], *given: Any) -> None:
    for _ in sample(*given):
        pass


def _time(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


# Entropies


def _sampled(options: argparse.Namespace, dtype: str) -> tuple[Any, dict[str, list[int]], dict[Any, Any]]:
    """The model, the prompts' tokens by question, and the answers."""
    spec = find_model(options.model)
    sampler = TorchSampler.from_pretrained(spec, dtype=dtype)
    questions, decoding = load_questions("starter", limit=options.texts), Decoding(max_new_tokens=24)
    prompts = {q.id: list(Encoded.of(sampler, q, decoding, spec.prompt_style).ids) for q in questions}
    return sampler.activated(), prompts, final_answers(sampler, questions, decoding, spec.prompt_style, 4)


def _entropies(options: argparse.Namespace) -> dict[str, float]:
    model, prompts, answers = _sampled(options, "int8")
    exact = [recompute(model, prompts[key], one.token_ids, in_fp32=True).entropies for (key, _), one in answers.items()]
    recorded = np.concatenate([answer.entropies for answer in answers.values()])
    return _difference(recorded, np.concatenate(exact))


def _difference(found: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    off = np.abs(found - exact)
    return {
        "n_tokens": len(exact),
        "mean_entropy": round(float(exact.mean()), 4),
        "mean": round(float(off.mean()), 4),
        "median": round(float(np.median(off)), 4),
        "95 %": round(float(np.quantile(off, 0.95)), 4),
        "largest": round(float(off.max()), 4),
        "mean_signed": round(float((found - exact).mean()), 4),
    }


def _ways(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    model, prompts, answers = _sampled(options, "float32")
    read = [(prompts[key], answer.token_ids) for (key, i), answer in answers.items() if i < 5]

    def entropies() -> np.ndarray:
        return np.concatenate([recompute(model, *one).entropies for one in read])

    exact, found = entropies(), {}
    for name, way in WAYS.items():
        with _rounded_layers(model, *way):
            found[name] = _difference(entropies(), exact)
    return found


@contextmanager
def _rounded_layers(model: Any, of_weights: int | None, of_inputs: int | None, steps: int) -> Iterator[None]:
    """While this lasts, the layers that int8 takes round what they multiply, and multiply in fp32."""
    layers = [m for m in model.modules() if type(m) is torch.nn.Linear and "forward" in m.__dict__]
    weights, hooks = [layer.weight for layer in layers], []
    for layer in layers:
        if of_weights is not None and not (of_weights == OWN_BLOCKS and blocks_of(layer)):
            own = _rounded(layer.weight.detach(), 32 if of_weights == OWN_BLOCKS else of_weights, STEPS)
            layer.weight = torch.nn.Parameter(own, requires_grad=False)
        if of_inputs is not None:
            hooks.append(layer.register_forward_pre_hook(lambda _, given: (_rounded(given[0], of_inputs, steps),)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for layer, weight in zip(layers, weights, strict=True):
            layer.weight = weight


def _rounded(values: torch.Tensor, block: int, steps: int) -> torch.Tensor:
    blocks = values.reshape(-1, block or values.shape[-1])
    scales = (blocks.abs().amax(-1, keepdim=True) / steps).clamp(min=1e-30)
    return ((blocks / scales).round() * scales).reshape(values.shape)


# Runs


def _runs(options: argparse.Namespace) -> dict[str, Any]:
    encoder, found = SentenceEncoder("minilm"), {}
    for model in (options.model, options.aligned):
        exact, rough = (_scored(model, dtype, options.questions, encoder) for dtype in ("float32", "int8"))
        found[model] = {"answers": _alike(exact, rough)}
        for clusterer in exact.clusterers():
            if clusterer.encoder or clusterer.method == "jaccard":
                one, other = (question_frame(run, clusterer, list(exact.questions.index)) for run in (exact, rough))
                found[model][clusterer.key] = {
                    name: _paired(one[name], other[name])
                    for name in ("single_cluster", "num_semantic_sets", "discrete_semantic_entropy")
                }
        found[model]["token entropies"] = {
            name: _paired(one[name], other[name]) for name in ("mean_token_entropy", "mean_token_entropy_sampled")
        }
    return found


def _scored(model: str, dtype: str, n_questions: int, encoder: SentenceEncoder) -> ScoredRun:
    """The run, which is sampled and scored where it is not."""
    settings = Settings(limit=n_questions, max_new_tokens=24, dtype=dtype)
    run = sample_dataset(TorchSampler.from_pretrained(find_model(model), dtype=dtype), "starter", settings)
    scored = ScoredRun(run)
    return scored if scored.is_scored else ScoredRun(score_run(run.id, [encoder]))


def _alike(one: ScoredRun, other: ScoredRun) -> dict[str, float]:
    """Shares of the samples and of the greedy answers that have the same text in both runs."""
    pairs = [(one.answers(key), other.answers(key)) for key in one.questions.index]
    same = [a.text == b.text for x, y in pairs for a, b in zip(x.responses, y.responses, strict=True)]
    greedy = [x.greedy.text == y.greedy.text for x, y in pairs]
    return {"n": len(same), "same_samples": round(float(np.mean(same)), 4), "same_greedy": float(np.mean(greedy))}


def _paired(exact: Any, rough: Any) -> dict[str, float]:
    """Means of both, and the difference with its interval over questions."""
    found = paired_bootstrap_difference(exact, rough)
    moved = int(np.sum(np.asarray(exact) != np.asarray(rough)))
    numbers = {"fp32": exact.mean(), "int8": rough.mean(), "difference": found.value, "low": found.low}
    rounded = {name: round(float(value), 4) for name, value in (numbers | {"high": found.high}).items()}
    return rounded | {"n": found.n, "questions that differ": moved}


if __name__ == "__main__":
    main()
