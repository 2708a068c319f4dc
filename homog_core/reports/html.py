"""A run, or a comparison of runs, as one HTML file that opens offline and prints: numbers, charts, every answer.

It reads scored runs; the numbers are those of `report` and `aggregate`, the charts those of `charts` and `figures`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.analysis import changes, compare, lineage, rates, selective, signals
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import Undefined
from homog_core.analysis.summary import summarise
from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import InvalidInput
from homog_core.figures import aggregate, dots, series, theme
from homog_core.figures.comparison import slope_chart
from homog_core.figures.series import Series, run_series, score_series
from homog_core.files import replacing
from homog_core.measures.clustering import Clusterer, by_size
from homog_core.measures.scores import GROUPS, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.progress import OnProgress
from homog_core.records import Estimate, Response
from homog_core.reports.html_page import Markup, chart, document, element, joined, table
from homog_core.runs.store import Run
from homog_core.statistics import intervals
from homog_core.wording import findings, numbers, run_card, titles
from homog_core.wording.comparison import STATISTICS, arrow, differences, in_words, obstacle_sentence, summary_sentence
from homog_core.wording.findings import cascade_sentence
from homog_core.wording.recipes import clusterer_recipe, recipe
from homog_core.wording.titles import STAGE_TITLES, dataset_title

SMALL_N = 30  # below it a number is grey and says so


LONG = 14  # lines of answers from which on a question may be broken over two pages


_GRADES = {"correct": "✓ correct", "incorrect": "✗ incorrect", "ambiguous": "? ambiguous", "abstained": "– abstained"}


_STATISTICS = {  # what it is called, and whether it is a share
    "single_cluster_rate": ("Questions with a single cluster", True),
    "num_semantic_sets": ("Different answers per question", False),
    "discrete_semantic_entropy": ("Semantic entropy, nats", False),
    "mean_token_entropy": ("Token entropy of the greedy answer, nats", False),
    "mean_token_entropy_sampled": ("Token entropy of the sampled answers, nats", False),
    "accuracy": ("Correct among the graded greedy answers", True),
    "distinct_across_questions": ("Different greedy answers across questions", True),
    "most_common_answer": ("Questions that get the most common greedy answer", True),
    "looping": ("Sampled answers that repeat themselves", True),
    "cut": ("Sampled answers cut by the token limit", True),
    "invalid": ("Sampled answers that are empty", True),
}


_TILES = ("single_cluster_rate", "num_semantic_sets", "discrete_semantic_entropy", "mean_token_entropy", "accuracy")


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What the report is about."""

    runs: list[ScoredRun]
    names: list[str]
    ids: list[str]  # of the questions that all runs have
    clusterer: Clusterer

    @property
    def colors(self) -> list[str]:
        return [theme.MODEL_COLORS[i] for i in range(len(self.runs))]

    @property
    def title(self) -> str:
        stages = [STAGE_TITLES[scored.run.provenance.stage] for scored in self.runs]
        named = [f"{name} ({stage})" if stage else name for name, stage in zip(self.names, stages, strict=True)]
        dataset = dataset_title(self.runs[0].run.identity.dataset)
        return f"{' → '.join(named)} on {dataset}"


def write_report(runs: Sequence[Run], target: Path, on_progress: OnProgress = lambda what, done, total: None) -> Path:
    """Write the report of one run, or of the comparison of two to four, as one file; return `target`.

    A file of that name is replaced, at once and as a whole. Raises `HomogError` for a run that has not been scored and
    for a file that cannot be written, `InvalidInput` for runs that cannot be compared.
    """
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInput(f"{target} cannot be written; name a file in a folder that exists.")
    content = report_html(runs, datetime.now(UTC), on_progress)
    with replacing(target, str(target)) as stream:
        stream.write(content.encode())
    return target


