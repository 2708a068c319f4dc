"""A folder of runs for an experiment, a sampler that says scripted answers, and an encoder that needs no weights."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from homog_core import files
from homog_core.measures.clustering import Clusterer
from homog_core.records import GREEDY, Decoding, ModelSpec, PromptStyle, Question, Response, ResponseSet
from homog_core.runs.manifest import read_manifest, write_manifest
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import Run, open_run
from homog_core.sampling.prompts import Prompt, build_prompt
from homog_core.sampling.steps import Answer, Step, Token

N_SAMPLES = 4
DECODING = Decoding(n_samples=N_SAMPLES)
STRICT, LAX = Clusterer("jaccard", 0.9), Clusterer("jaccard", 0.2)
_WORDS = ("red", "blue", "green", "old", "small", "fox", "whale", "owl", "tree", "stone")


class WordEncoder:
    """Unit vectors (8,) of texts, by their hashes."""

    key = "words"

    def load(self) -> None:
        """Nothing has to be loaded."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text, (n, 8)."""
        found = [np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], np.uint8) + 1.0 for text in texts]
        matrix = np.array(found, dtype=np.float32).reshape(-1, 8)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


class ScriptedSampler:
    """Says the same two words to the same question whenever it is asked, one word a step."""

    revision, device, dtype = "scripted-1", "none", "float32"

    def __init__(self, key: str) -> None:
        self.spec = ModelSpec(key, f"nobody/{key}")

    def sibling(self, spec: ModelSpec) -> "ScriptedSampler | None":
        """It shares nothing with another model."""
        return None

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The plain prompt."""
        return build_prompt(question, style, None)

    def sample(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, batch_questions: int = 4
    ) -> Iterator[Step]:
        """Two steps a question."""
        for question in questions:
            done = self.answers(question, decoding)
            rows = [*enumerate(done.responses), (GREEDY, done.greedy)]
            for n in (1, 2):
                yield Step(tuple(_answer(question.id, i, r, n) for i, r in rows), (done,) if n == 2 else ())

    def answers(self, question: Question, decoding: Decoding) -> ResponseSet:
        """All answers to a question."""
        said = [self._response(f"{self.spec.key} {question.id} {i}") for i in range(decoding.n_samples)]
        return ResponseSet(question.id, self.spec.key, "", decoding, tuple(said), said[0])

    def _response(self, seed: str) -> Response:
        first, second = (_WORDS[byte % 10] for byte in hashlib.sha256(seed.encode()).digest()[:2])
        numbers = np.float32([0.5, 0.25])
        return Response(f"{first} {second}", (first, f" {second}"), numbers, -numbers, "length")


def _answer(question_id: str, index: int, response: Response, n: int) -> Answer:
    said = [Token(text, 0.5, -0.25) for text in response.tokens]
    return Answer(question_id, index, said, n, "".join(response.tokens[:n]), "length" if n == 2 else None)


def questions(n: int) -> list[Question]:
    """Questions of our own."""
    return [Question(f"q{i:03}", "own", f"What is number {i}?", ("red fox",)) for i in range(n)]


@contextmanager
def own_folder() -> Iterator[Path]:
    """An empty cache for an experiment; no shipped run is found meanwhile."""
    before, shipped = os.environ.get("HOMOG_CACHE"), files.SHIPPED
    with TemporaryDirectory(prefix="homog-reliability-") as name:
        os.environ["HOMOG_CACHE"] = name
        files.SHIPPED = Path(name) / "shipped"
        try:
            yield Path(name)
        finally:
            files.SHIPPED = shipped
            os.environ.pop("HOMOG_CACHE")
            if before is not None:
                os.environ["HOMOG_CACHE"] = before


def scored_run(key: str, n: int) -> Run:
    """A complete run of n questions, with all its tables."""
    run = sample_run(ScriptedSampler(key), questions(n), DECODING, "plain")
    return score_run(run.id, [WordEncoder()], clusterers=[STRICT])


def copied(source: Path, cache: Path) -> Run:
    """A run copied into the experiment's folder; one of a version that kept no hashes gets them."""
    target = cache / "runs" / source.name
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".lock"))
    return open_run(source.name)


def forget_hashes(run: Run) -> None:
    """Make a run one of a version that kept no hashes."""
    write_manifest(run.folder, replace(read_manifest(run.folder), files=None))
