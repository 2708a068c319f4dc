"""Time our engine beside `generate` and llama.cpp: same model, prompts and lengths, in one process.

`python -m benchmarks.sampling [--model gemma-3-270m] [--tokens 32] [--questions 4] [--rounds 3]
[--polygraph PYTHON]`

All sides take turns, but for llama.cpp: its server slows down all others, also while nobody asks it. The fastest round
of each counts, since other work only lengthens one. Each samples ten answers of exactly `tokens` tokens for every
question at temperature 1, one question at a time: our engine, also with four questions in a batch (`ours_batched`) and
with the library's own layers (`ours_plain`); `generate` with those layers, with ten samples in one call, and with one
call a sample and the scores kept (`generate_each`, of the first question alone); llama.cpp's server with ten requests
at once and the 20 likeliest tokens (where the model is an installed GGUF file and `xllamacpp` is there); with
`--polygraph PYTHON` lm-polygraph, of the first question alone, in the environment of that interpreter. Our engine also
decodes the greedy answer and records entropies; nobody else does either.

The output has the seconds of each side, their ratios, where our time goes with one question and with four, the most
memory before llama.cpp is started, and which share of the roofline one question reaches: a step cannot be shorter than
reading all weights once in fp32, nor than multiplying them with eleven rows, both as fast as this machine does in the
same run. Integers are a quarter of the weights, so more than all of it is possible.
"""

import argparse
import importlib.util
import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.sampling_peers import SAMPLES, generate, llama_cpp, polygraph
from homog_core.catalogue.models import GGUF_WHEELS
from homog_core.records import Decoding, PromptStyle, Question
from homog_core.runs.questions import load_questions
from homog_core.sampling import decoding as steps
from homog_core.sampling.draws import choose_tokens
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import find_model, local_weights


