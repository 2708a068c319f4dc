"""What models say of stored answers: embeddings, NLI probabilities and a judge's groups, each got once and kept.

`embed_run`, `entail_run` and `group_run` get what is missing and store it; the others read what is stored.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
import pyarrow as pa

from homog_core.measures.encoders import Encoder, masked_windows, windows
from homog_core.measures.judge import Grouping, Judge, group
from homog_core.measures.nli import NLI_CLASSES, Nli, probability_matrix, with_context
from homog_core.measures.sentences import split_sentences
from homog_core.progress import OnProgress, Spread
from homog_core.records import GREEDY, ResponseSet
from homog_core.runs import kept
from homog_core.runs.store import Run
from homog_core.runs.tables import response_of

ENCODED_CHUNK = 512  # texts encoded between two steps of progress
NLI_CHUNK = 1024  # pairs judged between two writes to the store
JUDGE_CHUNK = 20  # questions put to a judge between two writes
_OF_VECTOR = ["question_id", "sample_index", "view"]
_JUDGED = ["question_id", *(field.name for field in fields(Grouping))]
_OfVectors = tuple[str, int, str]  # question, sample index and view
_PAIR = ["question_id", "premise", "hypothesis"]


def embed_run(
    run: Run,
    encoder: Encoder,
    on_progress: OnProgress = lambda what, done, total: None,
    spread: Spread = map,
    wanted: Mapping[_OfVectors, list[str]] | None = None,
) -> pd.DataFrame:
    """The embeddings of a run's answers (in both views) and questions; those that are missing are computed and stored.

    Each text is encoded once, and a kill loses some seconds of it. `spread` hands out the texts; `wanted` are the
    `texts_to_embed`, where several encoders share them. Returns question_id, sample_index, view, vector (d,); a long
    answer has one row for each of its windows, in order.
    """
    stored = run.embeddings(encoder.key) if run.goes_with_answers(f"embeddings-{encoder.key}") else None
    have = {} if stored is None else stored.groupby(_OF_VECTOR, sort=False).size().to_dict()
    wanted = texts_to_embed(run) if wanted is None else wanted
    missing = {key: texts for key, texts in wanted.items() if have.get(key) != len(texts)}
    if stored is not None and not missing:
        return stored
    rows = [(*key, text) for key, texts in missing.items() for text in texts]
    frame = pd.DataFrame([row[:3] for row in rows], columns=_OF_VECTOR)
    vector_of = _encoded(run, encoder, [row[3] for row in rows], on_progress, spread)
    frame["vector"] = pd.Series([vector_of[row[3]] for row in rows], dtype=object)
    kept_rows = (
        None if stored is None else stored[[key not in missing for key in stored[_OF_VECTOR].itertuples(False, None)]]
    )
    run.write_table(f"embeddings-{encoder.key}", pd.concat([kept_rows, frame], ignore_index=True))
    return run.embeddings(encoder.key)


def _encoded(
    run: Run, encoder: Encoder, texts: Sequence[str], on_progress: OnProgress, spread: Spread
) -> dict[str, np.ndarray]:
    """The vector (d,) of each different text, in float16. The longest come first, which are the slowest."""
    hash_of = {text: _sha256(text) for text in texts}
    in_order = sorted(hash_of, key=len, reverse=True)
    step = kept.Kept(run.id, f"vectors-{encoder.key}", encoder.key)
    before = step.table()
    have = {} if before is None else _by_hash(before)
    left = [text for text in in_order if hash_of[text] not in have]
    pending, last = [], time.monotonic()
    chunks = [left[start : start + ENCODED_CHUNK] for start in range(0, len(left), ENCODED_CHUNK)]
    for table in spread(partial(_vectors, encoder), chunks):
        pending.append(table)
        have |= _by_hash(table)
        if time.monotonic() - last >= kept.KEEP_SECONDS:
            step.add(pa.concat_tables(pending))
            pending, last = [], time.monotonic()
        on_progress(f"Encoding, {encoder.key}", len(have), len(in_order))
    return {text: have[sha256] for text, sha256 in hash_of.items()}


def _vectors(encoder: Encoder, texts: Sequence[str]) -> pa.Table:
    """text_sha256 and vector (d,) of each text."""
    matrix = encoder.encode(texts).astype(np.float16)  # (n, d)
    vectors = pa.FixedSizeListArray.from_arrays(matrix.ravel(), matrix.shape[1])
    return pa.table({"text_sha256": list(map(_sha256, texts)), "vector": vectors})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _by_hash(table: pa.Table) -> dict[str, np.ndarray]:
    vectors = table["vector"].combine_chunks()
    matrix = vectors.flatten().to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)
    return dict(zip(table["text_sha256"].to_pylist(), matrix, strict=True))


def entail_run(run: Run, nli: Nli, on_progress: OnProgress = lambda what, done, total: None) -> pd.DataFrame:
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


def stored_entailments(run: Run) -> dict[str, pd.DataFrame]:
    """The NLI probabilities of a run by model, of those models that have judged all of its pairs."""
    wanted = set(_pairs_to_judge(run)) if run.nli_models() else set()
    frames = {key: run.nli(key) for key in run.nli_models()}
    return {key: f for key, f in frames.items() if wanted <= set(f[_PAIR].itertuples(index=False, name=None))}


def group_run(run: Run, judge: Judge, on_progress: OnProgress = lambda what, done, total: None) -> pd.DataFrame:
    """A judge's groups of the different answers to every question; those of the same answers are not asked for again.

    What is done is stored as it goes. Columns of `Run.judgements`.
    """
    texts = run.questions().set_index("id")["text"]
    wanted = _different_answers(run)
    stored = run.judgements(judge.key)
    fits = [] if stored is None else [wanted.get(row.question_id) == tuple(row.answers) for row in stored.itertuples()]
    rows = [] if stored is None else stored[fits].to_dict("records")
    left = [key for key in wanted if key not in {row["question_id"] for row in rows}]
    for start in range(0, len(left), JUDGE_CHUNK):
        try:
            for number, key in enumerate(left[start : start + JUDGE_CHUNK], start=start + 1):
                rows.append({"question_id": key, **asdict(group(judge, texts[key], wanted[key]))})
                on_progress("Asking the judge", number, len(left))
        finally:  # what a judge has replied is kept, whatever happens then
            run.write_table(f"judge-{judge.key}", pd.DataFrame(rows, columns=_JUDGED))
    return run.judgements(judge.key)


def complete_judgements(run: Run) -> dict[str, pd.DataFrame]:
    """What judges made of a run's answers, by judge, of those that have been asked about all of its questions."""
    wanted = _different_answers(run) if run.judges() else {}
    frames = {key: run.judgements(key) for key in run.judges()}
    return {
        key: frame
        for key, frame in frames.items()
        if wanted == dict(zip(frame["question_id"], map(tuple, frame["answers"]), strict=True))
    }


