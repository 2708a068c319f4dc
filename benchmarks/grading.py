"""Compare the grades with a person's reading: `python -m benchmarks.grading`.

`grading_reading.csv` holds 200 greedy answers of shipped runs, drawn at random and read by a person who did not see
the grades. The first hundred showed what was wrong with the cosine alone and shaped `measures.grading.supported`. The
second hundred were read after that.
"""

from collections import Counter
from pathlib import Path

import pandas as pd

from homog_core.runs.store import open_run


def main() -> None:
    """Print, for each sample, how often grade and reading agree where the grade is decided."""
    reading = pd.read_csv(Path(__file__).parent / "grading_reading.csv")
    grades = pd.concat(open_run(run).table("scores").assign(run=run) for run in reading["run"].unique())
    joined = reading.merge(grades[["run", "question_id", "grade", "grade_policy"]], on=["run", "question_id"])
    for sample, rows in joined.groupby("sample"):
        decided = rows[rows["grade"] != "ambiguous"]
        agree = int((decided["grade"] == decided["verdict"]).sum())
        said = decided[decided["grade"] == "correct"]
        print(
            f"sample {sample}: {agree} of {len(decided)} decided grades agree, {len(rows) - len(decided)} ambiguous; "
            f"of {len(said)} graded correct {(said['verdict'] == 'correct').sum()} are"
        )
        for (read, graded), count in sorted(Counter(zip(rows["verdict"], rows["grade"], strict=True)).items()):
            print(f"  read {read}, graded {graded}: {count}")


if __name__ == "__main__":
    main()