def report_html(runs: Sequence[Run], made: datetime, on_progress: OnProgress = lambda what, done, total: None) -> str:
    """The report of one run or of a comparison as HTML. Raises as `write_report`."""
    shown = _shown(runs, on_progress)
    drawn: dict[str, go.Figure] = {}
    sections = [
        ("found", "What was found", _found(shown, drawn)),
        ("scores", "Can an uncertainty score tell wrong answers?", _scores(shown, drawn)),
        ("sensitivity", "What it depends on", _sensitivity(shown, drawn)),
        ("provenance", "Where these numbers come from", _provenance(shown)),
        ("questions", "Every question and every answer", joined(*_questions(shown, on_progress))),
    ]
    contents = [element("a", title, href=f"#{key}") for key, title, _ in sections]
    body = joined(
        _head(shown, made),
        element("nav", *contents, aria_label="Contents"),
        *(element("section", element("h2", title), content, id=key) for key, title, content in sections),
    )
    size = len(document(shown.title, body, drawn).encode())
    return document(shown.title, joined(body, _foot(size)), drawn)


def _shown(runs: Sequence[Run], on_progress: OnProgress) -> _Shown:
    if len(runs) > 1 and (reason := lineage.obstacle(runs)):
        raise InvalidInput(obstacle_sentence(reason))
    if not 1 <= len({run.id for run in runs}) == len(runs) <= lineage.MOST_RUNS:
        raise InvalidInput(f"A report is of one to {lineage.MOST_RUNS} different runs, not of {len(runs)}.")
    scored = []
    for number, run in enumerate(runs, start=1):
        scored.append(ScoredRun(run))
        _ = scored[-1].scores  # raises where it has not been scored
        on_progress("Reading", number, len(runs))
    ids = compare.common_questions(scored)
    clusterers = compare.common_clusterers(scored)
    if not ids or not clusterers:
        raise InvalidInput("These runs have no question in common; compare runs over the same dataset.")
    return _Shown(scored, list(lineage.names(runs).values()), ids, clusterers[0])


# Head and foot


def _head(shown: _Shown, made: datetime) -> Markup:
    several = len(shown.runs) > 1
    return element(
        "header",
        element("p", f"Response homogenization · report of {'a comparison' if several else 'a run'}", class_="kicker"),
        element("h1", shown.title),
        *(element("p", text, class_="recipe") for text in _recipes(shown)),
        element(
            "p", f"Made on {made.day} {made:%B %Y}. Every number can be made again with this program.", class_="note"
        ),
    )


def _recipes(shown: _Shown) -> list[str]:
    """One recipe line for all runs, or one each where they were not sampled in the same way."""
    own = [
        recipe(name, scored.run.decoding, scored.run.identity.prompt_style, None, None)
        + (" · imported" if scored.run.is_imported else "")
        for scored, name in zip(shown.runs, shown.names, strict=True)
    ]
    last = f"{clusterer_recipe(shown.clusterer)} · {numbers.counted(len(shown.ids), 'question')} · 95 % intervals"
    return [f"{own[0]} · {last}"] if len(own) == 1 else [*own, last]


def _foot(size: int) -> Markup:
    from plotly.offline import get_plotlyjs

    library = len(get_plotlyjs().encode())
    return element(
        "footer",
        element(
            "p",
            f"This file has {size / 1e6:.1f} MB, of which {library / 1e6:.1f} MB are plotly.js (MIT licence), which "
            "draws the charts. It loads nothing from anywhere. Answers of models and sentences of datasets are shown "
            "as they are; they may be wrong, and they keep their own licences.",
            class_="note",
        ),
    )


# What was found


def _found(shown: _Shown, drawn: dict[str, go.Figure]) -> Markup:
    if len(shown.runs) == 1:
        (estimates,) = _estimates(shown)
        return joined(
            element("p", _single_sentence(shown), class_="lead"),
            element("div", *(_tile(name, estimates[name]) for name in _TILES), class_="tiles"),
            element("h3", "A homogenised model, or a broken one?"),
            element("p", _BROKEN, class_="note"),
            table([{"": _STATISTICS[n][0], "value": _value(n, estimates[n])} for n in _DEGENERATION], left=("",)),
            element("h3", "Single-cluster rate by clusterer"),
            element("p", _BY_CLUSTERER, class_="note"),
            _clusterer_table(shown),
        )
    compared = compare.compare(shown.runs, shown.clusterer)
    found = changes.changes(shown.runs, shown.clusterer)
    estimates = dict(zip(shown.names, _estimates(shown), strict=True))
    rows = [
        {"": label, **{run: _value(name, own[name]) for run, own in estimates.items()}}
        for name, (label, _) in _STATISTICS.items()
    ]
    return joined(
        element("p", summary_sentence(found, shown.names), class_="lead"),
        element("p", differences(compared.differing)),
        table(rows, left=("",)),
        element("p", _BROKEN, class_="note"),
        _slopes(shown, found, drawn),
        _tests(shown, compared),
        element("h3", "Single-cluster rate by clusterer"),
        element("p", _BY_CLUSTERER, class_="note"),
        _clusterer_table(shown),
    )


