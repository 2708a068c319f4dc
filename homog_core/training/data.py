"""Questions of public training splits → the examples that a stage learns from, and the check that nothing leaks.

Short answers only: a WebQuestions answer in a plain sentence, the last line of a short GSM8K solution. Nothing is
random but the order, which a seed decides. It knows neither models nor trainers.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from homog_core.catalogue.datasets import DATASETS, TRAINING_DATASETS
from homog_core.errors import HomogError
from homog_core.measures.numbers import stated_number
from homog_core.measures.words import FUNCTION_WORDS
from homog_core.records import Question
from homog_core.runs.dataset_files import dataset_rows
from homog_core.runs.questions import load_questions

Part = Literal["sft", "dpo"]

# How many questions each part gets of each data set, at most; no question is in both parts.
N_QUESTIONS: dict[Part, dict[str, int]] = {
    "sft": {"webquestions": 600, "gsm8k": 200},
    "dpo": {"webquestions": 1000, "gsm8k": 100},
}

OVERLAP = 0.75  # two questions that share this much of their content words count as the same

# Nothing of these is ever trained on: what the pages show, what models are compared by, what a chain is chosen by.
FORBIDDEN = ("starter", "truthfulqa", "gsm8k", "webquestions", "hotpotqa", "webquestions-validation")

_MAX_ANSWER_WORDS = 6
_MAX_QUESTION_WORDS = 35
_MAX_SENTENCE_WORDS = 18
_CALCULATION = re.compile(r"<<.*?>>")
_PAST = re.compile(r"\b(did|was|were|had)\b")


@dataclass(frozen=True, slots=True)
class Example:
    """A question of a training split and the sentence that answers it."""

    question: Question
    answer: str


def training_examples(part: Part, seed: int = 0) -> list[Example]:
    """The examples of one part of the recipe, in an order drawn from `seed`.

    For `dpo` only questions with one reference: where lists are among the preferred answers, DPO learns to list
    (docs/decisions.md). Questions that overlap with a question of `FORBIDDEN` are left out. Raises `HomogError` where
    a data set that must be checked against cannot be read.
    """
    pool = _shuffled([*_webquestions("webquestions-train"), *_gsm8k("gsm8k-train")], seed)
    pool = without_overlap(pool, [question.text for name in FORBIDDEN for question in load_questions(name)])
    chosen: list[Example] = []
    for dataset, n in N_QUESTIONS[part].items():
        rows = [example for example in pool if example.question.dataset == dataset]
        if part == "dpo":
            rows = [e for e in rows[N_QUESTIONS["sft"][dataset] :] if len(e.question.references) == 1]
        chosen += rows[:n]
    return _shuffled(chosen, f"{seed} mixed")


def overlaps(texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """For each of `texts` the largest Jaccard index (n,) of its content words with those of one of `others`.

    Content words are all words in lower case but function words; numbers count as words. A text without any has 0.
    """
    vectorizer = CountVectorizer(binary=True, token_pattern=r"\w+", stop_words=sorted(FUNCTION_WORDS))
    vectorizer.fit([*texts, *others])
    ours, theirs = vectorizer.transform(texts), vectorizer.transform(others)
    n_ours, n_theirs = np.asarray(ours.sum(axis=1)), np.asarray(theirs.sum(axis=1))
    common = (ours @ theirs.T).toarray()  # (n, m)
    return (common / np.maximum(n_ours + n_theirs.T - common, 1)).max(axis=1, initial=0.0)


def without_overlap(examples: Sequence[Example], others: Sequence[str]) -> list[Example]:
    """The examples whose question shares less than `OVERLAP` of its content words with any of `others`."""
    found = overlaps([example.question.text for example in examples], others)
    return [example for example, overlap in zip(examples, found, strict=True) if overlap < OVERLAP]


def check_for_leaks(texts: Sequence[str]) -> dict[str, float]:
    """The largest overlap of `texts` with each forbidden data set. Raises `HomogError` where one reaches `OVERLAP`."""
    largest = {}
    for name in FORBIDDEN:
        found = overlaps(texts, [question.text for question in load_questions(name)])
        largest[name] = round(float(found.max(initial=0.0)), 3)
        if largest[name] >= OVERLAP:
            worst = texts[int(found.argmax())]
            raise HomogError(
                f"The training question {worst!r} is too close to one of {(DATASETS | TRAINING_DATASETS)[name].title}."
            )
    return largest


def answer_sentence(question: str, answers: Sequence[str]) -> str:
    """Short answers as one plain sentence, such as "It was Ada Lovelace.", that repeats nothing of the question."""
    *firsts, last = answers
    listed = f"{', '.join(firsts)} and {last}" if firsts else last
    verb = {(False, False): "It is", (False, True): "It was", (True, False): "They are", (True, True): "They were"}
    return f"{verb[bool(firsts), bool(_PAST.search(question.lower()))]} {listed.rstrip('.')}."


def solution_sentence(solution: str) -> str | None:
    """The last line of a GSM8K solution without calculator marks; None where it is long or hardly has words."""
    lines = [_CALCULATION.sub("", line).strip() for line in solution.split("####")[0].strip().splitlines()]
    words = lines[-1].split() if lines else []
    if not 4 <= len(words) <= _MAX_SENTENCE_WORDS or sum(word.isalpha() for word in words) < 3:
        return None
    return lines[-1].rstrip(". ") + "."


def _webquestions(name: str) -> list[Example]:
    """Questions with one to three short answers; the answer types that Freebase left as links are dropped."""
    examples = []
    for question in load_questions(name):
        answers = question.references
        short = all(len(a.split()) <= _MAX_ANSWER_WORDS and "/" not in a for a in answers)
        if 1 <= len(answers) <= 3 and short:
            text = question.text[0].upper() + question.text[1:]
            examples.append(Example(replace(question, text=text), answer_sentence(text, answers)))
    return examples


def _gsm8k(name: str) -> list[Example]:
    """Short problems of one or two calculations."""
    rows, _ = dataset_rows(TRAINING_DATASETS[name])
    solutions = {row["question"].strip(): row["answer"] for _, row in rows}
    examples = []
    for question in load_questions(name):
        solution = solutions[question.text]
        sentence = solution_sentence(solution)
        is_short = len(question.text.split()) <= _MAX_QUESTION_WORDS and solution.count("<<") <= 2
        if is_short and sentence and stated_number(sentence) == stated_number(question.references[0]):
            examples.append(Example(question, sentence))
    return examples


def _shuffled(examples: Iterable[Example], seed: object) -> list[Example]:
    """In an order that depends on the seed and the question alone."""
    return sorted(examples, key=lambda e: hashlib.sha256(f"{seed}\0{e.question.id}".encode()).digest())
