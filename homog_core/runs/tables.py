"""The Parquet files of a run: their columns, records ↔ rows, and reading and writing one file.

Knows nothing of the folder that they lie in but the names of the files.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from homog_core.errors import CorruptRun, HomogError
from homog_core.leftovers import Leftovers, answer_text
from homog_core.records import GREEDY, Decoding, Question, Response, ResponseSet
from homog_core.typed import typed

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
_LEAST = {  # what the tables that grow with the version must have
    "clusters": pa.schema(
        [
            ("question_id", pa.string()),
            ("sample_index", pa.int64()),
            ("clusterer", pa.string()),
            ("label", pa.int64()),
        ]
    ),
    "grades": pa.schema(
        [
            ("question_id", pa.string()),
            ("sample_index", pa.int64()),
            ("grade", pa.string()),
            ("grade_policy", pa.string()),
        ]
    ),
    "scores": pa.schema([("question_id", pa.string())]),
    "maps": pa.schema(
        [
            ("question_id", pa.string()),
            ("sample_index", pa.int64()),
            ("clusterer", pa.string()),
            ("method", pa.string()),
            ("x", pa.float64()),
            ("y", pa.float64()),
            ("faithfulness", pa.float64()),
        ]
    ),
}
_OWNER = b"homog_run"  # the key of a file's metadata that names its run
_PART_BYTES = 1 << 18  # in memory, of what is read together where rows are written a few questions at a time
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


def response_of(row: Any, rule: Leftovers) -> Response:
    """The record of one row of `Run.responses`; `rule` is the run's `leftovers`."""
    return Response(
        row.text,
        tuple(row.tokens),
        np.asarray(row.token_entropies, dtype=np.float32),
        np.asarray(row.token_logprobs, dtype=np.float32),
        row.finish_reason,
        row.entropy_kind,
        rule,
    )


def response_set(rows: Iterable[Any], prompt: str, model_key: str, decoding: Decoding, rule: Leftovers) -> ResponseSet:
    """The record of one question from its rows of `Run.responses`, as tuples; `rule` is the run's `leftovers`."""
    row_of = {int(row.sample_index): row for row in rows}
    question_id = str(row_of[GREEDY].question_id)
    greedy = response_of(row_of.pop(GREEDY), rule)
    samples = tuple(response_of(row_of[i], rule) for i in sorted(row_of))
    return ResponseSet(question_id, model_key, prompt, decoding, samples, greedy)


def compared(texts: pd.Series, leftovers: Leftovers) -> np.ndarray:
    """What is compared (`Response.answer`) of each text (n,), as objects; equal texts are looked at once."""
    codes, different = pd.factorize(texts)
    return np.array([answer_text(text, leftovers) for text in different], dtype=object)[codes]


def valid_rows(rows: pd.DataFrame, leftovers: Leftovers) -> pd.DataFrame:
    """The valid sampled answers (`Response.is_valid`) of rows of `Run.responses`, `compared` as `answer`."""
    rows = rows[(rows["sample_index"] != GREEDY) & (rows["finish_reason"] != "error")]
    answers = compared(rows["text"], leftovers)
    return rows.assign(answer=answers)[answers.astype(bool)]


def answers_sha256(responses: pd.DataFrame) -> str:
    """Hash of the answers of `Run.responses`, however many files they are stored in."""
    digest = hashlib.sha256()
    for row in responses.itertuples():
        words = [row.question_id, int(row.sample_index), row.text, row.finish_reason, row.entropy_kind, *row.tokens]
        digest.update(json.dumps(words).encode())
        for numbers in (row.token_entropies, row.token_logprobs):
            digest.update(np.asarray(numbers, dtype="<f4").tobytes())
    return digest.hexdigest()


def parquet_bytes(table: pa.Table, run_id: str) -> bytes:
    """A file of a run: compressed, with a checksum on every page and the run's id in its metadata.

    Similarities are written a few questions at a time, so that one can be read without the others, and without a
    dictionary of their numbers, which would be longer than they are.
    """
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _OWNER: run_id.encode()})
    is_grouped, sink = table.schema.names == SCHEMAS["similarities"].names, io.BytesIO()
    dictionaries = ["question_id", "clusterer"] if is_grouped else True
    options = {"compression": "zstd", "write_page_checksum": True, "use_dictionary": dictionaries}
    with pq.ParquetWriter(sink, table.schema, **options) as writer:
        for part in _few_questions(table) if is_grouped else [table]:
            writer.write_table(part)
    return sink.getvalue()


