"""What models say of stored answers: embeddings and NLI probabilities, each computed once and kept with the run.

`embed_run` and `judge_run` compute what is missing and store it; the others read what is stored.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pandas as pd

from homog_core.measures.encoders import Encoder, masked_windows, windows
from homog_core.measures.nli import NLI_CLASSES, Nli, probability_matrix, with_context
from homog_core.measures.sentences import split_sentences
from homog_core.progress import OnProgress
from homog_core.records import GREEDY, ResponseSet
from homog_core.runs.store import Run
from homog_core.runs.tables import response_of

NLI_CHUNK = 1024  # pairs judged between two writes to the store
_OF_VECTOR = ["question_id", "sample_index", "view"]
_PAIR = ["question_id", "premise", "hypothesis"]


def embed_run(run: Run, encoder: Encoder) -> pd.DataFrame:
    """The embeddings of a run's answers (in both views) and questions; those that are missing are computed and stored.

    Returns question_id, sample_index, view, vector (d,); a long answer has one row for each of its windows, in order.
    """
    stored = run.embeddings(encoder.key)
    have = {} if stored is None else stored.groupby(_OF_VECTOR, sort=False).size().to_dict()
    wanted = dict(_texts_to_embed(run))
    missing = {key: texts for key, texts in wanted.items() if have.get(key) != len(texts)}
    if stored is not None and not missing:
        return stored
    rows = [(*key, text) for key, texts in missing.items() for text in texts]
    frame = pd.DataFrame([row[:3] for row in rows], columns=_OF_VECTOR)
    frame["vector"] = pd.Series(list(encoder.encode([row[3] for row in rows])), dtype=object)
    kept = (
        None if stored is None else stored[[key not in missing for key in stored[_OF_VECTOR].itertuples(False, None)]]
    )
    whole = pd.concat([kept, frame], ignore_index=True)
    whole["vector"] = [vector.astype(np.float16) for vector in whole["vector"]]
    run.write_table(f"embeddings-{encoder.key}", whole)
    return run.embeddings(encoder.key)


def judge_run(run: Run, nli: Nli, on_progress: OnProgress = lambda what, done, total: None) -> pd.DataFrame:
    """The NLI probabilities of every ordered pair of a question's different answers, and of answers and the sentences
    of the greedy one. Each pair is judged once; what is done is stored as it goes, so that a crash loses one chunk.
    """
    texts = run.questions().set_index("id")["text"]
    stored = run.nli(nli.key)
    done = set() if stored is None else set(stored[_PAIR].itertuples(index=False, name=None))
    wanted = [pair for pair in dict.fromkeys(_pairs_to_judge(run)) if pair not in done]
    for start in range(0, len(wanted), NLI_CHUNK):
        chunk = wanted[start : start + NLI_CHUNK]
        found = nli.predict([with_context(nli, texts[key], pair) for key, *pair in chunk])
        frame = pd.DataFrame(chunk, columns=_PAIR)
        frame[list(NLI_CLASSES)] = found.probabilities
        frame["truncated"] = found.truncated
        stored = frame if stored is None else pd.concat([stored, frame], ignore_index=True)
        run.write_table(f"nli-{nli.key}", stored)
        on_progress("Judging pairs", start + len(chunk), len(wanted))
    if stored is None:  # no two different answers
        run.write_table(f"nli-{nli.key}", pd.DataFrame(columns=[*_PAIR, *NLI_CLASSES, "truncated"]))
    return run.nli(nli.key)


def stored_judgements(run: Run) -> dict[str, pd.DataFrame]:
    """The NLI probabilities of a run by model, of those models that have judged all of its pairs."""
    wanted = set(_pairs_to_judge(run)) if run.nli_models() else set()
    frames = {key: run.nli(key) for key in run.nli_models()}
    return {key: f for key, f in frames.items() if wanted <= set(f[_PAIR].itertuples(index=False, name=None))}


def stored_vectors(rows: pd.DataFrame | None) -> dict[str, list[np.ndarray]]:
    """The vectors of one question, by view, from its rows of `Run.embeddings`: N arrays (w, d) of windows."""
    found: dict[str, list[np.ndarray]] = {"answer": [], "masked": []}  # where there is no valid response
    if rows is not None:
        for (view, _), part in rows[rows["view"].isin(list(found))].groupby(["view", "sample_index"], sort=True):
            found[view].append(np.stack(list(part["vector"])))
    return found


def stored_probabilities(rows: pd.DataFrame | None, answers: ResponseSet) -> dict[str, np.ndarray]:
    """`nli` (N, N, 3) between valid answers and `selfcheck` (S, N, 3) of the greedy answer's sentences, by question."""
    judged = {} if rows is None else {(row.premise, row.hypothesis): np.array(row[4:7]) for row in rows.itertuples()}
    texts = [response.answer for response in answers.responses if response.is_valid]
    sentences = split_sentences(answers.greedy.answer) if answers.greedy.is_valid else []
    return {
        "nli": probability_matrix(texts, texts, judged),
        "selfcheck": probability_matrix(texts, sentences, judged).transpose(1, 0, 2),
    }


def _texts_to_embed(run: Run) -> Iterator[tuple[tuple[str, int, str], list[str]]]:
    """(question, index, view) and the windows of the text."""
    questions = run.questions().set_index("id")["text"]
    for row in run.responses().itertuples():
        response, question = response_of(row), questions[row.question_id]
        if row.sample_index == GREEDY:
            yield (row.question_id, GREEDY, "question"), [question]
        elif response.is_valid:
            yield (row.question_id, row.sample_index, "answer"), windows(response.answer)
            yield (row.question_id, row.sample_index, "masked"), masked_windows(response.answer, question)


def _pairs_to_judge(run: Run) -> Iterator[tuple[str, str, str]]:
    """(question, premise, hypothesis) of every pair of different texts, question by question."""
    for question_id, rows in run.responses().groupby("question_id", sort=False):
        responses = {row.sample_index: response_of(row) for row in rows.itertuples()}
        greedy = responses.pop(GREEDY, None)
        answers = list(dict.fromkeys(r.answer for r in responses.values() if r.is_valid))
        sentences = split_sentences(greedy.answer) if greedy and greedy.is_valid else []
        pairs = [*permutations(answers, 2), *((answer, sentence) for answer in answers for sentence in sentences)]
        yield from ((question_id, *pair) for pair in pairs if pair[0] != pair[1])
