"""The tables of docs/results.md: every statistic of stored runs, published figures in a column of their own.

`python -m homog_core report --update docs/results.md` puts them between two marks; nothing else in that file is
generated. It reads runs and computes; the words around the tables are written by people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from homog_core import files
from homog_core.analysis import compare, summary
from homog_core.analysis.scored_run import ScoredRun, correctness, scores_of
from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.published import PUBLISHED
from homog_core.errors import HomogError, InvalidInput
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.scores import score_columns
from homog_core.records import Estimate
from homog_core.runs import store
from homog_core.statistics.dependence import correlation
from homog_core.statistics.discrimination import cohens_d_estimate
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


BUDGETS = (2, 3, 5, 10)


THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its title and a sentence on how to read it; a row is a mapping of column to cell."""

    title: str
    note: str
    rows: list[dict[str, str]]


def reportable_runs() -> list[ScoredRun]:
    """The complete and scored runs of more than one question, by dataset, prompt, model and temperature."""
    found = []
    for run in store.list_runs():
        complete = run.provenance.status == "complete" and run.identity.n_questions > 1
        if complete and run.table("scores") is not None:
            found.append(ScoredRun(run))
    return sorted(found, key=lambda scored: _order(scored))


def results_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """Every table, over the runs in their order. Raises `HomogError` where one is not scored by this version."""
    for scored in runs:
        scores_of(scored.run)
    tables = [*chain_tables(runs), clusters_table(runs), cascade_table(runs)]
    for dataset in dict.fromkeys(scored.run.identity.dataset for scored in runs):
        same = [scored for scored in runs if scored.run.identity.dataset == dataset]
        tables += [auroc_table(same, dataset), cohens_d_table(same, dataset), sensitivity_table(same, dataset)]
        if len(set(same[0].questions["answer_type"])) > 1:
            tables.append(auroc_table(same, dataset, answer_type="text"))
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


def label(scored: ScoredRun) -> str:
    """A run's name in a column: the model, and what is not usual about it."""
    identity = scored.run.identity
    decoding, prompt = identity.decoding, identity.prompt_style
    parts = [identity.model]
    parts += [f"T={decoding.temperature:g}"] if decoding.temperature != 1 else []
    parts += [f"{prompt} prompt"] if prompt != "plain" else []
    usual = {"n_samples": 10, "max_new_tokens": 32, "top_p": 1.0, "top_k": 0, "seed": 0}
    parts += [f"{name}={getattr(decoding, name)}" for name, value in usual.items() if getattr(decoding, name) != value]
    return ", ".join(parts)


def _order(scored: ScoredRun) -> tuple:
    identity = scored.run.identity
    stage = scored.run.provenance.stage or ""
    stages = ["base", "sft", "dpo", "rlvr", "instruct", ""]
    name, temperature = identity.model, identity.decoding.temperature
    return identity.dataset, stages.index(stage), name, identity.prompt_style, temperature


# Stages of one model