_DEGENERATION = ("distinct_across_questions", "most_common_answer", "looping", "cut", "invalid")


_BROKEN = (
    "A homogenised model answers each question in one way and different questions differently. A broken one repeats "
    "itself, says nothing, or says the same to everything."
)


_BY_CLUSTERER = (
    "The same answers, put into clusters in other ways: per cent of the questions whose answers form one cluster, with "
    "the 95 % Wilson interval."
)


def _single_sentence(shown: _Shown) -> str:
    row = rates.single_cluster_row(shown.runs[0], shown.clusterer, "")
    stage = shown.runs[0].run.provenance.stage
    frame = pd.DataFrame([{"label": shown.names[0], "stage": stage, "value": row["value"], "n": row["n"]}])
    return findings.single_cluster(frame, None, float("nan")) + "."


def _estimates(shown: _Shown) -> list[dict[str, Estimate]]:
    """The statistics of every run over the questions that all have."""
    return [compare.run_statistics(scored, shown.clusterer, shown.ids) for scored in shown.runs]


def _value(name: str, found: Estimate) -> str:
    """A statistic with its interval."""
    share = _STATISTICS[name][1]
    return _interval(found, percent=share) + (_few(found.n) if share is False or found.method != "share" else "")


def _interval(found: Estimate, *, percent: bool = False) -> str:
    if np.isnan(found.value):
        return "undefined"
    scale, digits, unit = (100, 1, " %") if percent else (1, 2, "")
    shown = f"{scale * found.value:.{digits}f}{unit}"
    if not np.isnan(found.low):
        shown += f" [{scale * found.low:.{digits}f}, {scale * found.high:.{digits}f}]"
    return shown.replace("-", "−")


def _few(n: int) -> str:
    return f", only {n}" if n < SMALL_N else ""


def _tile(name: str, found: Estimate) -> Markup:
    label, share = _STATISTICS[name]
    value, _, bounds = _interval(found, percent=share).partition(" [")
    interval = f"95 % interval {bounds.removesuffix(']').replace(', ', ' to ')}, " if bounds else ""
    few = ": few questions, read with care" if found.n < SMALL_N else ""
    return element(
        "div",
        element("div", label, class_="label"),
        element("div", value, class_="value"),
        element("p", f"{interval}n = {found.n}{few}", class_="note"),
        class_="tile few" if found.n < SMALL_N else "tile",
    )


def _clusterer_table(shown: _Shown) -> Markup:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for name, view in zip(shown.names, shown.runs, strict=True):
        for row in rates.clusterer_rows(view, ""):
            key = (
                clusterer_recipe(row["clusterer"]),
                "published" if row["kind"] == "published threshold" else "as scored",
            )
            rate = Estimate(row["value"], row["low"], row["high"], row["n"], "wilson")
            shares = rows.setdefault(key, {"clusterer": key[0], "threshold": key[1]})
            shares[name] = f"{_interval(rate, percent=True)}{_few(rate.n)}"
    return table(list(rows.values()), left=("clusterer", "threshold"))


def _slopes(shown: _Shown, found: changes.Changes, drawn: dict[str, go.Figure]) -> Markup:
    means = [intervals.mean_estimate(found.clusters[key]) for key in found.clusters]
    figure = slope_chart(
        changes.levels(found.clusters),
        changes.transitions(found.clusters),
        means,
        shown.names,
        shown.colors,
        dark=False,
    )
    title = f"{arrow([m.value for m in means], lambda value: numbers.number(value, 1))} different answers per question"
    how = (
        "Each line is a way that questions took from one run to the next, as wide as there are questions; the diamonds "
        "are the means with their 95 % intervals."
    )
    return _chart(drawn, "slopes", title, how, figure)


