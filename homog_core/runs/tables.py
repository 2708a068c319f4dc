"""The Parquet files of a run: their columns, records ↔ rows, and reading and writing one file.

Knows nothing of the folder that they lie in but the names of the files.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from homog_core.errors import CorruptRun, HomogError
from homog_core.files import replacing
from homog_core.records import GREEDY, Decoding, Question, Response, ResponseSet

_TEXTS = pa.list_(pa.string())
_NUMBERS = pa.list_(pa.float32())
SCHEMAS = {
    "questions": pa.schema(
        [
            ("id", pa.string()),
            ("dataset", pa.string()),
            ("text", pa.string()),
            ("references", _TEXTS),
            ("incorrect_references", _TEXTS),
            ("category", pa.string()),
            ("answer_type", pa.string()),
            ("prompt", pa.string()),
        ]
    ),
    "responses": pa.schema(
        [
            ("question_id", pa.string()),
            ("sample_index", pa.int32()),
            ("text", pa.string()),
            ("finish_reason", pa.string()),
            ("entropy_kind", pa.string()),
            ("tokens", _TEXTS),
            ("token_entropies", _NUMBERS),
            ("token_logprobs", _NUMBERS),
        ]
    ),
    "embeddings": pa.schema(
        [
            ("question_id", pa.string()),
            ("sample_index", pa.int32()),
            ("view", pa.string()),  # answer, masked (without the question's words) or question; a row for each window
            ("vector", pa.list_(pa.float16())),
        ]
    ),
    "nli": pa.schema(
        [
            ("question_id", pa.string()),
            ("premise", pa.string()),  # both without the question that may stand before them
            ("hypothesis", pa.string()),
            ("entailment", pa.float32()),
            ("neutral", pa.float32()),
            ("contradiction", pa.float32()),
            ("truncated", pa.bool_()),
        ]
    ),
    "judge": pa.schema(
        [
            ("question_id", pa.string()),
            ("answers", _TEXTS),  # the different ones, in the order of the samples
            ("labels", pa.list_(pa.int32())),  # one an answer; none where no reply could be read
            ("n_calls", pa.int32()),
            ("prompt_tokens", pa.int32()),
            ("reply_tokens", pa.int32()),
        ]
    ),
    "similarities": pa.schema(
        [
            ("question_id", pa.string()),
            ("clusterer", pa.string()),
            ("similarity", _NUMBERS),  # of valid responses i < j, row by row: N(N−1)/2 numbers
        ]
    ),
}
MERGED = "responses-merged.parquet"  # the shard that all others are merged into


def questions_table(questions: Iterable[tuple[Question, str]]) -> pa.Table:
    """One row a question, from questions with their prompts."""
    rows = [{**asdict(question), "prompt": prompt} for question, prompt in questions]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["questions"])


def question_of(row: Any) -> Question:
    """The record of one row of `Run.questions`."""
    return Question(
        row.id,
        row.dataset,
        row.text,
        tuple(row.references),
        tuple(row.incorrect_references),
        row.category,
        row.answer_type,
    )


def responses_table(responses: ResponseSet) -> pa.Table:
    """One row a response to one question."""
    samples = [*enumerate(responses.responses), (GREEDY, responses.greedy)]
    rows = [
        {
            "question_id": responses.question_id,
            "sample_index": index,
            "text": response.text,
            "finish_reason": response.finish_reason,
            "entropy_kind": response.entropy_kind,
            "tokens": list(response.tokens),
            "token_entropies": response.token_entropies,
            "token_logprobs": response.token_logprobs,
        }
        for index, response in samples
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["responses"])


def response_of(row: Any) -> Response:
    """The record of one row of `Run.responses`."""
    return Response(
        row.text,
        tuple(row.tokens),
        np.asarray(row.token_entropies, dtype=np.float32),
        np.asarray(row.token_logprobs, dtype=np.float32),
        row.finish_reason,
        row.entropy_kind,
    )


def response_set(rows: pd.DataFrame, prompt: str, model_key: str, decoding: Decoding) -> ResponseSet:
    """The record of one question from its rows of `Run.responses`."""
    by_index = {int(row.sample_index): response_of(row) for row in rows.itertuples()}
    greedy = by_index.pop(GREEDY)
    samples = tuple(by_index[i] for i in sorted(by_index))
    return ResponseSet(str(rows.iloc[0]["question_id"]), model_key, prompt, decoding, samples, greedy)


def shard_paths(folder: Path) -> list[Path]:
    """The files of a run that hold responses, the merged one first."""
    shards = sorted(folder.glob("responses-*.parquet"))
    return sorted(shards, key=lambda path: path.name != MERGED)


def read_shards(folder: Path, run_id: str, columns: Sequence[str] | None = None) -> list[pa.Table]:
    """All shards; listed again where a merge has taken some away meanwhile."""
    shards = shard_paths(folder)
    try:
        return [read_parquet(shard, run_id, columns) for shard in shards]
    except CorruptRun:
        if all(shard.exists() for shard in shards):
            raise
        return [read_parquet(shard, run_id, columns) for shard in shard_paths(folder)]


def read_parquet(path: Path, run_id: str, columns: Sequence[str] | None = None) -> pa.Table:
    """One file of a run. Raises `CorruptRun` where it is missing or damaged, `HomogError` where the disk fails."""
    try:
        return pq.read_table(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        remedy = "sample" if path.name.startswith(("responses-", "questions")) else "score"
        if isinstance(error, FileNotFoundError):
            raise CorruptRun(f"Run {run_id} has no {path.name}; run `python -m homog_core {remedy}` again.") from error
        if isinstance(error, OSError) and error.errno:  # of the machine, not of the file
            raise HomogError(f"{path} could not be read ({error.strerror}).") from error
        raise CorruptRun(
            f"{path.name} of run {run_id} is damaged. Delete that file and run `python -m homog_core {remedy}` again, "
            "or `import` where the answers came from a file: only what was in it is done again."
        ) from error


def write_parquet(path: Path, table: pa.Table) -> None:
    """Replace one file of a run. Raises `HomogError`, and keeps the old file, where the new one cannot be written."""
    with replacing(path, f"{path.name} of run {path.parent.name}") as stream:
        pq.write_table(table, stream, compression="zstd")
