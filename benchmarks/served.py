"""A served model beside the same weights here: whether llama.cpp's server and our engine tell the same story.

`python -m benchmarks.served [--model gemma-3-270m] [--questions 3] [--draws 200]`

Needs `xllamacpp`, which is among the requirements of the tests. It serves the model's own GGUF file. Prints one JSON
document. `bounds`: over all tokens of four answers and the greedy one to questions of `starter`, the lower bound from
the 20 likeliest tokens beside the exact entropy at the same place, computed here on the same tokens: how many lie above
it by more than the largest difference of the two programs' log-probabilities, and how much is between them.
`first_token`: of one-token answers to each question, the χ² test of their counts against the exact probabilities.
"""

import argparse
import importlib.util
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chisquare

from homog_core.catalogue.models import GGUF_WHEELS
from homog_core.catalogue.servers import Server
from homog_core.records import Decoding, Question, Response
from homog_core.runs.questions import load_questions
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.recomputation import Recomputed, recompute
from homog_core.sampling.remote import RemoteSampler, list_models, served_model
from homog_core.sampling.weights import find_model

_EXPECTED = 12  # draws in a class of the χ² test, about


@contextmanager
def serving(source: str, threads: int = 1, parallel: int = 4) -> Iterator[Server]:
    """llama.cpp's server with the GGUF file of an installed package, for so many requests at a time."""
    import xllamacpp

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        with path.open("wb") as out:
            for package, file in GGUF_WHEELS[source].parts:
                found = importlib.util.find_spec(package).submodule_search_locations
                out.write((Path(next(iter(found))) / file).read_bytes())
        params = xllamacpp.CommonParams()
        params.model.path, params.model_alias = str(path), {"model"}
        params.n_ctx, params.n_parallel, params.warmup = 1024 * parallel, parallel, False
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        server = xllamacpp.Server(params)
        yield Server("llama.cpp", f"{server.listening_address}/v1", requests=parallel, timeout=600)
        del server


def sampler_of(server: Server) -> RemoteSampler:
    """The sampler of the one model that a server has."""
    (name,) = list_models(server)
    return RemoteSampler.connect(served_model(server, name), server=server)


def token_ids(sampler: TorchSampler, pieces: Sequence[str]) -> list[int | None]:
    """The ids of pieces of text; None for one that is no token by itself, as half of a character."""
    vocabulary, found = sampler.tokenizer.get_vocab(), []
    for piece in pieces:
        spelled = (vocabulary.get(piece.replace(" ", mark)) for mark in "▁Ġ")  # how tokenizers write a space
        alone = sampler.tokenizer.encode(piece, add_special_tokens=False)
        found.append(next((key for key in spelled if key is not None), alone[0] if len(alone) == 1 else None))
    return found


def agreement(here: TorchSampler, question: Question, responses: Sequence[Response]) -> dict[str, np.ndarray]:
    """`bound` and `exact` entropies, and `off` = |Δ log-probability|, of all tokens of some answers to a question."""
    prompt = here.prompt(question.text, "plain").text
    prompt_ids = here.tokenizer(prompt)["input_ids"]
    found: dict[str, list[np.ndarray]] = {"bound": [], "exact": [], "off": []}
    for response in responses:
        known = ~np.isnan(response.token_logprobs)
        pieces = [piece for piece, is_known in zip(response.tokens, known, strict=True) if is_known]
        ids = token_ids(here, pieces)
        if not ids or None in ids:
            continue
        exact: Recomputed = recompute(here.activated(), prompt_ids, ids)
        found["bound"].append(response.token_entropies[known])
        found["exact"].append(exact.entropies)
        found["off"].append(np.abs(response.token_logprobs[known] - exact.logprobs))
    return {name: np.concatenate(values) for name, values in found.items()}


def first_token_test(here: TorchSampler, question: Question, drawn: Sequence[str]) -> dict[str, Any]:
    """The χ² test of first tokens against their exact probabilities.

    The vocabulary, the likeliest token first, is cut into classes of about equal probability, of some expected draws.
    """
    import torch

    ids = here.tokenizer(here.prompt(question.text, "plain").text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        p = torch.softmax(here.activated()(input_ids=ids).logits[0, -1].double(), -1).numpy()
    order, n = np.argsort(-p), len(drawn)
    most = max(2, min(10, n // _EXPECTED))
    of_rank = np.floor((p[order].cumsum() - p[order]).clip(0, 0.999999) * most).astype(int)
    class_of = np.empty(len(p), dtype=int)
    class_of[order] = np.unique(of_rank, return_inverse=True)[1]
    expected = np.bincount(class_of, weights=p) * n
    rarest = int(order[-1])  # stands for what is no token by itself
    counts = Counter(int(class_of[rarest if key is None else key]) for key in token_ids(here, drawn))
    observed = np.array([counts[i] for i in range(len(expected))])
    test = chisquare(observed, expected * n / expected.sum())
    return {"question": question.id, "n": n, "classes": len(expected), "chi2": test.statistic, "p": test.pvalue}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--questions", type=int, default=3)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    spec = find_model(options.model)
    here = TorchSampler.from_pretrained(spec, dtype="float32")
    questions = load_questions("starter", limit=options.questions)
    with serving(spec.source) as server:
        sampler = sampler_of(server)
        steps = list(sampler.sample(questions, Decoding(n_samples=4, max_new_tokens=16), "plain", 4))
        sets = {found.question_id: found for step in steps for found in step.finished}
        first = list(sampler.sample(questions, Decoding(n_samples=options.draws, max_new_tokens=1), "plain", 1))
        drawn = {f.question_id: [r.tokens[0] for r in f.responses] for step in first for f in step.finished}
    each = [agreement(here, q, (*sets[q.id].responses, sets[q.id].greedy)) for q in questions]
    bound, exact, off = (np.concatenate([one[name] for one in each]) for name in ("bound", "exact", "off"))
    document = {
        "model": options.model,
        "served": {name: getattr(steps[-1].served, name) for name in ("logprobs", "is_untruncated", "covered_mass")},
        "bounds": {
            "n_tokens": len(bound),
            "mean_bound": float(bound.mean()),
            "mean_exact": float(exact.mean()),
            "above_exact": int((bound > exact + off.max()).sum()),
            "most_above": float((bound - exact).max()),
            "mean_logprob_difference": float(off.mean()),
            "largest_logprob_difference": float(off.max()),
        },
        "first_token": [first_token_test(here, q, drawn[q.id]) for q in questions],
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
