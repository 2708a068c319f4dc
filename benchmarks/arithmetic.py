"""What bf16 does to entropies: the same texts in fp32, in bf16 with the vocabulary projection in fp32, and all in bf16.

`python -m benchmarks.arithmetic [--model gemma-3-270m] [--questions 12]`

Samples ten answers and the greedy one to questions of `starter` in fp32 and reads them again in each arithmetic, one
forward pass an answer. Prints one JSON document: of |H in bf16 − H in fp32| over all tokens the mean and the largest,
in nats, the mean of H itself, and the seconds of a decoding step of eleven rows.
"""

import argparse
import copy
import json
import time
from typing import Any

import numpy as np
import torch

from homog_core.records import Decoding
from homog_core.runs.questions import load_questions
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.projection import project_in_fp32
from homog_core.sampling.recomputation import final_answers, recompute
from homog_core.sampling.rows import Encoded
from homog_core.sampling.weights import find_model


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--questions", type=int, default=12)
    options = parser.parse_args()
    spec = find_model(options.model)
    sampler = TorchSampler.from_pretrained(spec, dtype="float32")
    questions, decoding = load_questions("starter", limit=options.questions), Decoding()
    answers = final_answers(sampler, questions, decoding, spec.prompt_style, 4)
    prompts = {q.id: Encoded.of(sampler, q, decoding, spec.prompt_style).ids for q in questions}

    def entropies(model: Any) -> np.ndarray:
        read = [recompute(model, prompts[key], answer.token_ids) for (key, _), answer in answers.items()]
        return np.concatenate([one.entropies for one in read])

    exact = entropies(sampler.activated())
    rough = copy.deepcopy(sampler.model).to(torch.bfloat16)
    measured = {"all in bf16": (entropies(rough), _step_seconds(rough))}
    project_in_fp32(rough)
    measured["projection in fp32"] = (entropies(rough), _step_seconds(rough))
    document = {
        "model": options.model,
        "n_tokens": len(exact),
        "mean_entropy": float(exact.mean()),
        "step_seconds_fp32": _step_seconds(sampler.model),
        "bf16": {
            name: {
                "mean_difference": float(np.abs(found - exact).mean()),
                "largest_difference": float(np.abs(found - exact).max()),
                "mean_signed_difference": float((found - exact).mean()),
                "step_seconds": seconds,
            }
            for name, (found, seconds) in measured.items()
        },
    }
    print(json.dumps(document, indent=1))


def _step_seconds(model: Any, rows: int = 11, steps: int = 5) -> float:
    """Seconds of a forward pass of one token a row, the least of some."""
    ids, seconds = torch.full((rows, 1), 5, device=model.device), []
    with torch.inference_mode():
        for _ in range(steps):
            started = time.perf_counter()
            model(input_ids=ids)
            seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
