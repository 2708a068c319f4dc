"""Which answers and pairs are read: drawn with a seed, shuffled over all sources, in sheets that name no model.

A sheet is a text file for one reader. The key beside the sheets says where every item is from; readers never see it.
"""

import random
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.reading.sources import Answers, short_name
from homog_core.measures.clustering import set_similarity
from homog_core.measures.encoders import SentenceEncoder, encode
from homog_core.measures.words import normalise

BINS = (-1.0, 0.2, 0.4, 0.6, 0.8, 1.01)  # of the similarity that pairs are spread over
LONGEST = 250  # words; a longer answer is not drawn for pairs
PER_SHEET = 130
ANSWERS_TASK = """Say of every answer below whether it is right. Judge by the references and by what you know.

correct: the answer commits to a right answer. Wrong grammar, extra true words and a cut-off end do not matter.
incorrect: another answer, several different answers at once of which not all are right, no answer, nonsense, an answer
  that only repeats the question, or one that contradicts itself. For a number, the number that it ends on counts; a
  calculation that is cut off before its result is incorrect.
abstained: it says that it does not know or cannot answer.
unclear: you cannot decide even after thinking about it.
"""
PAIRS_TASK = """Say of every two answers below whether they give the same answer to their question.

same: somebody who is told one learns nothing else about the question from the other. Wording, length, detail,
  grammar and correctness do not matter; what counts is the answer that is given: its name, number, yes or no, main
  claim, idea. Two creative texts (poems, stories, jokes) are the same only if they do the same with the same idea.
different: another name, another number as the result, the opposite, another claim, another idea; one gives an answer
  and the other none; both are nonsense of different kinds.
unclear: you cannot decide even after thinking about it.
"""


QUESTIONS_TASK = """Each item is a question with several answers of one source. Do they all give the same answer?

one: whoever has heard one of them learns nothing else about the question from any other. Wording, length, detail,
  grammar and correctness do not matter; what counts is the answer that is given: its name, number, yes or no, main
  claim. A single answer of another meaning is enough for `several`.
several: at least two of them give different answers.
unclear: you cannot decide even after thinking about it.
"""
TASKS = {"answers": ANSWERS_TASK, "pairs": PAIRS_TASK, "questions": QUESTIONS_TASK}


def draw_questions(found: Iterable[Answers], n_clusters: dict[tuple[str, str], int], clusterer: str) -> list[dict]:
    """Every question that a clusterer puts into one cluster or two, where the answers have more than one wording.

    `n_clusters` has K by (source, question id).
    """
    drawn = []
    for answers in found:
        k = n_clusters.get((answers.source, answers.question.id), 0)
        texts = list(dict.fromkeys(text for text in answers.samples if text))
        if k in (1, 2) and len({normalise(text) for text in texts}) > 1:
            drawn.append({**_origin(answers), "clusterer": clusterer, "n_clusters": k, "answers": texts})
    return drawn


def draw_answers(
    found: Iterable[Answers], per_source: int, rng: random.Random, but: set[tuple[str, str]]
) -> list[dict]:
    """One answer a question, of `per_source` questions drawn from each source: the greedy one, else the first sample.

    Questions without references and those in `but` (model or public file, question id) are left out.
    """
    drawn = []
    for own in _by_source(found).values():
        usable = [a for a in own if a.question.references and (short_name(a.source), a.question.id) not in but]
        for answers in rng.sample(usable, min(per_source, len(usable))):
            text = answers.samples[0] if answers.greedy is None else answers.greedy
            drawn.append({**_origin(answers), "answer": text, "index": 0 if answers.greedy is None else -1})
    return drawn


def draw_pairs(found: Iterable[Answers], per_source: int, rng: random.Random, per_question: int = 2) -> list[dict]:
    """`per_source` pairs of different samples of each source, spread evenly over the range of their similarity.

    The similarity is the mean of the masked cosines of both included encoders. `weight` is how many pairs of the
    source a drawn one stands for. Texts that differ in nothing but case, punctuation and white space are no pair.
    """
    encoders = [SentenceEncoder("wordllama"), SentenceEncoder("minilm")]
    drawn = []
    for own in _by_source(found).values():
        bins: list[list[dict]] = [[] for _ in BINS[1:]]
        for answers in rng.sample(own, min(len(own), 120)):
            samples = answers.samples if len(answers.samples) <= 20 else rng.sample(answers.samples, 20)
            for row in _pairs(answers, samples, encoders):
                bins[int(np.digitize(row["similarity"], BINS)) - 1].append(row)
        drawn += _spread(bins, per_source, per_question, rng)
    return drawn


