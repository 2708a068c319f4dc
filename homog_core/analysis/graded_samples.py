"""What the grades of a run's sampled answers say of each question, as arrays. It knows no runs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def graded_samples(
    grades: pd.DataFrame, valid: Sequence[Sequence[int]], ids: pd.Index, n: int
) -> dict[str, np.ndarray]:
    """Arrays of Q questions, by name, from a table with question_id, sample_index and grade.

    share: (Q,) of correct answers among those graded correct or incorrect, NaN where there is none. n_right: (Q,) how
    many are graded correct, NaN where all are ungraded. right: (Q, n) whether a valid answer is graded correct, in
    their order, False where there is no answer. `valid` has the sample indices of each question's valid answers.
    """
    is_right, question = grades["grade"] == "correct", grades["question_id"]
    decided, graded = grades["grade"].isin(["correct", "incorrect"]), grades["grade"] != "ungraded"
    share = is_right[decided].groupby(question[decided]).mean()
    n_right = is_right[graded].groupby(question[graded]).sum()
    own = grades[is_right & question.isin(ids)]
    by_sample = np.zeros((len(ids), n), dtype=bool)
    by_sample[ids.get_indexer(own["question_id"]), own["sample_index"].to_numpy(np.int64)] = True
    right = np.zeros_like(by_sample)
    for q, indices in enumerate(valid):
        right[q, : len(indices)] = by_sample[q, list(indices)]
    return {
        "share": share.reindex(ids).to_numpy(np.float64),
        "n_right": n_right.reindex(ids).to_numpy(np.float64),
        "right": right,
    }
