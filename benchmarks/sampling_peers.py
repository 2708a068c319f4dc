"""What `benchmarks.sampling` runs beside our engine: transformers' `generate`, llama.cpp's server, and lm-polygraph.

All of them sample at temperature 1 from the whole distribution, and every answer has the same number of tokens.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.served import serving
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.prompts import Prompt

SAMPLES = 10


def generate(sampler: TorchSampler, prompts: Sequence[Prompt], tokens: int, *, together: bool) -> None:
    """`generate` for each prompt: all samples in one call, or one call a sample with its scores kept."""
    torch.manual_seed(0)
    for prompt in prompts:
        inputs = sampler.tokenizer(prompt.text, return_tensors="pt", add_special_tokens=prompt.add_special_tokens)
        kept = {} if together else {"output_scores": True, "return_dict_in_generate": True}
        for _ in range(1 if together else SAMPLES):
            sampler.model.generate(
                **inputs.to(sampler.model.device),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=SAMPLES if together else 1,
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                **kept,
            )


@contextmanager
def llama_cpp(source: str, prompts: Sequence[Prompt], tokens: int) -> Iterator[Callable[[], None]]:
    """Asks llama.cpp's server for ten samples of each prompt at once, each with the 20 likeliest tokens.

    The file is the model's own, with integers as weights; the numbers of a prompt are kept from one sample to the next,
    as the server does by itself. Raises `RuntimeError` where an answer has another length.
    """
    from openai import OpenAI

    with serving(source, threads=torch.get_num_threads(), parallel=SAMPLES) as server:
        client = OpenAI(base_url=server.url, api_key="none")

        def ask(prompt: Prompt, seed: int) -> None:
            answer = client.completions.create(
                model="model",
                prompt=prompt.text,
                max_tokens=tokens,
                temperature=1.0,
                seed=seed,
                logprobs=20,
                extra_body={"ignore_eos": True, "top_k": 0, "top_p": 1.0, "min_p": 0.0},
            )
            if answer.usage.completion_tokens != tokens:
                raise RuntimeError(f"llama.cpp gave {answer.usage.completion_tokens} tokens of {tokens}")

        def run() -> None:
            for prompt in prompts:
                with ThreadPoolExecutor(SAMPLES) as threads:
                    list(threads.map(lambda seed, prompt=prompt: ask(prompt, seed), range(SAMPLES)))

        yield run


def polygraph(python: str, folder: Path, prompt: Prompt, tokens: int) -> float:
    """Tokens per second of lm-polygraph with ten samples of one prompt; `python` is an interpreter that has it."""
    script = Path(__file__).with_name("polygraph.py")
    command = [python, script, folder, str(tokens), str(torch.get_num_threads())]
    ended = subprocess.run(command, input=prompt.text, capture_output=True, text=True, check=True)
    measured = json.loads(ended.stdout.splitlines()[-1])
    return measured["tokens"] / measured["seconds"]
