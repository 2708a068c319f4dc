"""The questions that a chain learns from, and the check that none of them is one that it is judged by.

It knows neither models nor trainers.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from homog_core.catalogue.datasets import DATASETS, TRAINING_DATASETS
from homog_core.errors import HomogError
from homog_core.measures.words import FUNCTION_WORDS
from homog_core.records import Question
from homog_core.runs.questions import load_questions

TRAINING_SET = "facts-train"

OVERLAP = 0.75  # two questions that share this much of their content words count as the same

# Nothing of these is ever trained on: what the pages show, what models are compared by, what a recipe is chosen by.
FORBIDDEN = ("facts", "facts-choosing", "starter", "truthfulqa", "gsm8k", "webquestions", "hotpotqa")


def training_questions() -> list[Question]:
    """The questions of the training part, without those that overlap with a question of `FORBIDDEN`.

    Raises `HomogError` where a data set that must be checked against cannot be read.
    """
    others = [question.text for name in FORBIDDEN for question in load_questions(name)]
    questions = load_questions(TRAINING_SET)
    found = overlaps([question.text for question in questions], others)
    return [question for question, overlap in zip(questions, found, strict=True) if overlap < OVERLAP]


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
