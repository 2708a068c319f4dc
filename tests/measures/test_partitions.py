"""Whole partitions by the included encoders: which answers to a question are one cluster, and which are not."""

import pytest

from homog_core.leftovers import answer_text
from homog_core.measures.clustering import Clusterer
from homog_core.measures.encoders import SentenceEncoder, encode
from homog_core.measures.report_cards import default_clusterers

VETOING = ("combined", "embedding_masked")  # the methods by which answers that state different things stay apart


@pytest.fixture(scope="module", params=["minilm", "wordllama"])
def encoder(request) -> SentenceEncoder:
    return SentenceEncoder(request.param)


@pytest.fixture(params=VETOING)
def clusterer(request, encoder) -> Clusterer:
    """A clusterer at its own threshold and with the weights that ship."""
    return next(found for found in default_clusterers([encoder.key]) if found.method == request.param)


def partition(encoder, clusterer, question, texts):
    answers = [answer_text(text) for text in texts]
    return clusterer.labels(clusterer.similarity(question, answers, encode(encoder, question, answers))).tolist()


FILLER = "Three engineers walked along the old bridge and wrote down whatever they saw there. " * 40
SUMS = "6 + 3 = 9 and " * 9
THOUGHT = f"<think>{'hm ' * 40_000}</think>"

ONE_OF_EACH = {
    "Chinese": (
        "法国的首都是哪里？",
        ["法国的首都是巴黎。", "法国的首都是里昂。", "法国的首都是马赛。", "法国的首都是尼斯。"],
    ),
    "Arabic": ("ما عاصمة فرنسا؟", ["عاصمة فرنسا هي باريس.", "عاصمة فرنسا هي ليون.", "عاصمة فرنسا هي نيس."]),
    "Russian": ("Какая столица Франции?", ["Столица Франции Париж.", "Столица Франции Лион."]),
    "names": ("Who composed the opera?", ["It is Bizet.", "It is Verdi.", "It is Puccini."]),
    "numbers": ("What did the ticket cost?", ["It was 12 dollars.", "It was 156 dollars.", "It was 1.20 dollars."]),
    "decimals": ("How long is it?", ["5 m", "0.5 m", "-5 m"]),
    "opposites": ("How is the lake?", ["The lake is hot.", "The lake is cold."]),
    "emoji": ("How was it?", ["👍", "👎"]),
    "the same start, another end": (
        "Can the bridge be crossed?",
        [f"{FILLER}So the answer is yes.", f"{FILLER}So the answer is no."],
    ),
    "the same start, another sum": ("What is left?", [f"{SUMS}9 - 2 = 7", f"{SUMS}9 - 4 = 5"]),
}


@pytest.mark.parametrize("case", ONE_OF_EACH)
def test_different_facts_are_clusters_of_their_own(case, encoder, clusterer):
    question, answers = ONE_OF_EACH[case]
    each = list(range(len(answers)))
    assert partition(encoder, clusterer, question, answers) == each
    twice = [*answers, *reversed(answers)]
    assert partition(encoder, clusterer, question, twice) == [*each, *reversed(each)]


TEMPLATES = [
    "It has fur.\n</think>\n\nA fox.",
    "<think>It has fur.</think>A fox.",
    "<|channel>thought\nIt has fur.\n<channel|>A fox.",
    "<|channel|>analysis<|message|>It has fur.<|end|><|start|>assistant<|channel|>final<|message|>A fox.",
    "[THINK]It has fur.[/THINK]A fox.",
    "<thinking>It has fur.</thinking>A fox.",
    "◁think▷It has fur.◁/think▷A fox.",
    "<s><think>a cat?</think>A fox.",
    "<think>a cat?</think><think>a dog?</think>A fox.",
]
MIXED = {
    "yes and no": (
        "Is the ice thick?",
        ["Yes.", "No.", "Yes, it is thick.", "No, it is not thick."],
        [0, 1, 0, 1],
    ),
    "one fact in two sentences": (
        "法国的首都是哪里？",
        ["法国的首都是巴黎。", "巴黎", "法国的首都是里昂。", "里昂。"],
        [0, 0, 1, 1],
    ),
    "parts of a name": ("Who composed it?", ["It is Bizet.", "It is Verdi.", "Georges Bizet"], [0, 1, 0]),
    "a short sentence": ("Which of these is true?", ["A fox.", "It is a fox.", "A seal."], [0, 0, 1]),
    "reasoning": ("Which animal is it?", [*TEMPLATES, "A seal."], [0] * len(TEMPLATES) + [1]),
    "long reasoning": ("Which animal is it?", [f"{THOUGHT}A fox.", "A fox.", f"{THOUGHT}A seal."], [0, 0, 1]),
    "special tokens": (
        "Where is the Prado?",
        ["Madrid", "Madrid</s>", "Madrid<|im_end|>", "▁Madrid", "ĠMadrid", "Lisbon</s>"],
        [0, 0, 0, 0, 0, 1],
    ),
    "one text, composed and decomposed": ("Where?", ["Málaga", "Ma\u0301laga", "Oslo"], [0, 0, 1]),
}


@pytest.mark.parametrize("case", MIXED)
def test_what_is_the_same_is_joined_and_the_rest_is_not(case, encoder, clusterer):
    question, answers, labels = MIXED[case]
    assert partition(encoder, clusterer, question, answers) == labels


def test_the_published_clusterer_takes_them_for_one(encoder):
    question, answers = ONE_OF_EACH["Chinese"]
    assert partition(encoder, Clusterer("embedding", 0.7, encoder.key), question, answers) == [0, 0, 0, 0]
    question, answers = ONE_OF_EACH["the same start, another end"]
    assert partition(encoder, Clusterer("embedding", 0.99, encoder.key), question, answers) == [0, 0]
