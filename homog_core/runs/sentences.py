"""TODO homog_core.runs.sentences."""

import pandas as pd

from homog_core.catalogue.datasets import DATASETS
from homog_core.records import Question
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import load_questions

QUESTION_PLACE = "{question}"  # stands in the prompts of a stripped run for the question


def with_sentences(frame: pd.DataFrame) -> pd.DataFrame:
    """Question, references and prompt from the dataset; "" and none where it is not on this machine."""
    known: dict[str, Question] = {}
    for name in set(frame.loc[frame["text"].isna(), "dataset"]):
        if name in DATASETS and dataset_file(DATASETS[name]):
            known |= {question.id: question for question in load_questions(name)}
    rows = []
    for row in frame.to_dict("records"):
        if row["text"] is None or pd.isna(row["text"]):
            question = known.get(row["id"])
            text = question.text if question else ""
            row |= {
                "text": text,
                "references": question.references if question else (),
                "incorrect_references": question.incorrect_references if question else (),
                "prompt": row["prompt"].replace(QUESTION_PLACE, text) if question else "",
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=frame.columns)
