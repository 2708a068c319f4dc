"""A stored run → what is wrong with it, in sentences that name the remedy. It changes nothing."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from homog_core.errors import CorruptRun
from homog_core.records import GREEDY
from homog_core.runs.manifest import run_id_of
from homog_core.runs.questions import question_ids_sha256
from homog_core.runs.store import TABLES, Run, open_run
from homog_core.runs.tables import read_parquet, shard_paths


def verify(run_id: str) -> list[str]:
    """What is wrong with a run, one sentence each; an empty list when nothing is. Raises `NotFound`."""
    try:
        run = open_run(run_id)
        questions, responses = run.questions(), run.responses()
        problems = [*_identity_problems(run, questions), *_response_problems(run, questions, responses)]
    except CorruptRun as error:
        return [str(error)]
    evidence = [path.stem for kind in ("embeddings", "nli", "judge") for path in run.folder.glob(f"{kind}-*.parquet")]
    for name in (*TABLES, *evidence):
        problems += _table_problems(run, name, responses)
    return problems


def _identity_problems(run: Run, questions: pd.DataFrame) -> Iterator[str]:
    if run.id != run.folder.name or run.id != run_id_of(run.identity):
        yield f"The manifest's identity hashes to {run_id_of(run.identity)}, not to {run.folder.name}."
    if question_ids_sha256(questions["id"]) != run.identity.question_ids_sha256:
        yield "The question ids are not those that the manifest names."
    status = run.provenance.status
    if status == "importing":
        yield "The run is importing; import the same file under the same names again to go on with it."
    elif status != "complete":
        yield f"The run is {status}; `sample` with the same options goes on with it."


def _response_problems(run: Run, questions: pd.DataFrame, responses: pd.DataFrame) -> Iterator[str]:
    stored = sum(read_parquet(shard, run.id, columns=["question_id"]).num_rows for shard in shard_paths(run.folder))
    if stored != len(responses):
        yield f"{stored - len(responses)} responses are stored twice."
    expected = [GREEDY, *range(run.decoding.n_samples)]
    by_question = responses.groupby("question_id")["sample_index"].apply(list).to_dict()
    missing = [qid for qid in questions["id"] if qid not in by_question]
    if missing and run.provenance.status == "complete":
        yield f"{len(missing)} questions have no responses, the first is {missing[0]}."
    for question_id, indices in by_question.items():
        if indices != expected:
            yield f"Question {question_id} has the samples {indices}, not {expected}."
    if stray := set(by_question) - set(questions["id"]):
        yield f"There are responses to questions that the run does not have: {sorted(stray)[:3]}."
    for row in responses.itertuples():
        lengths = {len(row.tokens), len(row.token_entropies), len(row.token_logprobs)}
        if len(lengths) != 1:
            yield f"Question {row.question_id}, sample {row.sample_index}: tokens and numbers differ in length."
        elif not _numbers_read(row, run.is_imported, run.provenance.served is not None):
            yield f"Question {row.question_id}, sample {row.sample_index}: a number is not finite."


def _numbers_read(row: Any, is_imported: bool, is_served: bool) -> bool:
    """All numbers finite, except where they are not known and so NaN.

    Of an imported run that is all entropies or all log-probabilities; of a served one both, or those of the end alone.
    """
    entropies, logprobs = np.isfinite(row.token_entropies), np.isfinite(row.token_logprobs)
    if is_served and row.entropy_kind == "none":
        return bool(np.isnan(row.token_entropies).all() and np.isnan(row.token_logprobs).all())
    if is_served and row.finish_reason == "stop":
        entropies, logprobs = entropies[:-1], logprobs[:-1]
    if is_imported and row.entropy_kind == "none":
        return bool(np.isnan(row.token_entropies).all() and logprobs.all())
    return bool(entropies.all() and (logprobs.all() or (is_imported and np.isnan(row.token_logprobs).all())))


def _table_problems(run: Run, name: str, responses: pd.DataFrame) -> Iterator[str]:
    try:
        frame = run.table(name)
    except CorruptRun as error:
        yield str(error)
        return
    if frame is None:
        yield f"There is no {name}.parquet; run `python -m homog_core score {run.id}`."
    elif stray := set(frame["question_id"]) - set(responses["question_id"]):
        yield f"{name}.parquet has questions that were not sampled: {sorted(stray)[:3]}."
    elif name in ("scores", "similarities") and (left := set(responses["question_id"]) - set(frame["question_id"])):
        yield f"{name}.parquet lacks {len(left)} questions; run `python -m homog_core score {run.id}`."