def _tests(shown: _Shown, compared: compare.Comparison) -> Markup:
    """The paired tests in words, for every two runs."""
    names = dict(zip((scored.run.id for scored in shown.runs), shown.names, strict=True))
    blocks = []
    for pair in dict.fromkeys((test["from"], test["to"]) for test in compared.tests):
        own = {test["statistic"]: test for test in compared.tests if (test["from"], test["to"]) == pair}
        told = [in_words(own[name]) for name in STATISTICS if name in own]
        blocks.append(element("h3", f"From {names[pair[0]]} to {names[pair[1]]}, question by question"))
        blocks.append(
            element("ul", *(element("li", element("strong", t.finding), joined(". ", t.detail)) for t in told))
        )
    holm = "All p values are adjusted together by Holm's method; intervals are bootstrapped over questions."
    return joined(*blocks, element("p", holm, class_="note"))


def _chart(drawn: dict[str, go.Figure], key: str, title: str, how_to_read: str, figure: go.Figure) -> Markup:
    if sum(trace.showlegend is not False for trace in figure.data) < 2:
        figure.update_layout(showlegend=False)
    drawn[f"chart-{key}"] = figure
    return chart(f"chart-{key}", title, how_to_read, title, figure.layout.height or 400)


# Scores


def _scores(shown: _Shown, drawn: dict[str, go.Figure]) -> Markup:
    rows = [signals.score_rows(view, shown.clusterer, "") for view in shown.runs]
    titles = [findings.aurocs(frame) for frame in rows]
    several = len(rows) > 1
    sentences = [element("p", f"{n}: {t}." if several else f"{t}.") for n, t in zip(shown.names, titles, strict=True)]
    how = (
        "How well each score tells incorrect from correct greedy answers: 0.5 is chance, 1 is always right, below 0.5 "
        "it points the wrong way. Whiskers are DeLong's 95 % intervals."
    )
    costs = [
        element("p", joined(element("strong", f"{name}: ") if several else "", _cascade(view)))
        for name, view in zip(shown.names, shown.runs, strict=True)
    ]
    return joined(
        *sentences,
        _chart(drawn, "auroc", "AUROC of every score", how, _auroc_figure(shown, rows)),
        element("h3", "Every score, with every clusterer and encoder"),
        element(
            "p",
            "What stands after @ is the clusterer or encoder. d is Cohen's d, incorrect minus correct.",
            class_="note",
        ),
        _score_table(shown),
        element("h3", "Cheap signals first: what a cascade would save"),
        *costs,
    )


def _cascade(scored: ScoredRun) -> str:
    found = summarise(scored).saving
    return str(found) if isinstance(found, InvalidInput) else cascade_sentence(found)


def _auroc_figure(shown: _Shown, frames: Sequence[pd.DataFrame]) -> go.Figure:
    scores = [row for row in frames[0].itertuples() if row.subset == "all"]
    rows, place = [], {}
    for group in GROUPS:
        rows.append(dots.Row(titles.GROUP_TITLES[group], heading=True))
        for row in scores:
            if row.group == group:
                place[row.score] = len(rows)
                rows.append(dots.Row(titles.score_title(row.score)))
    marks = []
    for name, frame in zip(shown.names, frames, strict=True):
        own = frame[(frame["subset"] == "all") & frame["score"].isin(list(place))]
        own = own[own["undefined"] != Undefined.NEEDS_NLI] if len(frames) > 1 else own
        marks.append(
            own.assign(
                row=own["score"].map(place),
                panel=0,
                series=name,
                faded=own["n"] < SMALL_N,
                hover=[_auroc_hover(name, row) for row in own.itertuples()],
                words=[titles.auroc_words(row) for row in own.itertuples()],
            )
        )
    series = run_series(shown.names)
    panel = dots.Panel("AUROC", reference=0.5, range=(0, 1))
    return dots.dots(rows, pd.concat(marks), [panel], series, dodge=len(series) > 1)