def main() -> None:
    """Measure and print one JSON document."""
    parser = common_options(__doc__, tokens=32)
    parser.add_argument(
        "--polygraph", metavar="PYTHON", help="an interpreter that has lm-polygraph, to be timed as well"
    )
    options = parser.parse_args()
    sampler, questions, style = never_ending(options)
    prompts = [sampler.prompt(question.text, style) for question in questions]
    sampler.prompt = lambda text, _: next(  # the same prompts without their stop strings
        type(p)(p.text, (), p.add_special_tokens) for p, q in zip(prompts, questions, strict=True) if q.text == text
    )
    decoding = Decoding(n_samples=SAMPLES, max_new_tokens=options.tokens)

    def ours(batch: int) -> None:
        for _ in sampler.sample(questions, decoding, style, batch):
            pass

    def plain() -> None:
        with _library_layers(sampler.model):
            ours(1)

    def theirs(some: list[Any], *, together: bool) -> None:
        with _library_layers(sampler.model):
            generate(sampler, some, options.tokens, together=together)

    sides: dict[str, Callable[[], None]] = {
        "ours": lambda: ours(1),
        "ours_plain": plain,
        "ours_batched": lambda: ours(4),
        "generate": lambda: theirs(prompts, together=True),
        "generate_each": lambda: theirs(prompts[:1], together=False),
    }
    ours(1), ours(4), theirs(prompts[:1], together=True)  # warm
    parts = {
        "share_of_time": _parts(sampler, lambda: ours(1)),
        "share_of_time_batched": _parts(sampler, lambda: ours(4)),
        "peak_bytes": _peak(sampler),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, run in sides.items():
            seconds[name].append(_time(run))
    if sampler.spec.source in GGUF_WHEELS and importlib.util.find_spec("xllamacpp"):
        # not before: beside its server, also while nobody asks it, everything else takes twice to three times as long
        with llama_cpp(sampler.spec.source, prompts, options.tokens) as run:
            run()  # warm
            seconds["llama_cpp"] = [_time(run) for _ in range(options.rounds)]
    document = _document(options, sampler, seconds) | parts
    if options.polygraph:
        folder = local_weights(sampler.spec).folder
        found = polygraph(options.polygraph, folder, prompts[0], options.tokens)
        document["sampled_tokens_per_second"]["lm_polygraph"] = round(found, 1)
    print(json.dumps(document, indent=1))


def common_options(description: str | None, tokens: int) -> argparse.ArgumentParser:
    """The options of every benchmark of sampling; answers have so many `tokens` unless others are asked for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--tokens", type=int, default=tokens)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def never_ending(
    options: argparse.Namespace, dtype: str | None = None
) -> tuple[TorchSampler, list[Question], PromptStyle]:
    """A sampler none of whose tokens ends an answer, the questions, and the style of their prompts."""
    sampler = TorchSampler.from_pretrained(find_model(options.model), dtype=dtype)
    sampler._end_ids = frozenset()
    questions = load_questions("starter", limit=options.questions)
    return sampler, questions, "chat" if sampler.tokenizer.chat_template else "few_shot"


def _document(options: argparse.Namespace, sampler: TorchSampler, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """What was measured: the fastest round of each side, and the ratios of `generate` to ours."""
    least = {name: min(values) for name, values in seconds.items()}
    answer = SAMPLES * options.tokens
    sampled = {name: answer * (1 if name == "generate_each" else options.questions) for name in least}
    return {
        "model": options.model,
        "device": sampler.device,
        "seconds": {name: round(value, 2) for name, value in least.items()},
        "sampled_tokens_per_second": {name: round(sampled[name] / value, 1) for name, value in least.items()},
        "generate_over_ours": round(least["generate"] / least["ours"], 2),
        "generate_over_ours_batched": round(least["generate"] / least["ours_batched"], 2),
        "plain_over_ours": round(least["ours_plain"] / least["ours"], 2),
        **_roofline(sampler, least["ours"] / (options.questions * options.tokens)),
        "kept_bytes_per_token_by_vocabulary": {v: _kept_bytes(v) for v in (1_000, 100_000)},
    }


def _time(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


@contextmanager
def _library_layers(model: Any) -> Iterator[None]:
    """The model as transformers has it, without layers of ours for few rows."""
    own = [(module, module.__dict__.pop("forward")) for module in model.modules() if "forward" in module.__dict__]
    try:
        yield
    finally:
        for module, forward in own:
            module.forward = forward


def _parts(sampler: TorchSampler, run: Callable[[], None]) -> dict[str, float]:
    """Which share of one run goes where."""
    seconds = dict.fromkeys(("prefill", "layers", "projection", "choice"), 0.0)

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            found: list[Any] = []
            seconds[name] += _time(lambda: found.append(function(*arguments, **named)))
            return found[0]

        return timed

    head = sampler.model.get_output_embeddings()
    with ExitStack() as patches:
        for owner, name, part in (
            (sampler, "prefill", "prefill"),
            (sampler, "next_logits", "layers"),
            (head, "forward", "projection"),
            (steps, "choose_tokens", "choice"),
        ):
            patches.enter_context(patch.object(owner, name, counted(part, getattr(owner, name))))
        whole = _time(run)
    # the layers' time has the projection's in it, and the prompts' has both
    seconds["layers"] -= seconds["prefill"] + seconds["projection"]
    shares = {name: round(value / whole, 3) for name, value in seconds.items()}
    return shares | {"bookkeeping": round(1 - sum(shares.values()), 3)}


def _peak(sampler: TorchSampler) -> int:
    """The most memory in bytes of the process, or of the GPU, so far."""
    if sampler.model.device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _roofline(sampler: TorchSampler, step: float) -> dict[str, float]:
    """How near a step of `step` seconds is to what reading all weights once and multiplying them would take."""
    weight = max(sampler.model.parameters(), key=lambda one: one.numel()).detach()
    square = torch.randn(2048, 2048, dtype=weight.dtype, device=weight.device)
    read = weight.numel() * weight.itemsize / min(_time(lambda: weight.sum()) for _ in range(5))
    multiplied = 2 * 2048**3 / min(_time(lambda: square @ square) for _ in range(5))
    n = sum(one.numel() for one in sampler.model.parameters())
    reading, multiplying = n * weight.itemsize / read, 2 * 11 * n / multiplied
    return {
        "read_bytes_per_second": round(read),
        "multiply_flops": round(multiplied),
        "step_seconds": round(step, 4),
        "share_of_roofline": round(max(reading, multiplying) / step, 2),
    }


def _kept_bytes(vocabulary: int, rows: int = 11) -> float:
    """Bytes per token that remain after a step: the id, the entropy and the log-probability."""
    logits, uniform = torch.randn(rows, vocabulary), torch.rand(rows, 24, dtype=torch.float64)
    chosen = choose_tokens(logits, uniform, torch.zeros(rows, dtype=torch.bool), Decoding())
    return sum(t.element_size() * t.numel() for t in chosen) / rows


if __name__ == "__main__":
    main()
