"""Models of 1 to 8 billion parameters on a GPU: our engine against `generate`, and what a step is made of.

`python -m benchmarks.gpu [--sizes 1b 4b 8b] [--tokens 64] [--vllm PYTHON]`

The weights are random, so that nothing has to be downloaded; the shapes are those of Llama 3.2 1B, Qwen3 4B and Llama
3.1 8B, in bf16, but with Gemma's tokenizer and its vocabulary of 262,144. Texts make no sense and never end, times are
those of real weights. Prints one JSON document a size: answer tokens per second of `generate(num_return_sequences=10)`
and of ours with 1, 8 and 32 questions of ten answers and a greedy one, with recorded steps and without; of a decoding
step with 11 and with 352 rows the milliseconds, those that the GPU computes, and the kernels and graphs launched; the
least time a step may take (reading all weights once, at the bandwidth measured here); and the most memory beside the
estimate. With `--vllm`, the interpreter of an environment that has vLLM, also the rates of its offline engine for the
same shapes and prompts, without log-probabilities and with those of the 20 likeliest tokens.
"""

import argparse
import gc
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from homog_core.device import avoid_plans_by_shape, memory_needed, model_numbers
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.questions import load_questions
from homog_core.sampling import engine
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.graphs import is_recordable
from homog_core.sampling.prompts import build_prompt
from homog_core.sampling.rows import Encoded
from homog_core.sampling.weights import find_model, local_weights

_VOCABULARY = 262_144
SIZES: dict[str, dict[str, Any]] = {
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32},
    "4b": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32},
    "8b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32},
}
_BATCHES = (1, 8, 32)
_STYLE = "few_shot"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--vllm", metavar="PYTHON")
    options = parser.parse_args()
    folder = local_weights(find_model("gemma-3-270m")).folder  # for its tokenizer
    tokenizer = AutoTokenizer.from_pretrained(folder)
    questions = load_questions("starter", limit=max(_BATCHES))
    avoid_plans_by_shape()
    for size in options.sizes:
        print(json.dumps(measured(size, tokenizer, questions, options.tokens), indent=1), flush=True)
        gc.collect()
        torch.cuda.empty_cache()
        if options.vllm:
            print(json.dumps(vllm(options.vllm, size, tokenizer, questions, options.tokens), indent=1), flush=True)


def measured(size: str, tokenizer: Any, questions: list[Question], tokens: int) -> dict[str, Any]:
    """Everything about one size."""
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(_config(size), dtype=torch.bfloat16).eval()
    sampler = TorchSampler(model, tokenizer, ModelSpec(size, f"random/{size}", family="random", stage="base"))
    sampler._end_ids = frozenset()  # every answer runs to its full length
    prompts = {question.text: sampler.prompt(question.text, _STYLE) for question in questions}
    sampler.prompt = lambda text, _: type(prompts[text])(prompts[text].text, (), prompts[text].add_special_tokens)
    decoding = Decoding(n_samples=10, max_new_tokens=tokens)
    list(sampler.sample(questions[:1], Decoding(n_samples=10, max_new_tokens=2), _STYLE, 1))  # warm
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    found: dict[str, Any] = {
        "size": size,
        "device": torch.cuda.get_device_name(),
        "weights_gb": round(weights / 1e9, 2),
    }
    _generate(sampler, questions[0], 2)
    rates = {"generate": 10 * tokens / _time(lambda: _generate(sampler, questions[0], tokens))}
    for batch in _BATCHES:
        for name, possible in (("computed", lambda *_: False), ("recorded", is_recordable)):
            engine.is_recordable = possible
            torch.cuda.reset_peak_memory_stats()
            seconds = _time(lambda n=batch: list(sampler.sample(questions[:n], decoding, _STYLE, n)))
            rates[f"{name}_{batch}"] = 11 * batch * tokens / seconds
            found[f"memory_gb_{name}_{batch}"] = _memory(sampler, questions[:batch], decoding)
    found["answer_tokens_per_second"] = {name: round(rate) for name, rate in rates.items()}
    found["steps"] = {11 * batch: _step(sampler, questions[:batch]) for batch in (1, 32)}
    found["least_ms_by_bandwidth"] = round(1000 * weights / _bandwidth(), 2)
    return found