_STATISTICS = {  # of report.Comparison.estimates
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


def chain_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """For runs that share weights, questions, decoding and prompt: what each found, and the paired tests."""
    groups: dict[tuple, list[ScoredRun]] = {}
    for scored in runs:
        groups.setdefault(_common_ground(scored), []).append(scored)
    return [table for group in groups.values() if len(group) > 1 for table in _chain(group)]


def _common_ground(scored: ScoredRun) -> tuple:
    identity, source = scored.run.identity, scored.run.provenance.source
    return source, identity.question_ids_sha256, str(identity.decoding), identity.prompt_style


def _chain(runs: Sequence[ScoredRun]) -> list[Table]:
    best = summary.best_clusterer(scores_of(runs[0].run))
    found = compare.compare(runs, best)
    names = {scored.run.id: label(scored) for scored in runs}
    command = f"`python -m homog_core compare {' '.join(names)}`"
    estimates = [
        {
            "": title,
            **{
                names[row["run"]]: _interval(row["value"], row["low"], row["high"], 3)
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
            "difference": _interval(row["difference"], row["low"], row["high"], 3),
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
            f"Stages of one model: {where}", f"{command}; clusters by {best.key}, τ = {best.threshold:g}.", estimates
        ),
        Table(
            f"Paired tests of the stages: {where}",
            f"The same command. p adjusted by Holm over the {len(tests)} tests; paired bootstrap intervals; fewer and "
            "more count the questions that went down and up.",
            tests,
        ),
    ]


def _p(pvalue: float) -> str:
    return "undefined" if np.isnan(pvalue) else f"{pvalue:.2f}" if pvalue >= 0.01 else f"{pvalue:.0e}"


# What each run found


def clusters_table(runs: Sequence[ScoredRun]) -> Table:
    """SCR by clusterer, and how many different answers."""
    rows = []
    for scored in runs:
        scores = scores_of(scored.run)
        best = summary.best_clusterer(scores)
        entropy = scores[f"discrete_semantic_entropy@{best.key}"]
        rates = {
            _clusterer_title(c): _share(single_cluster_rate(scored.cluster_frame(c)["num_semantic_sets"]))
            for c in _clusterers(scored)
        }
        rows.append(
            {
                "dataset": _dataset(scored),
                "run": label(scored),
                "n": str(len(scores)),
                **rates,
                f"clusters ({best.key})": _number(mean_estimate(scores[f"num_semantic_sets@{best.key}"])),
                "discrete semantic entropy, nats": _number(mean_estimate(entropy)),
                "token entropy, greedy": _number(mean_estimate(scores["mean_token_entropy"])),
                "token entropy, sampled": _number(mean_estimate(scores["mean_token_entropy_sampled"])),
            }
        )
    return Table(
        "Single-cluster rate by clusterer",
        "Per cent of questions whose answers form one cluster, with the 95 % Wilson interval; means with the 95 % "
        "t interval. NLI needs a model from the hub and stands here only where a run has been judged by one.",
        rows,
    )


def _clusterers(scored: ScoredRun) -> list[Clusterer]:
    """Every clusterer at its default, and whole-answer embeddings at the published threshold."""
    found = sorted(scored.clusterers(), key=lambda c: c.key)
    published = [replace(c, threshold=PUBLISHED_COSINE_THRESHOLD) for c in found if c.method == "embedding"]
    return [*found, *published]


def _clusterer_title(clusterer: Clusterer) -> str:
    return f"{clusterer.key} {clusterer.entailment if clusterer.method == 'nli' else f'τ={clusterer.threshold:g}'}"


def cascade_table(runs: Sequence[ScoredRun]) -> Table:
    """Accuracy, what half of the answers are worth, and the cascade."""
    rows = []
    for scored in runs:
        scores = scores_of(scored.run)
        best = summary.best_clusterer(scores)
        grades = scores["grade"].value_counts()
        columns = ("mean_token_entropy", f"discrete_semantic_entropy@{best.key}")
        found = {s.score: s for s in summary.score_statistics(scores, columns)}
        row = {
            "dataset": _dataset(scored),
            "run": label(scored),
            "graded": f"{grades.get('correct', 0)} right, {grades.get('incorrect', 0)} wrong, "
            f"{grades.get('ambiguous', 0)} ambiguous, {grades.get('abstained', 0)} abstained",
            "accuracy": _share(summary.run_estimates(scores)["accuracy"]),
            "at 50 % coverage by token entropy": _share(found[columns[0]].selective_accuracy),
            "by discrete semantic entropy": _share(found[columns[1]].selective_accuracy),
        }
        rows.append(row | _cascade_cells(scored, scores))
    return Table(
        "Accuracy, selective accuracy and the cascade",
        "Accuracy of the greedy answer over graded questions; of the half that a score is most certain of (95 % "
        "percentile bootstrap). Cascade: token entropy → question density → ten samples, points chosen on training "
        "folds; AUROC of the cascade / of everything / of token entropy alone, out of fold; whether quality was kept.",
        rows,
    )


def _cascade_cells(scored: ScoredRun, scores: pd.DataFrame) -> dict[str, str]:
    try:
        found = summary.saving_of(scored.run, scores)
    except InvalidInput:
        return {"cascade saves": "too few graded", "AUROC": "", "quality": ""}
    aurocs = (found.cascade.auroc, found.everything.auroc, found.cheapest.auroc)
    return {
        "cascade saves": _share(found.saving),
        "AUROC": " / ".join(f"{value:.2f}" for value in aurocs),
        "quality": found.verdict,
    }


def auroc_table(runs: Sequence[ScoredRun], dataset: str, answer_type: str | None = None) -> Table:
    """The AUROC of every score, over all questions or those of one answer type."""
    cells = {}
    for scored in runs:
        scores = scores_of(scored.run)
        if answer_type:
            wanted = scored.questions["id"][scored.questions["answer_type"] == answer_type]
            scores = scores[scores["question_id"].isin(wanted)]
        cells[label(scored)] = {
            "right / wrong": " / ".join(str(int((scores["grade"] == g).sum())) for g in ("correct", "incorrect"))
        } | {
            s.score: "no signal: all tie" if s.no_signal else _number(s.auroc) for s in summary.score_statistics(scores)
        }
    return Table(
        f"AUROC of every score, {_title(dataset)}{f', {answer_type} answers only' if answer_type else ''}",
        "Incorrect greedy answers are the positive class; 0.5 is chance; below it the score points the wrong way. 95 % "
        "DeLong interval. `@` names the clusterer, or the encoder, that a score was computed with.",
        _matrix(runs, cells),
    )


def cohens_d_table(runs: Sequence[ScoredRun], dataset: str) -> Table:
    """Cohen's d of every score."""
    cells = {}
    for scored in runs:
        scores = scores_of(scored.run)
        correct = correctness(scores)
        cells[label(scored)] = {
            name: _number(cohens_d_estimate(scores[name][correct == 0], scores[name][correct == 1]))
            for name in score_columns(scores)
        }
    return Table(
        f"Cohen's d of every score, {_title(dataset)}",
        "Mean of incorrect minus mean of correct answers over the pooled standard deviation, 95 % interval.",
        _matrix(runs, cells),
    )


def sensitivity_table(runs: Sequence[ScoredRun], dataset: str) -> Table:
    """SCR for fewer samples and at other thresholds."""
    rows = []
    for scored in runs:
        best = summary.best_clusterer(scores_of(scored.run))
        budget = summary.budget_curve(scored, best).set_index("n_samples")["single_cluster_rate"]
        threshold = summary.threshold_curve(scored, best).set_index("threshold")["value"]
        rows.append(
            {
                "run": label(scored),
                **{f"N={n}": f"{100 * budget[n]:.1f}" for n in BUDGETS if n in budget},
                **{f"τ={t:g}": f"{100 * threshold[t]:.1f}" for t in THRESHOLDS},
            }
        )
    return Table(
        f"Single-cluster rate for fewer samples and at other thresholds, {_title(dataset)}",
        "Per cent, by the clusterer with the best report card. N: exactly, had only that many of the samples been "
        "drawn, at its default threshold. τ: with all samples.",
        rows,
    )


def published_table(runs: Sequence[ScoredRun]) -> Table:
    """Ours and what others reported, by figure, stage and dataset; never in one column."""
    rows = []
    for key in dict.fromkeys((p.metric, p.stage, p.dataset) for p in PUBLISHED):
        metric, stage, dataset = key
        reported = [p for p in PUBLISHED if (p.metric, p.stage, p.dataset) == key]
        same = [scored for scored in runs if _is_counterpart(scored, stage, dataset)]
        ours = [f"{value} ({label(scored)})" for scored in same if (value := _ours(scored, metric))]
        rows.append(
            {
                "figure": metric,
                "stage": stage or "",
                "dataset": dataset or "",
                "measured here": "; ".join(ours) or "—",
                "published": "; ".join(
                    f"{p.value:g} ({p.model or ''}{': ' if p.model else ''}{p.condition})" for p in reported
                ),
                "source": ", ".join(dict.fromkeys(p.source for p in reported)),
            }
        )
    return Table(
        "Beside the published figures",
        "Ours: temperature 1; clusters by whole-answer MiniLM embeddings at the published "
        "τ = 0.85; AUROC, d and selective accuracy at half coverage of token entropy; the largest |r| among the "
        "cascade's signals.",
        rows,
    )


def _is_counterpart(scored: ScoredRun, stage: str | None, dataset: str | None) -> bool:
    identity = scored.run.identity
    return (
        identity.decoding.temperature == 1
        and scored.run.provenance.stage == stage
        and (dataset is None or _title(identity.dataset) == dataset)
    )


def _ours(scored: ScoredRun, metric: str) -> str:
    """Our figure of that name on a run; "" where there is none."""
    scores = scores_of(scored.run)
    embedding = Clusterer("embedding", PUBLISHED_COSINE_THRESHOLD, "minilm")
    frame = scored.cluster_frame(embedding)
    if metric == "single_cluster_rate":
        return _share(single_cluster_rate(frame["num_semantic_sets"])) + " %"
    if metric == "mean_num_clusters":
        return _number(mean_estimate(frame["num_semantic_sets"]))
    if metric == "mean_discrete_semantic_entropy":
        return _number(mean_estimate(frame["discrete_semantic_entropy"]))
    if metric == "mean_token_entropy":
        return _number(mean_estimate(scores["mean_token_entropy"]))
    if metric == "signal_correlation":
        return f"{_largest_correlation(scored, scores):.2f}"
    (found,) = summary.score_statistics(scores, ["mean_token_entropy"])
    if metric == "cost_saving":
        return _cascade_cells(scored, scores)["cascade saves"] + " %"
    own = {"auroc": found.auroc, "cohens_d": found.cohens_d, "selective_accuracy": found.selective_accuracy}
    return _number(own[metric]) if metric in own else ""


def _largest_correlation(scored: ScoredRun, scores: pd.DataFrame) -> float:
    values = [signal.uncertainty for signal in summary.cascade_signals(scored.run, scores)]
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i + 1 :]]
    return max(abs(correlation(a, b).pearson.value) for a, b in pairs)


# Cells


def _matrix(runs: Sequence[ScoredRun], cells: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    names = dict.fromkeys(name for column in cells.values() for name in column)
    return [{"score": name, **{column: found.get(name, "") for column, found in cells.items()}} for name in names]


def _share(found: Estimate) -> str:
    """In per cent."""
    return "undefined" if np.isnan(found.value) else _interval(100 * found.value, 100 * found.low, 100 * found.high, 1)


def _number(found: Estimate) -> str:
    return "undefined" if np.isnan(found.value) else _interval(found.value, found.low, found.high, 2)


def _interval(value: float, low: float, high: float, digits: int) -> str:
    shown = "" if np.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{value:.{digits}f}{shown}".replace("-", "−")


def _title(dataset: str) -> str:
    return DATASETS[dataset].title if dataset in DATASETS else dataset


def _dataset(scored: ScoredRun) -> str:
    return _title(scored.run.identity.dataset)


def _grid(rows: Sequence[dict[str, str]]) -> str:
    if not rows:
        raise HomogError("There are no complete and scored runs to report; run `python -m homog_core sample …` first.")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([row.get(c, "").replace("|", "\\|") for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
