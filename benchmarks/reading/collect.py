"""The readers' labels of a folder of sheets → rows of the tables in `homog_core/catalogue/readings`."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.reading.draw import TASKS, item_text
from benchmarks.reading.sources import answers_of, short_name
from homog_core.errors import InvalidInput
from homog_core.measures.grading import grade
from homog_core.records import Question
from homog_core.runs.readings import FOLDER


def collect(folder: Path) -> str:
    """Add the labels of two readers to the table of their kind, and say what was added.

    Where they differ, a third reader decides: until `reader-3.csv` is there `third.txt` is written for them, and
    nothing is added. Raises `InvalidInput` where a reader left an item out.
    """
    keys = [json.loads(line) for line in (folder / "key.jsonl").read_text().splitlines()]
    labels = [_labels(folder / f"reader-{n}.csv", {key["item"] for key in keys}) for n in (1, 2)]
    differing = [key for key in keys if labels[0][key["item"]] != labels[1][key["item"]]]
    third = folder / "reader-3.csv"
    if differing and not third.exists():
        texts = [item_text(key) for key in differing]
        (folder / "third.txt").write_text("\n".join([TASKS[keys[0]["kind"]], *texts]))
        return f"The readers differ on {len(differing)} of {len(keys)} items: a third one reads third.txt first."
    decided = _labels(third, {key["item"] for key in differing}) if differing else {}
    rows = [_row(key, *(own[key["item"]] for own in labels), decided.get(key["item"], "")) for key in keys]
    path = FOLDER / f"{keys[0]['kind']}.csv"
    known = pd.read_csv(path, dtype=str, keep_default_na=False) if path.exists() else pd.DataFrame()
    pd.concat([known, pd.DataFrame(rows)]).to_csv(path, index=False)
    return f"{len(rows)} rows added to {path.name}; the readers agree on {len(keys) - len(differing)}."


def _labels(path: Path, items: set[int]) -> dict[int, str]:
    found = pd.read_csv(path).set_index("item")["label"].str.strip().to_dict()
    if missing := items - set(found):
        raise InvalidInput(f"{path} lacks {len(missing)} items, the first is {min(missing)}.")
    return found


def _row(key: dict[str, Any], first: str, second: str, third: str) -> dict[str, Any]:
    label = first if first == second else third
    ours = key["source"].startswith("run:")
    common = {
        "source": short_name(key["source"]),
        "stage": key["stage"],
        "dataset": key["dataset"],
        "question_id": key["question_id"],
    }
    read = {"reader_1": first, "reader_2": second, "reader_3": third}
    if key["kind"] == "answers":
        question = Question(key["question_id"], key["dataset"], key["question"], tuple(key["references"]))
        own = {"sample": 2, **common, "index": key["index"], "answer": key["answer"] if ours else "", **read}
        graded = grade(question, key["answer"]).verdict
        return {**own, "verdict": label, "graded_before": graded, "graded": graded}
    if key["kind"] == "questions":
        texts = json.dumps(key["answers"], ensure_ascii=False) if ours else ""
        own = {**common, "clusterer": key["clusterer"], "n_clusters": key["n_clusters"], "answers": texts, **read}
        return {**own, "one": int(label == "one")}
    samples = next(a.samples for a in answers_of(key["source"]) if a.question.id == key["question_id"])
    half = "choose" if int(hashlib.sha256(key["question_id"].encode()).hexdigest(), 16) % 2 else "card"
    texts = {"first": key["first"] if ours else "", "second": key["second"] if ours else ""}
    places = {"i": samples.index(key["first"]), "j": samples.index(key["second"])}
    return {"half": half, **common, **places, **texts, "weight": key["weight"], **read, "same": int(label == "same")}
