"""TODO homog_core.catalogue.datasets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A question set: the file name it has on disk, and where the hub keeps it."""

    key: str
    title: str
    files: tuple[str, ...]  # first one found is read
    hub: tuple[str, str | None, str] | None  # repository, configuration, split
    license: str


DATASETS: dict[str, DatasetSpec] = {
    "starter": DatasetSpec("starter", "Starter set (ours)", ("starter.jsonl",), None, "this project's"),
    "truthfulqa": DatasetSpec(
        "truthfulqa",
        "TruthfulQA",
        ("truthfulqa.csv", "TruthfulQA.csv"),
        ("truthfulqa/truthful_qa", "generation", "validation"),
        "Apache-2.0",
    ),
    "gsm8k": DatasetSpec("gsm8k", "GSM8K", ("gsm8k_test.jsonl",), ("openai/gsm8k", "main", "test"), "MIT"),
    "webquestions": DatasetSpec(
        "webquestions",
        "WebQuestions",
        ("webquestions_test.json",),
        ("stanfordnlp/web_questions", None, "test"),
        "CC-BY-4.0",
    ),
    "hotpotqa": DatasetSpec(
        "hotpotqa",
        "HotpotQA",
        ("hotpotqa_100.json", "hotpot_dev_distractor_v1.json"),
        ("hotpotqa/hotpot_qa", "distractor", "validation"),
        "CC-BY-SA-4.0",
    ),
    "triviaqa": DatasetSpec(
        "triviaqa",
        "TriviaQA",
        ("triviaqa.jsonl",),
        ("mandarjoshi/trivia_qa", "rc.nocontext", "validation"),
        "Apache-2.0",
    ),
}


# What the recipe of `train.py` learns from and is chosen on. No test split, and nothing that the pages show.
TRAINING_DATASETS: dict[str, DatasetSpec] = {
    "webquestions-train": DatasetSpec(
        "webquestions-train",
        "WebQuestions, training split",
        ("webquestions_trainmodel.json",),
        ("stanfordnlp/web_questions", None, "train"),
        "CC-BY-4.0",
    ),
    "webquestions-validation": DatasetSpec(
        "webquestions-validation", "WebQuestions, validation split", ("webquestions_val.json",), None, "CC-BY-4.0"
    ),
    "gsm8k-train": DatasetSpec(
        "gsm8k-train", "GSM8K, training split", ("gsm8k_train.jsonl",), ("openai/gsm8k", "main", "train"), "MIT"
    ),
}
