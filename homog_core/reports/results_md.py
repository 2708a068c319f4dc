"""The tables of docs/results.md: every statistic of stored runs, published figures in a column of their own.

`python -m homog_core report --update docs/results.md` puts them between two marks; nothing else in that file is
generated. It reads runs and computes; the words around the tables are written by people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from homog_core import files
from homog_core.analysis import comparable, lineage, rates
from homog_core.analysis.cascade import saving
from homog_core.analysis.compare import compare
from homog_core.analysis.published import counterpart, published_metrics
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import score_statistics
from homog_core.analysis.summary import accuracy
from homog_core.catalogue import PUBLISHED
from homog_core.errors import HomogError, InvalidInput
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.records import Estimate
from homog_core.runs.store import list_runs
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate
from homog_core.wording import run_names
from homog_core.wording.labels import dataset_title
from homog_core.wording.numbers import PERCENTAGES, number, published_value, tenth_percent, with_interval

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
BUDGETS = (2, 3, 5, 10)
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
AS_PUBLISHED = Clusterer("embedding", PUBLISHED_COSINE_THRESHOLD, "minilm")
_STATISTICS = {  # of analysis.compare.run_statistics
    "single_cluster_rate": "single-cluster rate",
    "num_semantic_sets": "different answers (clusters)",
    "discrete_semantic_entropy": "discrete semantic entropy, nats",
    "mean_token_entropy": "token entropy, greedy, nats",
    "mean_token_entropy_sampled": "token entropy, sampled, nats",
    "accuracy": "accuracy of the greedy answer",
    "distinct_across_questions": "distinct greedy answers across questions",
    "most_common_answer": "most common greedy answer",
    "looping": "looping",
    "cut": "cut by the token limit",
    "invalid": "empty",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its title and a sentence on how to read it; a row is a mapping of column to cell."""

    title: str
    note: str
    rows: list[dict[str, str]]


def reportable_runs() -> list[ScoredRun]:
    """The complete and scored runs of more than one question, by dataset, stage, model, prompt and temperature."""
    complete = [run for run in list_runs() if run.provenance.status == "complete" and run.identity.n_questions > 1]
    found = [ScoredRun(run) for run in sorted(complete, key=lambda run: (run.identity.dataset, lineage.order(run)))]
    return [scored for scored in found if scored.is_scored]


def results_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """Every table, over the runs in their order. Raises `HomogError` where one is not scored by this version."""
    tables = [*chain_tables(runs), clusters_table(runs), cascade_table(runs)]
    for dataset, group in groupby(runs, key=lambda scored: scored.run.identity.dataset):
        same = list(group)
        title = dataset_title(dataset)
        tables += [auroc_table(same, title), cohens_d_table(same, title), sensitivity_table(same, title)]
        if len(set(same[0].questions["answer_type"])) > 1:
            tables.append(auroc_table(same, title, answer_type="text"))
    return [*tables, published_table(runs)]


def markdown(tables: Sequence[Table]) -> str:
    """The tables as Markdown."""
    return "\n".join(f"### {table.title}\n\n{table.note}\n\n{_grid(table.rows)}\n" for table in tables)


def update_document(path: Path, tables: Sequence[Table]) -> None:
    """Replace what stands between the two marks of a Markdown file. Raises `InvalidInput` where they are missing."""
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text.") from error
    if BEGIN not in text or END not in text:
        raise InvalidInput(f"{path} needs the lines {BEGIN} and {END}; the tables go between them.")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    with files.replacing(path, str(path)) as stream:
        stream.write(f"{before}{BEGIN}\n\n{markdown(tables)}\n{END}{after}".encode())


# Stages of one model


def chain_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """For runs that share weights and conditions: what each found, and the paired tests."""
    groups: dict[tuple, list[ScoredRun]] = {}
    for scored in runs:
        key = scored.run.provenance.source, comparable.conditions(scored.run)
        groups.setdefault(key, []).append(scored)
    return [table for group in groups.values() if len(group) > 1 for table in _chain(group)]


def _chain(runs: Sequence[ScoredRun]) -> list[Table]:
    clusterer = runs[0].clusterer
    found, names = compare(runs, clusterer), _names(runs)
    command = f"`python -m homog_core compare {' '.join(names)}`"
    estimates = [
        {
            "": title,
            **{
                names[row["run"]]: _bounded(row["value"], row["low"], row["high"])
                for row in found.estimates
                if row["statistic"] == statistic
            },
        }
        for statistic, title in _STATISTICS.items()
    ]
    tests = [
        {
            "from": names[row["from"]],
            "to": names[row["to"]],
            "statistic": row["statistic"],
            "difference": _bounded(row["difference"], row["low"], row["high"]),
            "p (Holm)": _p(row["pvalue_holm"]),
            "n": str(row["n"]),
            "fewer": str(row["n_lower"]),
            "more": str(row["n_higher"]),
            "test": row["test"],
        }
        for row in found.tests
    ]
    where = f"{_dataset(runs[0])}, {found.n_questions} questions"
    return [
        Table(
            f"Stages of one model: {where}",
            f"{command}; clusters by {clusterer.key}, τ = {clusterer.threshold:g}.",
            estimates,
        ),
        Table(
            f"Paired tests of the stages: {where}",
            f"The same command. p adjusted by Holm over the {len(tests)} tests; paired bootstrap intervals; fewer and "
            "more count the questions that went down and up.",
            tests,
        ),
    ]


