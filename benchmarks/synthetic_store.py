"""Make a store of many or large runs, to try pages on: `python -m benchmarks.synthetic_store FOLDER --shape wide`.

`wide` has 50 runs of 800 questions with 10 answers, `deep` 10 runs of 100 questions with 200. Answers are those of the
shipped runs over `facts`, with their scores where there are ten. Where there are to be more, a run of 20 questions is
made of each stage under `FOLDER/sources` and scored, and its questions, answers and scores are repeated. Families are
invented: a base, its SFT, a control and two DPOs each. `HOMOG_CACHE=FOLDER` opens it. Runs that are there are kept.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from homog_core.catalogue.encoders import ENCODERS
from homog_core.measures.encoders import SentenceEncoder
from homog_core.records import Decoding, Question, ResponseSet
from homog_core.runs.manifest import identity_of
from homog_core.runs.score import score_run
from homog_core.runs.store import TABLES, Run, list_runs, open_run
from homog_core.runs.tables import question_of, response_of, response_set
from homog_core.runs.write import write_run

STAGES = {  # of each family: the shipped run that its answers come from, the stage, and the stage it was made from
    "base": ("gemma-3-270m--facts--c168bbdbbe", "base", None),
    "sft": ("gemma-3-270m-sft--facts--f56e44327e", "sft", "base"),
    "sft-continued": ("gemma-3-270m-sft-continued--facts--fa80ce6958", "sft", "sft"),
    "dpo": ("gemma-3-270m-dpo--facts--2493e7c049", "dpo", "sft"),
    "typical": ("gemma-3-270m-typical--facts--c951927186", "dpo", "sft"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a store is."""

    n_runs: int
    n_questions: int
    n_samples: int

    @property
    def dataset(self) -> str:
        """What its dataset is called; it comes first in lists."""
        return f"synthetic-{self.n_samples}"


N_DIFFERENT = 20  # questions that are scored where shipped runs have too few answers
SHAPES = {"wide": Shape(50, 800, 10), "deep": Shape(10, 100, 200)}


def main() -> None:
    """Write the runs of one shape into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="wide")
    options = parser.parse_args()
    synthetic_store(options.folder, SHAPES[options.shape])


def synthetic_store(folder: Path, shape: Shape) -> None:
    """Write the runs that are missing into `folder`, which becomes `HOMOG_CACHE`."""
    sources = {stage: _source(folder / "sources", shape, stage) for stage in STAGES}
    have = {run.identity.model for run in _scored(folder, shape)}
    for number in range(shape.n_runs):
        stage = list(STAGES)[number % len(STAGES)]
        family = f"model-{number // len(STAGES):02d}"
        if f"{family}-{stage}" not in have:
            run = _written(shape, family, stage, sources[stage])
            _copy_scores(run, sources[stage])
            print(run.id, flush=True)


def _scored(cache: Path, shape: Shape) -> list[Run]:
    """The scored runs of a shape in a cache, which becomes `HOMOG_CACHE`."""
    os.environ["HOMOG_CACHE"] = str(cache)
    (cache / "runs").mkdir(parents=True, exist_ok=True)
    own = [run for run in list_runs() if run.identity.dataset == shape.dataset]
    return [run for run in own if run.table(TABLES[-1]) is not None]


def _source(cache: Path, shape: Shape, stage: str) -> Run:
    """The scored run that a stage's answers come from: the shipped one, or one made of it that has enough answers."""
    shipped = open_run(STAGES[stage][0])
    if shipped.decoding.n_samples == shape.n_samples:
        return shipped
    there = {run.identity.model: run for run in _scored(cache, shape)}
    if found := there.get(f"source-{stage}"):
        return found
    run = _written(replace(shape, n_questions=N_DIFFERENT), "source", stage, shipped)
    score_run(run.id, [SentenceEncoder(key) for key in ENCODERS])
    print(run.id, flush=True)
    return run


def _written(shape: Shape, family: str, stage: str, run: Run) -> Run:
    """The answers of one run, with its manifest, from those of another."""
    _, of, parent = STAGES[stage]
    questions = _questions(run, shape)
    decoding = replace(run.decoding, n_samples=shape.n_samples)
    identity = identity_of(
        questions,
        model=f"{family}-{stage}",
        revision=run.identity.revision,
        dtype=run.identity.dtype,
        dataset=shape.dataset,
        decoding=decoding,
        prompt_style=run.identity.prompt_style,
    )
    parent = parent and f"{family}-{parent}"
    provenance = replace(run.provenance, family=family, stage=of, parent=parent, status="sampling")
    with write_run(identity, provenance, questions) as writer:
        writer.append_many(_answers(run, shape, decoding, {question.id: prompt for question, prompt in questions}))
        writer.merge()
        writer.update(status="complete")
        return writer.run


def _questions(run: Run, shape: Shape) -> list[tuple[Question, str]]:
    """The run's questions with their prompts, again under other ids until there are enough."""
    rows = list(run.questions().itertuples())
    repeated = [(row, n // len(rows)) for n, row in ((n, rows[n % len(rows)]) for n in range(shape.n_questions))]
    return [(replace(question_of(row), id=f"{row.id}#{k}", dataset=shape.dataset), row.prompt) for row, k in repeated]


def _answers(run: Run, shape: Shape, decoding: Decoding, prompts: dict[str, str]) -> Iterator[ResponseSet]:
    """The run's answers; where it has too few, those of all shipped runs of its stage and then of all, mixed."""
    own = dict(tuple(run.responses().groupby("question_id", sort=False)))
    pool = {} if shape.n_samples == run.decoding.n_samples else _pool(run)
    rng = np.random.default_rng(0)
    for key, prompt in prompts.items():
        rows = own[key.rpartition("#")[0]].assign(question_id=key)
        if not pool:
            yield response_set(rows.itertuples(), prompt, run.identity.model, decoding, run.leftovers)
            continue
        greedy = next(response_of(row, run.leftovers) for row in rows.itertuples() if row.sample_index < 0)
        mixed = pool[key.rpartition("#")[0]].iloc[: shape.n_samples].sample(frac=1.0, random_state=rng)
        samples = tuple(response_of(row, run.leftovers) for row in mixed.itertuples())
        yield ResponseSet(key, run.identity.model, prompt, decoding, samples, greedy)


def _pool(run: Run) -> dict[str, pd.DataFrame]:
    """All sampled answers that ship to each question, those of the run's stage first."""
    same = [other for other in list_runs() if other.identity.question_ids_sha256 == run.identity.question_ids_sha256]
    same.sort(key=lambda other: (other.id != run.id, other.provenance.stage != run.provenance.stage, other.id))
    rows = pd.concat([other.responses() for other in same])
    return dict(tuple(rows[rows["sample_index"] >= 0].groupby("question_id", sort=False)))


def _copy_scores(run: Run, source: Run) -> None:
    """The scores of the same answers in another run."""
    ids = list(run.questions()["id"])
    for name in TABLES:
        rows = dict(tuple(source.table(name).groupby("question_id", sort=False)))
        parts = [(key, rows.get(key.rpartition("#")[0])) for key in ids]
        run.write_table(
            name,
            pd.concat([part.assign(question_id=key) for key, part in parts if part is not None], ignore_index=True),
        )


if __name__ == "__main__":
    main()
