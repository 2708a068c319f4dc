"""lm-polygraph's sampling of one prompt, timed, for `benchmarks.sampling --polygraph`.

`PYTHON benchmarks/polygraph.py FOLDER TOKENS THREADS < PROMPT`, where PYTHON is that of an environment with
`lm-polygraph` and FOLDER has the model. Draws ten answers of TOKENS tokens twice, the first time to warm up, and prints
the seconds and tokens of the second time.
"""

import json
import sys
import time

import torch
from lm_polygraph.stat_calculators.sample import SamplingGenerationCalculator
from lm_polygraph.utils.generation_parameters import GenerationParameters
from lm_polygraph.utils.model import WhiteboxModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    """Measure and print one JSON document."""
    folder, tokens, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.generation_config.min_new_tokens = int(tokens)
    whole = GenerationParameters(temperature=1.0, top_k=0, top_p=1.0, do_sample=True)
    given = WhiteboxModel(model, AutoTokenizer.from_pretrained(folder), folder, generation_parameters=whole)
    prompt, calculator = sys.stdin.read(), SamplingGenerationCalculator()
    for _ in range(2):
        started = time.perf_counter()
        found = calculator({}, [prompt], given, max_new_tokens=int(tokens))
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "tokens": sum(len(one) for one in found["sample_tokens"][0])}))


if __name__ == "__main__":
    main()
