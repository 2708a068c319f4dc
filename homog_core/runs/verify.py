"""A stored run → what is wrong with it, in sentences that name the remedy. It changes nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from homog_core.errors import CorruptRun, HomogError
from homog_core.records import GREEDY
from homog_core.runs.contents import check, commit, foreign_names, held, read_shards, stored_names
from homog_core.runs.manifest import prompts_sha256, run_id_of
from homog_core.runs.questions import question_ids_sha256
from homog_core.runs.store import FROM_ANSWERS, TABLES, Run, open_run
from homog_core.typed import typed

_KEYS = {  # what no two rows of a table may have in common
    "similarities": ["question_id", "clusterer"],
    "clusters": ["question_id", "clusterer", "sample_index"],
    "grades": ["question_id", "sample_index"],
    "scores": ["question_id"],
    "maps": ["question_id", "clusterer", "sample_index"],
}


_EVIDENCE = ("embeddings-", "nli-", "judge-")


def verify(run_id: str) -> list[str]:
    """What is wrong with a run, one sentence each; an empty list when nothing is. Raises `NotFound`."""
    try:
        run = open_run(run_id)
        problems = list(_file_problems(run))
        if run.manifest.files is None:
            problems += [f"It has no hashes to be checked by; `{typed('seal', run.id)}` adds them."]
        return [*problems, *_content_problems(run, problems)]
    except CorruptRun as error:
        return [str(error)]


def damage_of(run: Run) -> list[str]:
    """What is wrong with what is stored of a run, one sentence each; that it has not been scored is not wrong."""
    try:
        problems = list(_file_problems(run))
        stored = [name for name in TABLES if run.has(name)]
        return [*problems, *_content_problems(run, problems, stored)]
    except CorruptRun as error:
        return [str(error)]


def seal(run_id: str) -> Run:
    """Write hashes into the manifest of a run of an older version. Raises `HomogError` where `verify` finds more wrong.

    A run that has them stays as it is, if they fit.
    """
    with held(open_run(run_id).folder):
        run = open_run(run_id)
        known = run.manifest.files
        problems = [*_file_problems(run), *_content_problems(run, [])]
        if problems:
            raise HomogError(f"Run {run_id} is not sealed, since something is wrong with it: {problems[0]}")
        if known is None:
            answers = run.answers_sha256()
            names = [name for name in stored_names(run.folder) if name.startswith(FROM_ANSWERS)]
            commit(run.folder, derived_from=dict.fromkeys(names, answers))
    return open_run(run_id)


def _file_problems(run: Run) -> Iterator[str]:
    """Every file read again, whether or not this process has done so before."""
    for name, entry in sorted((run.manifest.files or {}).items()):
        if name not in stored_names(run.folder):
            is_said = name.removesuffix(".parquet") in TABLES or name.startswith(("questions", "responses-"))
            if not is_said:  # by `_content_problems`
                yield f"There is no {name} any more; run `{typed('score', run.id)}`."
            continue
        try:
            check(run.folder, name, entry, again=True)
        except CorruptRun as error:
            yield str(error)
    for name in foreign_names(run.folder, run.manifest):
        yield f"{name} does not belong to run {run.id}, so nothing reads it; delete that file."


def _content_problems(run: Run, known: list[str], tables: Sequence[str] = TABLES) -> Iterator[str]:
    """What does not fit together in files that read, leaving out what is known of files that do not.

    Of `tables` it is said where one is missing.
    """
    try:
        questions, responses = run.questions(), run.responses()
    except CorruptRun as error:
        if str(error) not in known:
            yield str(error)
        return
    problems = [*_identity_problems(run, questions), *_response_problems(run, questions, responses)]
    answers = None if problems else run.answers_sha256()
    yield from problems
    evidence = [
        name.removesuffix(".parquet") for name in sorted(stored_names(run.folder)) if name.startswith(_EVIDENCE)
    ]
    if run.provenance.status != "complete":  # it is scored when all answers are there
        tables = [name for name in tables if run.has(name)]
    for name in (*tables, *evidence):
        for problem in _table_problems(run, name, responses, answers):
            if problem not in known:
                yield problem


def _identity_problems(run: Run, questions: pd.DataFrame) -> Iterator[str]:
    if run.id.lstrip(".-") != run_id_of(run.identity):  # older versions let an id begin with a dash
        yield f"The manifest's identity hashes to {run_id_of(run.identity)}, not to {run.folder.name}."
    if question_ids_sha256(questions["id"]) != run.identity.question_ids_sha256:
        yield "The question ids are not those that the manifest names."
    prompts = questions.set_index("id")["prompt"].to_dict()
    is_whole = (
        len(prompts) == run.identity.n_questions and "" not in prompts.values()
    )  # not where sentences are missing
    if is_whole and prompts_sha256(prompts) != run.identity.prompts_sha256:
        yield "The prompts are not those that the manifest names."
    status = run.provenance.status
    if status == "importing":
        yield "The run is importing; import the same file under the same names again to go on with it."
    elif status != "complete":
        yield f"The run is {status}; `sample` with the same options goes on with it."


def _response_problems(run: Run, questions: pd.DataFrame, responses: pd.DataFrame) -> Iterator[str]:
    stored = sum(shard.num_rows for shard in read_shards(run.folder, columns=["question_id"]))
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


def _table_problems(run: Run, name: str, responses: pd.DataFrame, answers: str | None) -> Iterator[str]:
    try:
        frame = run.table(name)
    except CorruptRun as error:
        yield str(error)
        return
    again = f"run `{typed('score', run.id)}`"
    entry = (run.manifest.files or {}).get(f"{name}.parquet")
    if frame is None:
        yield f"There is no {name}.parquet; {again}."
    elif stray := set(frame["question_id"]) - set(responses["question_id"]):
        yield f"{name}.parquet has questions that were not sampled: {sorted(map(str, stray))[:3]}."
    elif name in ("scores", "similarities") and (left := set(responses["question_id"]) - set(frame["question_id"])):
        yield f"{name}.parquet lacks {len(left)} questions; {again}."
    elif name in _KEYS and (twice := int(frame.duplicated(_KEYS[name]).sum())):
        yield f"{name}.parquet has {twice} rows twice; {again}."
    elif entry and answers and entry.derived_from not in (None, answers):
        yield f"{name}.parquet was computed from other answers; {again}."