def _few_questions(table: pa.Table) -> list[pa.Table]:
    """A table in parts of whole questions, of about `_PART_BYTES` or one question; its rows stand together."""
    ids = table["question_id"].to_numpy()
    begins = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1)]
    sizes = [table.slice(a, b - a).nbytes for a, b in pairwise([*begins, len(ids)])]
    part_of = np.concatenate([[0], np.cumsum(sizes)[:-1] // _PART_BYTES])
    edges = [0, *(begins[i] for i in np.flatnonzero(np.diff(part_of)) + 1), len(ids)]
    return [table.slice(a, b - a) for a, b in pairwise(edges)]


def owner_of(path: Path) -> str | None:
    """The run that a Parquet file was written for; None where it does not say or does not read."""
    try:
        found = (pq.read_schema(path).metadata or {}).get(_OWNER)
    except Exception:  # a damaged footer makes pyarrow raise anything
        return None
    return None if found is None else found.decode(errors="replace")


def read_parquet(path: Path, run_id: str, columns: Sequence[str] | None = None, near: str | None = None) -> pa.Table:
    """One file of a run, with the columns that it must have, and without what others may have written about them.

    With `near`, the rows of that question and of those that were written with it, which may be all.
    Raises `CorruptRun` where it is missing or damaged or holds another table, `HomogError` where the disk fails.
    """
    name = path.name.partition(".parquet")[0] + ".parquet"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            groups = range(file.num_row_groups) if near is None else _groups_with(file.metadata, near)
            table = file.read_row_groups(groups, columns)
        table = table.replace_schema_metadata()
        table.validate(full=True)
    except FileNotFoundError as error:
        raise CorruptRun(f"Run {run_id} has no {name}; run {_maker(name, run_id)} again.") from error
    except Exception as error:  # a damaged file makes pyarrow raise anything
        if isinstance(error, OSError) and error.errno:  # of the machine, not of the file
            raise HomogError(f"{path} could not be read ({error.strerror}).") from error
        raise CorruptRun(damage(name, run_id)) from error
    if wrong := _misfit(table.schema, name, columns):
        raise CorruptRun(f"{damage(name, run_id)[:-1]} ({wrong}).")
    return table


def _groups_with(metadata: pq.FileMetaData, question_id: str) -> list[int]:
    """Which row groups of a file may have rows of a question, by the least and the greatest id in them."""
    found = []
    for i in range(metadata.num_row_groups):
        columns = map(metadata.row_group(i).column, range(metadata.num_columns))
        ids = next(column.statistics for column in columns if column.path_in_schema == "question_id")
        if ids is None or not ids.has_min_max or ids.min <= question_id <= ids.max:
            found.append(i)
    return found


def damage(name: str, run_id: str) -> str:
    """The sentence about a file that is not what was written."""
    return (
        f"{name} of run {run_id} is damaged. Delete that file and run {_maker(name, run_id)} again, "
        "or `import` where the answers came from a file: only what was in it is done again."
    )


def _maker(name: str, run_id: str) -> str:
    """The command that makes a file, in Markdown."""
    is_sampled = name.startswith(("responses-", "questions"))
    return "the same `sample` command" if is_sampled else f"`{typed('score', run_id)}`"


def _misfit(schema: pa.Schema, name: str, columns: Sequence[str] | None) -> str:
    """Which column of a file is missing or of another type; "" where it fits."""
    for field in _wanted(name):
        if columns is not None and field.name not in columns:
            continue
        if field.name not in schema.names:
            return f"it has no column {field.name!r}"
        if not _like(schema.field(field.name).type, field.type):
            return f"its column {field.name!r} is of type {schema.field(field.name).type}"
    return ""


def _wanted(name: str) -> pa.Schema:
    kind = next((kind for kind in (*SCHEMAS, *_LEAST) if name.startswith(kind)), None)
    return pa.schema([]) if kind is None else (SCHEMAS | _LEAST)[kind]


def _like(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of one type do for another; a column without any value has the type null."""
    if pa.types.is_list(wanted) or pa.types.is_large_list(wanted):
        is_list = pa.types.is_list(found) or pa.types.is_large_list(found)
        return pa.types.is_null(found) or (is_list and _like(found.value_type, wanted.value_type))
    kinds = (_is_text, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return pa.types.is_null(found) or any(kind(found) and kind(wanted) for kind in kinds)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
