"""How cost grows: `python -m benchmarks.cost [--quick]`, which also draws `docs/cost.svg`.

Eight short series of processor seconds of this process, on one thread: sampling against questions, answers to each and
vocabulary; scoring against questions and answers to each; and, against the runs of a store, listing them and the rates
of Alignment tax's first chart, new and kept. The model is random and small, so that its vocabulary counts for more than
in a real one. Vectors of texts are made up and stored before scoring is timed, since an encoder would take most of the
time; `benchmarks.scoring` has it. Answers are those of shipped runs.

Prints one JSON document: of each series its sizes, seconds (the least of some rounds), and exponent, which is the slope
of a line through the logarithms of the larger half; 1 is linear. `--quick` takes the two smallest sizes of each series,
to see that everything runs, and draws nothing.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.cost_plot import Series, drawing
from benchmarks.reliability.scenes import own_folder, questions
from benchmarks.scoring import made_run, processor_seconds
from benchmarks.synthetic_store import Shape, synthetic_store
from homog_core import files
from homog_core.analysis.rates import single_cluster_row
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.encoders import ENCODERS
from homog_core.files import PROJECT
from homog_core.measures.projection import warm_up
from homog_core.records import Decoding, ModelSpec
from homog_core.runs import derived
from homog_core.runs.evidence import embed_run
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs

SAMPLED = {  # what sampling is measured against; all other settings are the usual ones
    "n_questions": ("questions", (1, 2, 4, 8, 16)),
    "n_samples": ("answers to each question", (5, 10, 20, 40)),
    "vocabulary": ("tokens in the vocabulary", (8_192, 16_384, 32_768, 65_536, 131_072, 262_144)),
}
USUAL = {"n_questions": 4, "n_samples": 10, "vocabulary": 32_768}
SCORED = {
    "n_questions": ("questions", (25, 50, 100, 200)),
    "n_answers": ("answers to each question", (5, 10, 20, 40, 80)),
}
USUALLY_SCORED = {"n_questions": 10, "n_answers": 10}
RUNS = (10, 20, 40, 80)
BATCH, N_TOKENS = 4, 16  # questions that are sampled at once, and tokens of an answer
STORED = Shape(n_runs=0, n_questions=20, n_samples=10)  # each run of the store
ROUNDS, PATIENCE = 5, 2.0  # at most so many rounds, and none begins after so many seconds


class MadeUp:
    """Unit vectors of texts, by their hashes, under the key of a real encoder."""

    def __init__(self, key: str, n_dimensions: int = 256) -> None:
        self.key, self._n_dimensions = key, n_dimensions

    def load(self) -> None:
        """Nothing has to be loaded."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text, (n, d)."""
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts]
        matrix = np.array([np.random.default_rng(seed).normal(size=self._n_dimensions) for seed in seeds])
        matrix = matrix.reshape(-1, self._n_dimensions).astype(np.float32)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    most = 2 if parser.parse_args().quick else None  # sizes of each series
    warm_up()  # UMAP compiles once per process
    found = []
    for series in (sampling(most), scoring(most), store(RUNS[:most])):
        for one in series:
            print(json.dumps(one.as_json()), file=sys.stderr, flush=True)
            found.append(one)
    print(json.dumps([one.as_json() for one in found], indent=1))
    if not most:
        (PROJECT / "docs" / "cost.svg").write_text(drawing(found), encoding="utf-8")


def sampling(most: int | None = None) -> Iterator[Series]:
    """Seconds of sampling against questions, answers and vocabulary; `most` sizes of each."""
    for name, (axis, sizes) in SAMPLED.items():
        yield Series("Sampling", axis, sizes[:most], [_sampling(**(USUAL | {name: size})) for size in sizes[:most]])


def scoring(most: int | None = None) -> Iterator[Series]:
    """Seconds of scoring against questions and answers; `most` sizes of each."""
    with TemporaryDirectory() as folder, patch.dict(os.environ, HOMOG_CACHE=folder):
        for name, (axis, sizes) in SCORED.items():
            seconds = [_scoring(**(USUALLY_SCORED | {name: size})) for size in sizes[:most]]
            yield Series("Scoring", axis, sizes[:most], seconds)


def store(sizes: Sequence[int]) -> Iterator[Series]:
    """Seconds of what pages ask of all runs of a store, against how many there are."""
    works = {
        "List of runs": (list_runs, False),
        "Rates by run, new": (_rates, False),
        "Rates by run, kept": (_rates, True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    shipped = files.SHIPPED
    with own_folder() as folder:
        for n in sizes:
            with patch.object(files, "SHIPPED", shipped), redirect_stdout(sys.stderr):  # answers come from there
                synthetic_store(folder, replace(STORED, n_runs=n))
            _rates()  # so that what follows from each run is kept
            for name, (work, kept) in works.items():
                seconds[name].append(_anew(folder, work, kept=kept))
    yield from (Series(name, "runs", sizes, own) for name, own in seconds.items())


def _sampling(n_questions: int, n_samples: int, vocabulary: int) -> float:
    """Seconds of sampling that many questions in batches; every answer has `N_TOKENS` tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from homog_core.sampling.engine import TorchSampler

    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, tie_word_embeddings=True, **sizes)).eval()
    sampler = TorchSampler(model, _tokenizer(vocabulary), ModelSpec("random", "nobody/random"))
    sampler._end_ids = frozenset()  # every answer runs to its full length
    decoding = Decoding(n_samples=n_samples, max_new_tokens=N_TOKENS)
    asked = questions(n_questions)
    list(sampler.sample(asked[:1], replace(decoding, max_new_tokens=2), "plain"))  # what is done once
    return _least(lambda: list(sampler.sample(asked, decoding, "plain", BATCH)))


def _tokenizer(n_words: int) -> Any:
    """One token a word, so that every id of a vocabulary is a text."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(n_words)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0")


def _scoring(n_questions: int, n_answers: int) -> float:
    """Seconds of scoring a run whose vectors are stored."""
    run = made_run("scored", n_questions, n_answers)
    encoders = [MadeUp(key) for key in ENCODERS]
    for encoder in encoders:
        embed_run(run, encoder)
    return _least(lambda: score_run(run.id, encoders))


def _rates() -> list[dict[str, Any]]:
    """The rows of the chart By run."""
    runs = map(ScoredRun, list_runs())
    return [single_cluster_row(run, run.clusterer, "") for run in runs]


def _anew(folder: Path, work: Callable[[], object], *, kept: bool) -> float:
    """Seconds of some work on a store that this process has never read; `kept` is with what follows from its runs."""

    def once() -> float:
        with TemporaryDirectory() as name, patch.dict(os.environ, HOMOG_CACHE=name):
            shutil.copytree(folder, name, ignore=None if kept else _without_derived, dirs_exist_ok=True)
            return processor_seconds(work)

    return min(once() for _ in range(ROUNDS))


def _without_derived(folder: str, names: list[str]) -> list[str]:
    return [derived.folder().name] if derived.folder().name in names else []


def _least(work: Callable[[], object]) -> float:
    """The least seconds of some rounds."""
    found = [processor_seconds(work)]
    while len(found) < ROUNDS and sum(found) < PATIENCE:
        found.append(processor_seconds(work))
    return min(found)


if __name__ == "__main__":
    main()