def stored_groups(rows: pd.DataFrame | None, answers: ResponseSet) -> dict[str, np.ndarray]:
    """`groups` (N,) of the valid answers to one question; (0,) where no reply of the judge could be read."""
    row = next(rows.itertuples(), None) if rows is not None else None
    if row is None or not len(row.labels):
        return {"groups": np.zeros(0, dtype=np.int64)}
    label_of = dict(zip(row.answers, row.labels, strict=True))
    return {"groups": np.array([label_of[r.answer] for r in answers.responses if r.is_valid], dtype=np.int64)}


def _different_answers(run: Run) -> dict[str, tuple[str, ...]]:
    """The different valid sampled answers to every question, in order."""
    found: dict[str, dict[str, None]] = {}
    for row in run.responses().itertuples():
        response, own = response_of(row, run.leftovers), found.setdefault(row.question_id, {})
        if row.sample_index != GREEDY and response.is_valid:
            own[response.answer] = None
    return {key: tuple(own) for key, own in found.items()}


def stored_vectors(rows: pd.DataFrame | None) -> dict[str, list[np.ndarray]]:
    """The vectors of one question, by view, from its rows of `Run.embeddings`: N float32 arrays (w, d) of windows."""
    found: dict[str, list[np.ndarray]] = {"answer": [], "masked": []}  # where there is no valid response
    if rows is None:
        return found
    view, index = rows["view"].to_numpy(dtype=object), rows["sample_index"].to_numpy()
    vectors = rows["vector"].to_numpy()
    for name in found:
        own = np.flatnonzero(view == name)
        own = own[np.argsort(index[own], kind="stable")]  # windows of an answer stay in their order
        starts = np.flatnonzero(np.diff(index[own])) + 1
        found[name] = np.split(np.stack(vectors[own]).astype(np.float32), starts) if len(own) else []
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


def texts_to_embed(run: Run) -> dict[_OfVectors, list[str]]:
    """The windows of every text of a run that encoders are given, by question, sample index and view."""
    found: dict[_OfVectors, list[str]] = {}
    questions = run.questions().set_index("id")["text"].to_dict()
    for row in run.responses().itertuples():
        response, question = response_of(row, run.leftovers), questions[row.question_id]
        if row.sample_index == GREEDY:
            found[row.question_id, GREEDY, "question"] = [question]
        elif response.is_valid:
            found[row.question_id, row.sample_index, "answer"] = windows(response.answer)
            found[row.question_id, row.sample_index, "masked"] = masked_windows(response.answer, question)
    return found


def _pairs_to_judge(run: Run) -> Iterator[tuple[str, str, str]]:
    """(question, premise, hypothesis) of every pair of different texts, question by question."""
    for question_id, rows in run.responses().groupby("question_id", sort=False):
        responses = {row.sample_index: response_of(row, run.leftovers) for row in rows.itertuples()}
        greedy = responses.pop(GREEDY, None)
        answers = list(dict.fromkeys(r.answer for r in responses.values() if r.is_valid))
        sentences = split_sentences(greedy.answer) if greedy and greedy.is_valid else []
        pairs = [*permutations(answers, 2), *((answer, sentence) for answer in answers for sentence in sentences)]
        yield from ((question_id, *pair) for pair in pairs if pair[0] != pair[1])