def _pairs(answers: Answers, samples: Sequence[str], encoders: Sequence[SentenceEncoder]) -> Iterable[dict]:
    usable = [text for text in dict.fromkeys(samples) if text and len(text.split()) <= LONGEST]
    if len(usable) < 2:
        return
    similarity = np.mean([set_similarity(encode(e, answers.question.text, usable)["masked"]) for e in encoders], 0)
    for i, j in combinations(range(len(usable)), 2):
        if normalise(usable[i]) != normalise(usable[j]):
            yield {**_origin(answers), "first": usable[i], "second": usable[j], "similarity": float(similarity[i, j])}


def _spread(bins: Sequence[list[dict]], wanted: int, per_question: int, rng: random.Random) -> list[dict]:
    """`wanted` of the pairs, as even over the bins as they allow, at most `per_question` of one question."""
    taken: list[list[dict]] = [[] for _ in bins]
    of_question: dict[str, int] = {}
    for pairs in bins:
        rng.shuffle(pairs)
    left = [list(pairs) for pairs in bins]
    while sum(map(len, taken)) < wanted and any(left):
        for own, pairs in zip(taken, left, strict=True):
            while pairs:
                pair = pairs.pop()
                if of_question.get(pair["question_id"], 0) < per_question:
                    of_question[pair["question_id"]] = of_question.get(pair["question_id"], 0) + 1
                    own.append(pair)
                    break
            if sum(map(len, taken)) >= wanted:
                break
    return [{**pair, "weight": len(pairs) / len(own)} for own, pairs in zip(taken, bins, strict=True) for pair in own]


def write_sheets(folder: Path, kind: str, items: Sequence[dict[str, Any]], rng: random.Random) -> None:
    """`sheet-<n>.txt` for the readers and `key.jsonl` for `collect`, in a shuffled order; `kind` is one of `TASKS`."""
    folder.mkdir(parents=True)
    items = list(items)
    rng.shuffle(items)
    keyed = [{"item": number, "kind": kind, **item} for number, item in enumerate(items, start=1)]
    pd.DataFrame(keyed).to_json(folder / "key.jsonl", orient="records", lines=True, force_ascii=False)
    for sheet, start in enumerate(range(0, len(keyed), PER_SHEET), start=1):
        body = [item_text(item) for item in keyed[start : start + PER_SHEET]]
        (folder / f"sheet-{sheet}.txt").write_text("\n".join([TASKS[kind], *body]))


def item_text(item: dict[str, Any]) -> str:
    """One item as it stands on a sheet."""
    lines = [f"[{item['item']}] QUESTION: {item['question']}"]
    if "answer" in item:
        lines += [f"  right: {' | '.join(item['references'])}"]
        lines += [f"  wrong: {' | '.join(item['incorrect_references'])}"] if item["incorrect_references"] else []
        lines += [f"  ANSWER: {item['answer'] or '(empty)'}"]
    elif "answers" in item:
        lines += [f"  - {text}" for text in item["answers"]]
    else:
        lines += [f"  A: {item['first']}", f"  B: {item['second']}"]
    return "\n".join(lines) + "\n"


def _origin(answers: Answers) -> dict[str, Any]:
    question = answers.question
    return {
        "source": answers.source,
        "stage": answers.stage,
        "dataset": question.dataset,
        "question_id": question.id,
        "question": question.text,
        "references": list(question.references),
        "incorrect_references": list(question.incorrect_references),
    }


def _by_source(found: Iterable[Answers]) -> dict[str, list[Answers]]:
    grouped: dict[str, list[Answers]] = {}
    for answers in found:
        grouped.setdefault(answers.source, []).append(answers)
    return grouped
