"""Public answers that others sampled, as records. Their files lie in a folder of HOMOG_DATA and stay there."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from homog_core.errors import NotFound
from homog_core.files import dataset_folders
from homog_core.leftovers import answer_text
from homog_core.records import Question

STAGES = {  # of the models of the public sets
    "triviaqa-llama-13b/answers": "base",
    "alignment-chains/lima-mistral-base": "base",
    "alignment-chains/lima-mistral-sft": "sft",
    "alignment-chains/lima-zephyr": "dpo",
    "alignment-chains/lima-llama-2-base": "base",
    "alignment-chains/lima-llama-2-chat": "instruct",
    "alignment-chains/conflictingqa-mistral": "base",
    "alignment-chains/conflictingqa-mistral-instruct": "instruct",
    "human-survey/dev.crowdsourced": "people",
}  # those of novelty-bench are all instruct


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one source to one question."""

    source: str
    stage: str
    question: Question
    samples: tuple[str, ...]
    greedy: str | None = None  # None where the source has none
    partition: tuple[int, ...] = ()  # the cluster of each sample, where the source says it


def public_answers(name: str) -> list[Answers]:
    """The answers of one public file, as `triviaqa-llama-13b/answers`, one record a question.

    Raises `NotFound` where the file is not on this machine.
    """
    readers = {
        "triviaqa-llama-13b": _of_triviaqa,
        "alignment-chains": _of_chains,
        "human-survey": _of_survey,
        "novelty-bench": _of_novelty,
    }
    folder, _, file = name.partition("/")
    if folder not in readers:
        raise NotFound(f"There is no public set {folder!r}; there are {', '.join(readers)}.")
    return list(readers[folder](name, _rows(Path("public") / folder / f"{file}.jsonl")))


JUDGED_SYSTEMS = ("fid", "gpt35", "chatgpt", "gpt4", "newbing")


def judged_answers(name: str) -> list[dict]:
    """EVOUNA: a question, its `golden_answer`, and `answer_` and `judge_` of each of `JUDGED_SYSTEMS`, by people.

    `name` is NQ or TQ. Raises `NotFound` where the file is not on this machine.
    """
    rows = json.loads(_data(Path("equivalence") / "evouna" / f"{name}.json").read_text())
    return [row for row in rows if not row.get("improper")]


def judged_pairs(*, for_fitting: bool) -> Iterator[tuple[str, str, str, bool]]:
    """A question, two systems' answers of which people judged one right at least, and whether they judged both right.

    Half of the questions, by a hash, are for fitting and the others for measuring.
    """
    for row in (row for name in ("NQ", "TQ") for row in judged_answers(name)):
        if hashlib.sha256(row["question"].encode()).digest()[-1] % 2 == for_fitting:
            judged = [(row[f"answer_{s}"], row[f"judge_{s}"]) for s in JUDGED_SYSTEMS if row.get(f"answer_{s}")]
            for (first, right), (second, also) in combinations(judged, 2):
                if (right or also) and first != second:
                    yield row["question"], first, second, right and also


def _of_triviaqa(source: str, rows: list[dict]) -> Iterator[Answers]:
    for row in rows:
        question = Question(row["id"], "triviaqa", row["question"], tuple(row["references"]))
        yield Answers(source, _stage(source), question, tuple(answer_text(text) for text in row["answers"]))


def _of_chains(source: str, rows: list[dict]) -> Iterator[Answers]:
    for number, row in enumerate(rows):
        text = row["prompt"]
        for mark in ("# Query:", "# Answer:", "```", "<s>", "[INST]", "[/INST]", "</s>", "<|user|>", "<|assistant|>"):
            text = text.replace(mark, " ")
        samples = (answer_text(output["generated_text"]).removesuffix("```").rstrip() for output in row["outputs"])
        dataset = source.rpartition("/")[2].partition("-")[0]
        yield Answers(source, _stage(source), Question(str(number), dataset, " ".join(text.split())), tuple(samples))


def _of_survey(source: str, rows: list[dict]) -> Iterator[Answers]:
    for row in rows:
        counts, samples, labels = row["answers"]["raw"], [], []
        for label, cluster in enumerate(row["answers"]["clusters"].values()):
            for answer in cluster["answers"]:
                samples += [answer] * counts.get(answer, 1)
                labels += [label] * counts.get(answer, 1)
        question = Question(row["metadata"]["id"], "human-survey", row["question"]["original"])
        yield Answers(source, _stage(source), question, tuple(samples), partition=tuple(labels))


def _of_novelty(source: str, rows: list[dict]) -> Iterator[Answers]:
    for row in rows:
        question = Question(row["id"], "novelty-bench", row["prompt"])
        yield Answers(source, "instruct", question, tuple(row["generations"]), partition=tuple(row["partition"]))


def _stage(source: str) -> str:
    return STAGES[source]


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in _data(path).read_text().splitlines()]


def _data(path: Path) -> Path:
    for folder in dataset_folders():
        if (folder / path).exists():
            return folder / path
    raise NotFound(f"{path} is on none of {', '.join(map(str, dataset_folders()))}; name its folder in HOMOG_DATA.")