def vllm(python: str, size: str, tokenizer: Any, questions: list[Question], tokens: int) -> dict[str, Any]:
    """Answer tokens per second of vLLM's offline engine for the shape and the questions of `measured`."""
    prompts = [build_prompt(question.text, _STYLE, tokenizer) for question in questions]
    ids = [tokenizer(prompt.text, add_special_tokens=prompt.add_special_tokens).input_ids for prompt in prompts]
    script = Path(__file__).with_name("gpu_vllm.py")
    with tempfile.TemporaryDirectory() as folder:
        _config(size).save_pretrained(folder)
        command = [python, str(script), folder, str(tokens), "11"]
        ended = subprocess.run(command, input=json.dumps(ids), stdout=subprocess.PIPE, text=True, check=True)
    rates = json.loads(ended.stdout.splitlines()[-1])
    return {"size": size, "answer_tokens_per_second": {name: round(rate) for name, rate in rates.items()}}


def _config(size: str) -> Any:
    config = AutoConfig.for_model(
        "qwen3" if size == "4b" else "llama",
        vocab_size=_VOCABULARY,
        num_key_value_heads=8,
        max_position_embeddings=8192,
        tie_word_embeddings=size != "8b",
        **SIZES[size],
    )
    config.architectures = ["Qwen3ForCausalLM" if size == "4b" else "LlamaForCausalLM"]
    return config


def _generate(sampler: TorchSampler, question: Question, tokens: int) -> None:
    prompt = sampler.prompt(question.text, _STYLE)
    inputs = sampler.tokenizer(prompt.text, return_tensors="pt", add_special_tokens=prompt.add_special_tokens)
    sampler.model.generate(
        **inputs.to("cuda"),
        do_sample=True,
        top_k=0,
        num_return_sequences=10,
        min_new_tokens=tokens,
        max_new_tokens=tokens,
        pad_token_id=0,
    )


def _memory(sampler: TorchSampler, questions: list[Question], decoding: Decoding) -> dict[str, float]:
    """The most that was allocated, and what `device.memory_needed` says."""
    n_parameters = sum(weight.numel() for weight in sampler.model.parameters())
    numbers = model_numbers(sampler.model.config.to_dict(), n_parameters)
    longest = max(len(Encoded.of(sampler, question, decoding, _STYLE).ids) for question in questions)
    estimate = memory_needed(numbers, 11 * len(questions), longest + decoding.max_new_tokens, 2)
    return {"most": round(torch.cuda.max_memory_allocated() / 1e9, 2), "estimated": round(estimate / 1e9, 2)}


def _step(sampler: TorchSampler, questions: list[Question], n: int = 8) -> dict[str, float]:
    """A decoding step in the middle of a batch, the Python around it included."""
    from torch.profiler import ProfilerActivity, profile

    steps = sampler.sample(questions, Decoding(n_samples=10, max_new_tokens=4 * n), _STYLE, len(questions))
    for _ in range(n):
        next(steps)
    seconds = _time(lambda: [next(steps) for _ in range(n)]) / n
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
        for _ in range(n):
            next(steps)
        torch.cuda.synchronize()
    steps.close()
    events = profiled.key_averages()
    launches = sum(
        event.count for event in events if event.key.startswith(("cudaLaunch", "cuLaunch", "cudaGraphLaunch"))
    )
    waits = sum(event.count for event in events if "Synchronize" in event.key)
    busy = sum(event.self_device_time_total for event in events) / 1e6 / n
    return {
        "ms": round(1000 * seconds, 2),
        "gpu_ms": round(1000 * busy, 2),
        "launches": launches / n,
        "waits": waits / n,
        "choosing_ms": round(1000 * _choosing(len(questions) * 11), 2),
    }


def _choosing(rows: int, n: int = 10) -> float:
    """Seconds of a step that entropies and drawing take, on the GPU and launching."""
    from homog_core.sampling.draws import choose_tokens

    logits = torch.randn(rows, _VOCABULARY, device="cuda")
    uniform = torch.rand(rows, 24, dtype=torch.float64, device="cuda")
    greedy = torch.zeros(rows, dtype=torch.bool, device="cuda")
    choose_tokens(logits, uniform, greedy, Decoding())
    return _time(lambda: [choose_tokens(logits, uniform, greedy, Decoding()) for _ in range(n)]) / n


def _bandwidth(n_bytes: int = 4_000_000_000, n: int = 10) -> float:
    """Bytes per second that the GPU reads, from the sum of a large tensor."""
    large = torch.ones(n_bytes // 4, device="cuda")
    large.sum()
    return n * n_bytes / _time(lambda: [large.sum() for _ in range(n)])


def _time(run: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    started = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