def _auroc_hover(name: str, row: Any) -> str:
    value = (
        titles.auroc_words(row)
        or f"{numbers.number(row.value)} [{numbers.number(row.low)}, {numbers.number(row.high)}]"
    )
    return f"{titles.score_title(row.score)}\n{name}\n{value}\n{row.n_incorrect} incorrect, {row.n_correct} correct"


def _score_table(shown: _Shown) -> Markup:
    """The AUROC of every column of the table of scores; for one run with d and selective accuracy."""
    rows: dict[str, dict[str, str]] = {}
    for name, view in zip(shown.names, shown.runs, strict=True):
        for found in signals.score_statistics(view):
            name_of, _, by = found.score.partition("@")
            row = rows.setdefault(found.score, {"score": titles.score_title(name_of), "by": by})
            words = "no signal: all scores tie" if found.no_signal else _interval(found.auroc)
            row[name if len(shown.runs) > 1 else "AUROC"] = words + (_few(found.auroc.n) if found.auroc.n else "")
            if len(shown.runs) == 1:
                row["n"] = str(found.auroc.n)
                row["d"] = _interval(found.cohens_d)
                half = f"accuracy of the most certain {signals.COVERAGE:.0%}"
                row[half] = _interval(found.selective_accuracy, percent=True)
    return table(list(rows.values()), left=("score", "by"))


# Sensitivity


def _sensitivity(shown: _Shown, drawn: dict[str, go.Figure]) -> Markup:
    parts = [_threshold(shown, drawn), _budget(shown, drawn)]
    if len(shown.runs) == 1:
        parts.append(_coverage(shown, drawn))
    return joined(*(part for part in parts if part))


