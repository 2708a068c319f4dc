"""Answers of people, each with how often it was given: the "answer cluster data" of ProtoQA, one question a line."""

import random
from collections.abc import Iterator
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.runs.importers.notes import About, Notes, Record

MOST_GIVEN = 100_000  # answers to a question; a file needs few bytes to say that there were billions


def fits(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this record is one."""
    answers = first.get("answers")
    return isinstance(answers, dict) and {"raw", "clusters"} <= answers.keys()


def read(records: Iterator[Record], about: About, notes: Notes) -> Iterator[Record]:
    """One record a question, with every answer as often as it was given.

    The answers come in an order that is drawn from the question's id: the file has them by cluster, and whatever cuts
    them would cut clusters away.
    """
    for where, row in records:
        try:
            key, question = row["metadata"]["id"], row["question"]["original"]
            counts, clusters = row["answers"]["raw"], row["answers"]["clusters"].values()
            given = [(text, counts.get(text, 1)) for cluster in clusters for text in cluster["answers"]]
        except (KeyError, TypeError, AttributeError):
            notes.left_out(InvalidInput(f"{where}: it has no question with clusters of answers and their counts."))
            continue
        if not all(type(n) is int and n >= 0 for _, n in given) or sum(n for _, n in given) > MOST_GIVEN:
            notes.left_out(InvalidInput(f"{where}: its counts must be whole numbers, together at most {MOST_GIVEN:,}."))
            continue
        answers = [text for text, n in given for _ in range(n)]
        random.Random(str(key)).shuffle(answers)
        notes.add("answers put into an order drawn from the question's id", where)
        yield Record(where, {"id": key, "question": question, "answers": answers})
