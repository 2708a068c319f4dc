"""Time our engine against `model.generate(num_return_sequences=10)`: same model, prompts and lengths, in one process.

`python -m benchmarks.sampling [--model gemma-3-270m] [--tokens 32] [--questions 4] [--rounds 3]`

Both sides take turns. Each samples ten answers of exactly `tokens` tokens for every question at temperature 1, one
question at a time. Our engine also decodes the greedy answer and records entropies; `generate` does neither. The output
has the seconds of each side, their ratio, the ratio when our engine batches four questions, and where our time goes.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from homog_core.records import Decoding
from homog_core.runs.questions import load_questions
from homog_core.sampling.draws import choose_tokens
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import find_model


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sampler = TorchSampler.from_pretrained(find_model(options.model))
    sampler._end_ids = frozenset()  # every answer runs to its full length, on both sides
    questions = load_questions("starter", limit=options.questions)
    style = "chat" if sampler.tokenizer.chat_template else "few_shot"
    prompts = [sampler.prompt(question.text, style) for question in questions]
    sampler.prompt = lambda text, _: next(  # the same prompts without their stop strings
        type(p)(p.text, (), p.add_special_tokens) for p, q in zip(prompts, questions, strict=True) if q.text == text
    )
    decoding = Decoding(n_samples=10, max_new_tokens=options.tokens)

    def ours(batch: int) -> None:
        for _ in sampler.sample(questions, decoding, style, batch):
            pass

    def generate() -> None:
        torch.manual_seed(0)
        for prompt in prompts:
            inputs = sampler.tokenizer(prompt.text, return_tensors="pt", add_special_tokens=prompt.add_special_tokens)
            sampler.model.generate(
                **inputs.to(sampler.model.device),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=10,
                min_new_tokens=options.tokens,
                max_new_tokens=options.tokens,
            )

    ours(1), generate()  # warm both
    sides: dict[str, Callable[[], None]] = {
        "ours": lambda: ours(1),
        "generate": generate,
        "ours_batched": lambda: ours(4),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, run in sides.items():
            seconds[name].append(_time(run))
    print(json.dumps(_document(options, sampler, seconds), indent=1))


def _document(options: argparse.Namespace, sampler: TorchSampler, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """What was measured: medians over the rounds, and the ratios of `generate` to ours."""
    median = {name: statistics.median(values) for name, values in seconds.items()}
    sampled = options.questions * 10 * options.tokens
    return {
        "model": options.model,
        "device": sampler.device,
        "seconds": {name: round(value, 2) for name, value in median.items()},
        "sampled_tokens_per_second": {name: round(sampled / value, 1) for name, value in median.items()},
        "generate_over_ours": round(median["generate"] / median["ours"], 2),
        "generate_over_ours_batched": round(median["generate"] / median["ours_batched"], 2),
        "share_of_step_in_choosing_tokens": round(_choosing_share(sampler, median["ours"], options), 2),
        "kept_bytes_per_token_by_vocabulary": {v: _kept_bytes(v) for v in (1_000, 100_000)},
    }


def _time(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _choosing_share(sampler: TorchSampler, seconds: float, options: argparse.Namespace) -> float:
    """The share of our time that entropies and drawing take; the model takes the rest."""
    logits = torch.randn(11, sampler.model.config.vocab_size, device=sampler.model.device)
    uniform = torch.rand(11, 24, dtype=torch.float64, device=logits.device)
    greedy = torch.zeros(11, dtype=torch.bool, device=logits.device)
    with torch.inference_mode():
        choose_tokens(logits, uniform, greedy, Decoding())
        each = _time(lambda: [choose_tokens(logits, uniform, greedy, Decoding()) for _ in range(20)]) / 20
    return each * options.tokens * options.questions / seconds


def _kept_bytes(vocabulary: int, rows: int = 11) -> float:
    """Bytes per token that remain after a step: the id, the entropy and the log-probability."""
    logits, uniform = torch.randn(rows, vocabulary), torch.rand(rows, 24, dtype=torch.float64)
    chosen = choose_tokens(logits, uniform, torch.zeros(rows, dtype=torch.bool), Decoding())
    return sum(t.element_size() * t.numel() for t in chosen) / rows


if __name__ == "__main__":
    main()
