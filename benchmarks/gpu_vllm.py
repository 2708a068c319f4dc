"""vLLM's offline engine on some prompts, timed, for `benchmarks.gpu --vllm`.

`PYTHON benchmarks/gpu_vllm.py FOLDER TOKENS ROWS < PROMPTS`, where PYTHON is that of an environment with `vllm`, FOLDER
has the configuration of a model, whose weights are then random, and PROMPTS is a JSON list of lists of token ids. Each
prompt is answered ROWS times at temperature 1 with TOKENS tokens. Prints answer tokens per second by the number of
prompts (1, 8, all) and by whether the log-probabilities of the 20 likeliest tokens are kept; the second of two runs.
"""

import json
import sys
import time

from vllm import LLM, SamplingParams


def main() -> None:
    """Measure and print one JSON document."""
    folder, tokens, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    prompts = [{"prompt_token_ids": ids} for ids in json.load(sys.stdin)]
    longest = max(len(prompt["prompt_token_ids"]) for prompt in prompts)
    llm = LLM(
        folder,
        load_format="dummy",
        skip_tokenizer_init=True,
        dtype="bfloat16",
        max_model_len=longest + tokens,
        max_num_seqs=rows * len(prompts),
        gpu_memory_utilization=0.6,
    )
    found = {}
    for n in sorted({1, min(8, len(prompts)), len(prompts)}):
        for logprobs in (None, 20):
            params = SamplingParams(
                n=rows, temperature=1.0, max_tokens=tokens, ignore_eos=True, detokenize=False, logprobs=logprobs
            )
            for _ in range(2):
                started = time.perf_counter()
                answered = llm.generate(prompts[:n], params, use_tqdm=False)
                seconds = time.perf_counter() - started
            made = sum(len(one.token_ids) for each in answered for one in each.outputs)
            found[f"vllm_{n}" if logprobs is None else f"vllm_logprobs_{n}"] = made / seconds
    print(json.dumps(found))


if __name__ == "__main__":
    main()
