"""What the readings say of whole questions: of those with one cluster, how many readers call one answer."""

import pandas as pd
from sklearn.metrics import cohen_kappa_score

from homog_core.analysis.scored_run import ScoredRun
from homog_core.reports.tables import Table
from homog_core.runs.readings import FOLDER
from homog_core.runs.store import open_run
from homog_core.statistics.intervals import wilson_interval
from homog_core.wording.numbers import number, percent, with_interval


def clusters_of(source: str) -> tuple[dict[tuple[str, str], int], str]:
    """K of the questions of a run, by (source, question id), and the key of the clusterer: the run's best one."""
    scored = ScoredRun(open_run(source.partition(":")[2]))
    found = scored.cluster_frame(scored.clusterer)["num_semantic_sets"].dropna().astype(int)
    return {(source, key): int(k) for key, k in found.items()}, scored.clusterer.key


def tables() -> list[Table]:
    """How often readers call the answers of a question one, by stage and number of clusters."""
    rows = pd.read_csv(FOLDER / "questions.csv", dtype={"question_id": str}, keep_default_na=False)
    agree = (rows["reader_1"] == rows["reader_2"]).mean()
    found = [
        {
            "stage": stage,
            "clusterer": clusterer,
            "clusters": str(k),
            "questions": str(len(own)),
            "read as one answer": with_interval(wilson_interval(int(own["one"].sum()), len(own))),
        }
        for (stage, clusterer, k), own in rows.groupby(["stage", "clusterer", "n_clusters"])
    ]
    note = (
        "Questions of our own models that the clusterer puts into one or two clusters, and whose answers have more "
        f"than one wording. Two readers, who agree on {percent(agree)} of {len(rows)} (Cohen's κ "
        f"{number(cohen_kappa_score(rows['reader_1'], rows['reader_2']))}), and a third where they differ. 95 % Wilson "
        "intervals. The corrected single-cluster rates in docs/results.md rest on these."
    )
    return [Table("Single-cluster questions against readings", note, found)]
