"""A run → the same run, fit to be shared: without sentences of others, so that they can be put back, or as figures."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import HomogError
from homog_core.leftovers import Leftovers
from homog_core.measures.words import normalise, words_of
from homog_core.runs.contents import commit, held, read_file, shards, stored_names
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import QUESTION_PLACE, with_sentences
from homog_core.runs.sentences import stand_in, write_sentences
from homog_core.runs.store import FROM_ANSWERS, Run, open_run
from homog_core.runs.tables import MERGED, SCHEMAS, answers_sha256, response_of


def strip(run_id: str) -> Run:
    """Make a run fit to be shared: without its dataset's sentences, and without vectors, which seconds make again.

    The sentences of the catalogue's datasets are taken out of questions and prompts; those of our own sets and of a
    user's file stay. Of a public study, which others published, only figures are left: the answers too become
    stand-ins. Similarities, clusters, scores and grades are not touched. Raises `HomogError`, and changes
    nothing, where a prompt does not hold its question, and where the dataset is not on this machine or would not give
    the prompt back.
    """
    with held(open_run(run_id).folder):
        run = open_run(run_id)
        if run.provenance.study:
            _leave_figures(run)
        else:
            commit(run.folder, _bare_questions(run), drop=_vectors(run))
    return open_run(run_id)


def _vectors(run: Run) -> list[str]:
    """The files of vectors, those too that a kill has left, or that somebody has deleted."""
    named = {path.name for path in run.folder.glob("embeddings-*.parquet")} | (run.manifest.files or {}).keys()
    return sorted(name for name in named if name.startswith("embeddings-"))


def _leave_figures(run: Run) -> None:
    """Leave figures alone. The sentences are kept beside the runs of this machine first, so that none is lost.

    Of a run of figures goes what has come since, or what a kill has left.
    """
    if run.nli_models() or run.judges():
        raise HomogError(
            f"Run {run.id} holds its answers in what NLI models or judges said. Delete it, get it again by "
            f"`homog study get {run.provenance.study}`, and score it without them."
        )
    if run.responses()["tokens"].str.len().any():
        raise HomogError(f"Run {run.id} holds its answers token by token, so it cannot be stripped; import it without.")
    drop = [*_vectors(run), *(shards(run.folder, run.manifest).keys() - {MERGED})]
    if run.provenance.without_sentences:
        commit(run.folder, drop=drop)
        return
    questions, answers = run.questions(), run.responses()
    table = pa.Table.from_pandas(questions, schema=SCHEMAS["questions"], preserve_index=False)
    write_sentences(run.id, table, answers)
    empty = {"text": None, "references": [], "incorrect_references": [], "prompt": ""}
    stand_ins = answers.assign(text=list(_stand_ins(answers, run.leftovers)))
    computed = [name for name in stored_names(run.folder) if name.startswith(FROM_ANSWERS)]
    commit(
        run.folder,
        {
            "questions.parquet": pa.Table.from_pylist(
                [row | empty for row in table.to_pylist()], schema=SCHEMAS["questions"]
            ),
            MERGED: pa.Table.from_pandas(stand_ins, schema=SCHEMAS["responses"], preserve_index=False),
        },
        derived_from=dict.fromkeys(computed, answers_sha256(stand_ins)),
        drop=drop,
        without_sentences=True,
    )


def _stand_ins(responses: pd.DataFrame, rule: Leftovers) -> Iterator[str]:
    """What stands for each answer: which answers to a question are in the same words, and how many words they are.

    The same words: after normalisation. An answer that does not count stays empty.
    """
    known: dict[str, dict[str, int]] = {}
    for row in responses.itertuples():
        response, wordings = response_of(row, rule), known.setdefault(row.question_id, {})
        if not response.is_valid:
            yield ""
            continue
        number = wordings.setdefault(normalise(response.answer), len(wordings) + 1)
        yield stand_in(number, len(words_of(response.answer)))


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