def _bounded(value: float, low: float, high: float) -> str:
    return with_interval(Estimate(value, low, high, 0, ""), lambda x: number(x, 3))


def _p(pvalue: float) -> str:
    """A p value in a cell: its size matters down to the smallest."""
    return number(pvalue) if not pvalue < 0.01 else f"{pvalue:.0e}"


# What each run found


def clusters_table(runs: Sequence[ScoredRun]) -> Table:
    """SCR by clusterer, and how many different answers."""
    names = _names(runs)
    rows = []
    for scored in runs:
        best = scored.clusterer
        clusters = scored.cluster_frame(best)
        rows.append(
            {
                "dataset": _dataset(scored),
                "run": names[scored.run.id],
                "n": str(len(clusters)),
                **{
                    _clusterer_title(c): _share(single_cluster_rate(scored.cluster_frame(c)["num_semantic_sets"]))
                    for c in _clusterers(scored)
                },
                f"clusters ({best.key})": with_interval(mean_estimate(clusters["num_semantic_sets"])),
                "discrete semantic entropy, nats": with_interval(mean_estimate(clusters["discrete_semantic_entropy"])),
                "token entropy, greedy": with_interval(mean_estimate(scored.scores["mean_token_entropy"])),
                "token entropy, sampled": with_interval(mean_estimate(scored.scores["mean_token_entropy_sampled"])),
            }
        )
    return Table(
        "Single-cluster rate by clusterer",
        "Per cent of questions whose answers form one cluster, with the 95 % Wilson interval; means with the 95 % "
        "t interval. NLI needs a model from the hub and stands here only where a run has been judged by one.",
        rows,
    )


def _clusterers(scored: ScoredRun) -> list[Clusterer]:
    """Every clusterer as the run was scored, and whole-answer embeddings at the published threshold."""
    found = sorted(scored.clusterers(), key=lambda c: c.key)
    published = [replace(c, threshold=PUBLISHED_COSINE_THRESHOLD) for c in found if c.method == "embedding"]
    return [*found, *published]


def _clusterer_title(clusterer: Clusterer) -> str:
    return f"{clusterer.key} {clusterer.entailment if clusterer.method == 'nli' else f'τ={clusterer.threshold:g}'}"


def cascade_table(runs: Sequence[ScoredRun]) -> Table:
    """Accuracy, what half of the answers are worth, and the cascade."""
    names = _names(runs)
    rows = []
    for scored in runs:
        columns = ("mean_token_entropy", f"discrete_semantic_entropy@{scored.clusterer.key}")
        token, semantic = score_statistics(scored, columns)
        grades = scored.scores["grade"].value_counts()
        rows.append(
            {
                "dataset": _dataset(scored),
                "run": names[scored.run.id],
                "graded": f"{grades.get('correct', 0)} right, {grades.get('incorrect', 0)} wrong, "
                f"{grades.get('ambiguous', 0)} ambiguous, {grades.get('abstained', 0)} abstained",
                "accuracy": _share(accuracy(scored)),
                "at 50 % coverage by token entropy": _share(token.selective_accuracy),
                "by discrete semantic entropy": _share(semantic.selective_accuracy),
                **_cascade_cells(scored),
            }
        )
    return Table(
        "Accuracy, selective accuracy and the cascade",
        "Accuracy of the greedy answer over graded questions; of the half that a score is most certain of (95 % "
        "percentile bootstrap). Cascade: token entropy → question density → ten samples, points chosen on training "
        "folds; AUROC of the cascade / of everything / of token entropy alone, out of fold; whether quality was kept.",
        rows,
    )


def _cascade_cells(scored: ScoredRun) -> dict[str, str]:
    try:
        found = saving(scored, scored.clusterer)
    except InvalidInput:
        return {"cascade saves": "too few graded", "AUROC": "", "quality": ""}
    aurocs = (found.cascade.auroc, found.everything.auroc, found.cheapest.auroc)
    return {
        "cascade saves": _share(found.saving),
        "AUROC": " / ".join(map(number, aurocs)),
        "quality": found.verdict,
    }


# What each score is worth