def _curve_frame(shown: _Shown, curves: Sequence[pd.DataFrame], x: str, columns: Sequence[str]) -> pd.DataFrame:
    """What `charts.curves` draws: one panel a prefix of columns."""
    parts = []
    for name, curve in zip(shown.names, curves, strict=True):
        for panel, prefix in enumerate(columns):
            part = curve.rename(columns={x: "x"})
            value, low, high = (curve[f"{prefix}{field}"] for field in ("value", "low", "high"))
            part = pd.DataFrame({"x": part["x"], "value": value, "low": low, "high": high})
            hover = [f"{name}\n{row.x:g}: {row.value:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in part.itertuples()]
            parts.append(part.assign(series=name, panel=panel, hover=hover))
    return pd.concat(parts, ignore_index=True)


def _threshold(shown: _Shown, drawn: dict[str, go.Figure]) -> Markup | None:
    curves = [rates.threshold_curve(view, shown.clusterer, "") for view in shown.runs]
    if any(curve.empty for curve in curves):
        return None
    figure = aggregate.curves(
        _curve_frame(shown, curves, "threshold", ("",)),
        series.run_series(shown.names),
        [dots.Panel("questions with a single cluster", range=(0, 1.02), percent=True)],
        x_title="threshold τ: how similar two answers must be to count as the same",
        x_range=(0, 1),
        mark=shown.clusterer.threshold,
        mark_label=f"τ = {shown.clusterer.threshold:g}",
    )
    base = shown.names[0] if len(shown.names) > 1 else None
    named = dict(zip(shown.names, curves, strict=True))
    title = findings.threshold(named, shown.names[-1], base, shown.clusterer.threshold)
    how = "The single-cluster rate at every threshold, with its 95 % Wilson interval. The dotted line is the default."
    return _chart(drawn, "threshold", title, how, figure)


def _budget(shown: _Shown, drawn: dict[str, go.Figure]) -> Markup | None:
    curves = [rates.budget_curve(view, shown.clusterer, "") for view in shown.runs]
    if any(len(curve) < 2 for curve in curves):
        return None
    figure = aggregate.curves(
        _curve_frame(shown, curves, "n_samples", ("", "entropy_")),
        series.run_series(shown.names),
        [
            dots.Panel("questions with a single cluster", range=(0, 1.02), percent=True),
            dots.Panel("semantic entropy, nats"),
        ],
        x_title="number of answers",
    )
    title = findings.budget(curves[-1], shown.names[-1], 3)
    how = "Exactly, had only that many of the answers been drawn; the clusters stay those of all. 95 % intervals."
    return _chart(drawn, "budget", title, how, figure)


def _coverage(shown: _Shown, drawn: dict[str, go.Figure]) -> Markup | None:
    view = shown.runs[0]
    scores = view.score_frame(shown.clusterer)
    wanted = (TOKEN_ENTROPY, SEMANTIC_ENTROPY)
    found = {name: selective.coverage_of(scores[name].to_numpy(), view.correct) for name in wanted if name in scores}
    looks = [(name, titles.score_title(name), signals.group_of(name)) for name in found]
    rows = [
        curve.curve.rename(columns={"coverage": "x"}).assign(series=name, panel=0, low=np.nan, high=np.nan)
        for name, curve in found.items()
    ]
    frame = pd.concat(rows, ignore_index=True)
    if frame["value"].notna().sum() < 2:
        return None
    frame["hover"] = [
        f"{titles.score_title(row.series)}\nanswering {row.x:.0%}: {row.value:.1%} correct"
        for row in frame.itertuples()
    ]
    series, marks = score_series(looks, dark=False), []
    for name, look in zip(found, series, strict=True):
        points = found[name].points.rename(columns={"coverage": "x"})
        hover = [f"{look.name}\n{row.value:.1%} [{row.low:.1%}, {row.high:.1%}]" for row in points.itertuples()]
        bare = Series(f"{name}, points", f"{look.name}, 95 % interval", look.color, look.symbol, look.dash)
        marks.append((bare, points.assign(hover=hover)))
    figure = aggregate.curves(
        frame,
        series,
        [dots.Panel("correct among those", percent=True)],
        x_title="share of the questions that are answered, the most certain first",
        x_range=(0, 1.02),
        x_percent=True,
        extra=marks,
    )
    how = "Only graded questions. A score that says nothing is a level line; one that knows errors falls to the right."
    return _chart(drawn, "coverage", findings.coverage(found), how, figure)


# Provenance


def _provenance(shown: _Shown) -> Markup:
    parts = []
    for scored, name in zip(shown.runs, shown.names, strict=True):
        run = scored.run
        facts = [
            child for fact in run_card.card(run) for child in (element("dt", fact.label), element("dd", fact.text))
        ]
        missing = [
            element("li", part.what, joined(" ", element("code", part.command)) if part.command else "")
            for part in run_card.missing(run)
        ]
        parts += [
            element("h3", name) if len(shown.runs) > 1 else "",
            element("dl", *facts),
            joined(element("p", "What is missing:"), element("ul", *missing)) if missing else "",
        ]
    return joined(*parts)


# Questions


def _questions(shown: _Shown, on_progress: OnProgress) -> Iterator[Markup]:
    intro = (
        "Answers that count as the same stand together, the largest cluster first; × counts identical ones. The bar is "
        "as wide as the share of the answers."
    )
    yield element("p", f"{intro} {clusterer_recipe(shown.clusterer)}", class_="note")
    dataset = shown.runs[0].run.identity.dataset
    if dataset in DATASETS and not all(shown.runs[0].questions.loc[shown.ids, "text"]):
        spec = DATASETS[dataset]
        where = f"name the folder of {' or '.join(spec.files)} in HOMOG_DATA and make this report again"
        yield element("p", f"The sentences of {spec.title} are not stored with the run, so ids stand here: {where}.")
    scores = [scored.scores for scored in shown.runs]
    for number, key in enumerate(shown.ids, start=1):
        yield _question(shown, scores, number, key)
        if number % 25 == 0 or number == len(shown.ids):
            on_progress("Questions", number, len(shown.ids))


def _question(shown: _Shown, scores: Sequence[pd.DataFrame], number: int, key: str) -> Markup:
    row = shown.runs[0].questions.loc[key]
    heading = element("h3", f"{number} · ", element("span", row["text"] or key, class_="text", dir="auto"))
    correct, wrong = (list(row[name]) for name in ("references", "incorrect_references"))
    notes = [f"{key}", row["category"], f"correct: {' / '.join(correct)}" if correct else ""]
    notes.append(f"incorrect: {' / '.join(wrong)}" if wrong else "")
    blocks, lines = [], 0
    for position, scored in enumerate(shown.runs):
        block, n = _answers(shown, scored, scores[position], position, key)
        blocks.append(block)
        lines = max(lines, n)
    meta = element("p", " · ".join(note for note in notes if note), class_="meta", dir="auto")
    body = element("div", *blocks, class_="runs" if len(blocks) > 1 else None)
    return element("article", heading, meta, body, class_="long" if lines > LONG or len(blocks) > 1 else None)


def _answers(shown: _Shown, scored: ScoredRun, scores: pd.DataFrame, position: int, key: str) -> tuple[Markup, int]:
    """One run's answers to a question by cluster, and how many lines they take."""
    answers, valid = scored.answers(key), scored.valid(key)
    labels = by_size(scored.labels(key, shown.clusterer))
    clustered = len(labels) == len(valid)
    labels = labels if clustered else np.zeros(len(valid), dtype=int)
    color = shown.colors[position]
    items = [_line("greedy", _text(answers.greedy), first=False)]
    groups = [[answers.responses[valid[i]] for i in np.flatnonzero(labels == k)] for k in range(_n_clusters(labels))]
    for group in groups:
        counts = pd.Series([_text(response) for response in group]).value_counts(sort=False)
        for i, (text, n) in enumerate(counts.items()):
            items.append(_line(f"× {n}" if n > 1 else "", text, first=i == 0))
    invalid = [response for i, response in enumerate(answers.responses) if i not in valid]
    if invalid:
        items.append(_line(f"× {len(invalid)}", "(empty or ended in an error: in no cluster)", first=True))
    name = element("div", shown.names[position], class_="name", style=f"border-color:{color}")
    block = element(
        "div",
        name if len(shown.runs) > 1 else "",
        element("p", _question_facts(scores, key, groups) if clustered else _NOT_CLUSTERED, class_="meta"),
        _strip([len(group) for group in groups], color) if clustered else "",
        element("ul", *items, class_="answers"),
    )
    return block, len(items)


_NOT_CLUSTERED = "not clustered: answered since the run was scored"


def _n_clusters(labels: np.ndarray) -> int:
    return int(labels.max()) + 1 if len(labels) else 0


def _text(response: Response) -> str:
    text = response.answer or "(empty)"
    return f"{text} […]" if response.finish_reason == "length" else text


def _line(of: str, text: str, *, first: bool) -> Markup:
    return element(
        "li",
        element("span", of, class_="of"),
        element("span", text, class_="text", dir="auto"),
        class_="first" if first else None,
    )


def _strip(sizes: Sequence[int], color: str) -> Markup:
    ink = theme.ink_on(color)
    blocks = [element("span", str(size), style=f"flex:{size} 1 0;background:{color};color:{ink}") for size in sizes]
    words = f"clusters of {', '.join(map(str, sizes))} answers"
    return element("div", *blocks, class_="strip", role="img", aria_label=words) if sizes else Markup("")


def _question_facts(scores: pd.DataFrame, key: str, groups: Sequence[Sequence[Response]]) -> str:
    n = sum(map(len, groups))
    meanings = "one meaning" if len(groups) == 1 else f"{len(groups)} different ones"
    parts = [f"{n} answers, {meanings}" if n > 1 else "clusters undefined: fewer than two answers"]
    if n > 1:
        labels = [k for k, group in enumerate(groups) for _ in group]
        parts.append(f"semantic entropy {discrete_semantic_entropy(labels):.2f} nats")
    if key in scores.index:
        row = scores.loc[key]
        if not np.isnan(row[TOKEN_ENTROPY]):
            parts.append(f"token entropy of the greedy answer {row[TOKEN_ENTROPY]:.2f} nats")
        parts.append(f"greedy answer {_GRADES.get(row['grade'], 'not graded')}")
    return " · ".join(parts)
