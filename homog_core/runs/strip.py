"""A run → the same run, fit to be shared: its dataset's sentences taken out, so that `questions` can put them back."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import HomogError
from homog_core.runs.contents import commit, held, read_file
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import QUESTION_PLACE, with_sentences
from homog_core.runs.store import Run, open_run
from homog_core.runs.tables import SCHEMAS


def strip(run_id: str) -> Run:
    """Make a run fit to be shared: without its dataset's sentences, and without vectors, which seconds make again.

    The sentences of the catalogue's datasets are taken out of questions and prompts; those of our own sets and of a
    user's file stay. Similarities, clusters, scores and grades are not touched. Raises `HomogError`, and changes
    nothing, where a prompt does not hold its question, and where the dataset is not on this machine or would not give
    the prompt back.
    """
    with held(open_run(run_id).folder):
        run = open_run(run_id)
        bare = _bare_questions(run)
        vectors = [path.name for path in run.folder.glob("embeddings-*.parquet")]  # those too that a kill has left
        commit(run.folder, bare, drop=vectors)
    return open_run(run_id)


def _bare_questions(run: Run) -> dict[str, pa.Table]:
    """questions.parquet without sentences, by its name; nothing where there are none to take out."""
    spec = DATASETS.get(run.identity.dataset)
    if not spec or not spec.hub:
        return {}
    rows = read_file(run.folder, "questions.parquet").to_pylist()
    bare = [_without_sentences(row) if row["text"] is not None else row for row in rows]
    if bare == rows:
        return {}
    if not dataset_file(spec):
        raise HomogError(
            f"{spec.title} is not on this machine, so the run would lose its questions for good: name the "
            f"folder of {' or '.join(spec.files)} in HOMOG_DATA."
        )
    _check_comes_back(rows, bare, spec.title)
    return {"questions.parquet": pa.Table.from_pylist(bare, schema=SCHEMAS["questions"])}


def _without_sentences(row: dict[str, Any]) -> dict[str, Any]:
    if row["text"] not in row["prompt"]:
        raise HomogError(f"The prompt of question {row['id']} does not hold its text, so the run cannot be stripped.")
    template = row["prompt"].replace(row["text"], QUESTION_PLACE)
    return row | {"text": None, "references": [], "incorrect_references": [], "prompt": template}


def _check_comes_back(rows: Sequence[dict[str, Any]], bare: Sequence[dict[str, Any]], title: str) -> None:
    restored = with_sentences(pd.DataFrame(bare))["prompt"]
    for row, prompt in zip(rows, restored, strict=True):
        if row["text"] is not None and row["prompt"] != prompt:
            raise HomogError(
                f"Question {row['id']} is not in the {title} on this machine, so stripping would lose its prompt."
            )