def auroc_table(runs: Sequence[ScoredRun], dataset: str, answer_type: str | None = None) -> Table:
    """The AUROC of every score, over all questions or those of one answer type."""
    names = _names(runs)
    cells = {}
    for scored in runs:
        kept = (scored.questions["answer_type"] == answer_type).to_numpy() if answer_type else None
        found = score_statistics(scored, kept=kept)
        grades = scored.scores["grade"] if kept is None else scored.scores["grade"][kept]
        cells[names[scored.run.id]] = {
            "right / wrong": " / ".join(str(int((grades == grade).sum())) for grade in ("correct", "incorrect")),
            **{s.score: "no signal: all tie" if s.no_signal else with_interval(s.auroc) for s in found},
        }
    return Table(
        f"AUROC of every score, {dataset}{f', {answer_type} answers only' if answer_type else ''}",
        "Incorrect greedy answers are the positive class; 0.5 is chance; below it the score points the wrong way. 95 % "
        "DeLong interval. `@` names the clusterer, or the encoder, that a score was computed with.",
        _matrix(cells),
    )


def cohens_d_table(runs: Sequence[ScoredRun], dataset: str) -> Table:
    """Cohen's d of every score."""
    names = _names(runs)
    cells = {
        names[scored.run.id]: {s.score: with_interval(s.cohens_d) for s in score_statistics(scored)} for scored in runs
    }
    return Table(
        f"Cohen's d of every score, {dataset}",
        "Mean of incorrect minus mean of correct answers over the pooled standard deviation, 95 % interval.",
        _matrix(cells),
    )


def sensitivity_table(runs: Sequence[ScoredRun], dataset: str) -> Table:
    """SCR for fewer samples and at other thresholds."""
    names = _names(runs)
    rows = []
    for scored in runs:
        budget = rates.budget_curve(scored, scored.clusterer).set_index("n_samples")["value"]
        threshold = rates.threshold_curve(scored, scored.clusterer).set_index("threshold")["value"]
        rows.append(
            {
                "run": names[scored.run.id],
                **{f"N={n}": number(100 * budget[n], 1) for n in BUDGETS if n in budget},
                **{f"τ={t:g}": number(100 * threshold[t], 1) for t in THRESHOLDS},
            }
        )
    return Table(
        f"Single-cluster rate for fewer samples and at other thresholds, {dataset}",
        "Per cent, by the clusterer with the best report card. N: exactly, had only that many of the samples been "
        "drawn, at its default threshold. τ: with all samples.",
        rows,
    )


# Published beside measured


def published_table(runs: Sequence[ScoredRun]) -> Table:
    """Ours and what others reported, by figure, stage and dataset; never in one column."""
    names = _names(runs)
    rows = []
    for metric in published_metrics():
        for stage, dataset in dict.fromkeys((p.stage, p.dataset) for p in PUBLISHED if p.metric == metric):
            reported = [p for p in PUBLISHED if (p.metric, p.stage, p.dataset) == (metric, stage, dataset)]
            same = [scored for scored in runs if _is_counterpart(scored, stage, dataset)]
            ours = [f"{_figure(metric, scored)} ({names[scored.run.id]})" for scored in same]
            rows.append(
                {
                    "figure": metric,
                    "stage": stage or "",
                    "dataset": dataset or "",
                    "measured here": "; ".join(ours) or "—",
                    "published": "; ".join(
                        f"{published_value(metric, p.value)} ({p.model or ''}{': ' if p.model else ''}{p.condition})"
                        for p in reported
                    ),
                    "source": ", ".join(dict.fromkeys(p.source for p in reported)),
                }
            )
    return Table(
        "Beside the published figures",
        "Ours: temperature 1; clusters by whole-answer MiniLM embeddings at the published "
        "τ = 0.85; AUROC, d, calibration error and selective accuracy at half coverage of token entropy; the largest "
        "|r| among token entropy, question density and semantic entropy.",
        rows,
    )


def _is_counterpart(scored: ScoredRun, stage: str | None, dataset: str | None) -> bool:
    return (
        scored.run.decoding.temperature == 1
        and scored.run.provenance.stage == stage
        and (dataset is None or _dataset(scored) == dataset)
    )


def _figure(metric: str, scored: ScoredRun) -> str:
    found = counterpart(scored, metric, AS_PUBLISHED)
    return with_interval(found, tenth_percent if metric in PERCENTAGES else number)


# Cells


def _names(runs: Sequence[ScoredRun]) -> dict[str, str]:
    """Names of runs within their dataset, by id."""
    found: dict[str, str] = {}
    for dataset in dict.fromkeys(scored.run.identity.dataset for scored in runs):
        found |= run_names.names([scored.run for scored in runs if scored.run.identity.dataset == dataset])
    return found


def _matrix(cells: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    names = dict.fromkeys(name for column in cells.values() for name in column)
    return [{"score": name, **{column: found.get(name, "") for column, found in cells.items()}} for name in names]


def _share(found: Estimate) -> str:
    """In per cent, without the sign."""
    return with_interval(found, lambda share: number(100 * share, 1))


def _dataset(scored: ScoredRun) -> str:
    return dataset_title(scored.run.identity.dataset)


def _grid(rows: Sequence[dict[str, str]]) -> str:
    if not rows:
        raise HomogError("There are no complete and scored runs to report; run `python -m homog_core sample …` first.")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([row.get(c, "").replace("|", "\\|") for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
