"""The sentences of a run that ships without them, kept beside the runs of this machine once somebody has fetched them.

Until then a stand-in stands for each answer: it tells which answers to a question are in the same words, and how many
words they are. They lie in `<cache>/sentences/<run id>/`, so that the shipped run itself never changes.
"""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa

from homog_core import files
from homog_core.errors import CorruptRun
from homog_core.runs.tables import SCHEMAS, parquet_bytes, read_parquet

_ANSWERS = pa.schema([SCHEMAS["responses"].field(name) for name in ("question_id", "sample_index", "text")])


def stand_in(wording: int, n_words: int) -> str:
    """What stands for an answer: the number of its wording among those of its question, and of how many words it is."""
    return f"[wording {wording}, {n_words} words]"


def words_of_stand_in(text: str) -> int:
    """How many words an answer has for which `text` stands; 0 for an empty one."""
    found = re.fullmatch(r"\[wording \d+, (\d+) words\]", text)
    return int(found[1]) if found else 0


def sentences_folder(run_id: str) -> Path:
    """Where the sentences of a run are kept; the folder need not be there."""
    return files.cache() / "sentences" / run_id


def are_here(run_id: str) -> bool:
    """Whether the sentences of a run are on this machine. The answers are written last."""
    return (sentences_folder(run_id) / "answers.parquet").is_file()


def read_sentences(run_id: str, table: str) -> pd.DataFrame:
    """`questions` as a run stores them, or `answers`: question_id, sample_index, text. Raises `CorruptRun`."""
    folder = sentences_folder(run_id)
    try:
        return read_parquet(folder / f"{table}.parquet", run_id).to_pandas()
    except CorruptRun as error:
        raise CorruptRun(
            f"The sentences of run {run_id} are damaged; delete the folder {folder} and get them again; `homog study "
            "list` names the studies."
        ) from error


def write_sentences(run_id: str, questions: pa.Table, answers: pd.DataFrame) -> None:
    """Keep the sentences of a run. Raises `HomogError` where they cannot be written."""
    folder = sentences_folder(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    texts = pa.Table.from_pandas(answers[_ANSWERS.names], schema=_ANSWERS, preserve_index=False)
    for name, table in {"questions": questions, "answers": texts}.items():
        with files.replacing(folder / f"{name}.parquet", f"the sentences of run {run_id}") as stream:
            stream.write(parquet_bytes(table, run_id))
