"""Rows of `analysis` → the sentences above the charts: what was found, in plain words, for any choice of runs.

Every number in them comes from the rows that the chart shows. Plain text; whoever shows it escapes it.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from homog_core.analysis.enough import FEWEST_TO_RANK, Shortfall
from homog_core.analysis.selective import Coverage
from homog_core.analysis.signals import Undefined
from homog_core.measures.scores import SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.records import Estimate, Stage
from homog_core.wording.labels import STAGE_TITLES, first_upper, reason, score_title
from homog_core.wording.numbers import (
    CHANCE,
    UNDEFINED,
    bounds,
    counted,
    given,
    noun,
    number,
    p_value,
    percent,
    signed,
    with_interval,
)

_TWO = (TOKEN_ENTROPY, SEMANTIC_ENTROPY)
TELLING = 0.6  # AUROC of the category alone from which on it is worth a caution


# How often one answer


def left_out(n: int) -> str:
    """How many runs are not shown."""
    return f"{counted(n, 'run')} {noun(n, 'is', 'are')} not here, being written or not scored"


def single_cluster(rows: pd.DataFrame, pair: tuple[str, str] | None, pvalue: float) -> str:
    """Title of the SCR by run. `rows`: label, stage, value, n; `pair`: labels of a base and what was made of it."""
    defined = rows[rows["value"].notna()]
    if defined.empty:
        return "Undefined: no question has two answers that are not empty"
    by_label = defined.set_index("label")
    if pair and all(label in by_label.index for label in pair):
        return _before_and_after(by_label.loc[pair[0]], by_label.loc[pair[1]], pvalue)
    if len(defined) == 1:
        row = defined.iloc[0]
        if row["n"] == 1:
            return f"{row['label']}: the only question gets {'a single answer' if row['value'] else 'several answers'}"
        return f"{row['label']}: {_of_the_questions(row['value'])} a single answer"
    low, high = defined.loc[defined["value"].idxmin()], defined.loc[defined["value"].idxmax()]
    if low["value"] == high["value"]:
        return f"In all {len(defined)} runs {_of_the_questions(low['value'])} a single answer"
    return (
        f"From {percent(low['value'])} ({low['label']}) to {percent(high['value'])} ({high['label']}) of the questions "
        "get a single answer"
    )


def _of_the_questions(share: float) -> str:
    return "no question gets" if share == 0 else f"{percent(share)} of the questions get"


def _trained(stage: Stage | None) -> str:
    """A stage as what was done to the model."""
    return "instruction tuning" if stage == "instruct" else STAGE_TITLES[stage] or "training"


def _before_and_after(before: pd.Series, after: pd.Series, pvalue: float) -> str:
    stage = _trained(after["stage"])
    if before["value"] == after["value"]:
        return f"After {stage} {_of_the_questions(after['value'])} a single answer, as before"
    then = "none" if before["value"] == 0 else percent(before["value"])
    earlier = "with the base model" if before["stage"] == "base" else f"after {_trained(before['stage'])}"
    doubt = "" if pvalue < CHANCE else f" (may be chance: {p_value(pvalue)})"
    return f"After {stage} {_of_the_questions(after['value'])} a single answer; {earlier}, {then}{doubt}"


def threshold(curves: Mapping[str, pd.DataFrame], focus: str, base: str | None, tau: float) -> str:
    """Title of SCR against τ. `curves` by label: threshold, value."""
    found = {label: curve.set_index("threshold")["value"] for label, curve in curves.items() if len(curve)}
    if focus not in found or found[focus].isna().all():
        return "Undefined: this clusterer has no threshold to move"
    own = found[focus]
    here = own.iloc[np.abs(own.index.to_numpy() - tau).argmin()]
    if base is None or base not in found or base == focus:
        reach = f"{percent(own.max())} at most, {percent(own.min())} at least"
        return f"{focus}: {percent(here)} of the questions get a single answer at τ = {given(tau)}, {reach}"
    gap = own - found[base]
    if not gap.max() > 0:
        return f"At no threshold does {focus} give a single answer to more questions than {base}"
    widest = gap.idxmax()
    return (
        f"{focus} is furthest above {base} at τ = {given(widest)}: {percent(own[widest])} against "
        f"{percent(found[base][widest])}; at τ = {given(tau)} it is {percent(here)}"
    )


def budget(curve: pd.DataFrame, focus: str, n: int) -> str:
    """Title of SCR and entropy against N. `curve`: n_samples, value, entropy_value of the run in focus."""
    if curve.empty or curve["value"].isna().all():
        return "Undefined: there are not two answers to compare"
    by_n = curve.set_index("n_samples")
    full = int(by_n.index.max())
    n = min(max(n, int(by_n.index.min())), full)
    now, all_of_them = by_n.loc[n], by_n.loc[full]
    if n == full:
        return (
            f"{focus}: with all {full} samples {percent(now['value'])} of the questions show a single answer, and "
            f"semantic entropy is {number(now['entropy_value'])} nats"
        )
    return (
        f"{focus}: with {n} samples instead of {full}, {percent(now['value'])} of the questions would show a single "
        f"answer instead of {percent(all_of_them['value'])}, and semantic entropy would be "
        f"{number(now['entropy_value'])} instead of {number(all_of_them['entropy_value'])} nats"
    )


def rate_bounds(rows: pd.DataFrame, robust: Mapping[str, Estimate], focus: str) -> str:
    """Title of the bounds of SCR. `rows`: label, kind, value; `robust` by label."""
    own = rows[rows["label"] == focus].set_index("kind")["value"]
    text = f"{focus}: identical answers on {percent(own['identical'])}, one cluster on {percent(own['clusterer'])}"
    if not math.isnan(own["corrected"]):
        text += f", {percent(own['corrected'])} once corrected by readings"
    return f"{text}; all clusterers agree on {percent(robust[focus].value)} of the questions"


def by_category(rows: pd.DataFrame, focus: str) -> str:
    """Title of the SCR by category. `rows`: label, category, value, n."""
    own = rows[(rows["label"] == focus) & rows["value"].notna()]
    if own.empty:
        return "Undefined: no question has two answers that are not empty"
    low, high = own.loc[own["value"].idxmin()], own.loc[own["value"].idxmax()]
    if low["value"] == high["value"]:
        return f"{focus}: {percent(low['value'])} of the questions get a single answer in every category"
    least, most = (f"{percent(row['value'])} ({row['category']}, n = {row['n']})" for row in (low, high))
    return f"{focus}: from {least} to {most} of the questions get a single answer"


def by_clusterer(rows: pd.DataFrame, focus: str) -> str:
    """Title of SCR by clusterer. `rows`: label, method, encoder, value."""
    own = rows[(rows["label"] == focus) & rows["value"].notna()]
    if own.empty:
        return "Undefined: no question has two answers that are not empty"
    if len(own) == 1:
        return f"{focus}: {percent(own['value'].iloc[0])} by the only clusterer that is stored"
    reach = f"from {percent(own['value'].min())} to {percent(own['value'].max())}"
    text = f"{focus}: {reach}, depending on the clusterer and its threshold"
    encoders = own[own["method"] == "combined"]
    if len(encoders) < 2:
        return text
    said = " and ".join(f"{percent(row['value'])} ({row['encoder']})" for _, row in encoders.iterrows())
    return f"{text}; two encoders say {said}"


def temperature(rows: pd.DataFrame) -> str:
    """Title of SCR against temperature, for the first group of runs. `rows`: group, temperature, value."""
    own = rows[(rows["group"] == rows["group"].iloc[0]) & rows["value"].notna()].sort_values("temperature")
    if len(own) < 2:
        return "Undefined: fewer than two temperatures have a rate"
    first, last = own.iloc[0], own.iloc[-1]
    change = np.sign(last["value"] - first["value"])
    cold, warm = given(first["temperature"]), given(last["temperature"])
    if not change:
        return f"{first['group']}: the share is {percent(first['value'])} at temperature {cold} and at {warm}"
    return (
        f"{first['group']}: from temperature {cold} to {warm} the share {'rises' if change > 0 else 'falls'} from "
        f"{percent(first['value'])} to {percent(last['value'])}"
    )


# What it does to uncertainty scores


def aurocs(rows: pd.DataFrame) -> str:
    """Title of the AUROCs of every score. `rows` of `analysis.signals.score_rows`."""
    whole = rows[rows["subset"] == "all"].set_index("score")
    if not whole["undefined"].isin([Undefined.NOT, Undefined.ALL_TIE]).any():
        return f"No AUROC: {_common_reason(whole)}"
    said = [with_interval(whole.loc[name]) if name in whole.index else UNDEFINED for name in _TWO]
    text = f"Within categories, AUROC of token entropy {said[0]}, of semantic entropy {said[1]}"
    single = rows[(rows["subset"] == "single") & (rows["n"] > 0)]
    if single.empty:
        return f"{text}; no graded question has a single cluster"
    n, ties = int(single["n"].max()), int((single["undefined"] == Undefined.ALL_TIE).sum())
    where = "the one question" if n == 1 else f"the {n} comparable questions"
    tie = f"{ties} of {counted(len(single), 'score')} {'ties' if ties == 1 else 'tie'}" if ties else "no score ties"
    return f"{text}; on {where} with a single cluster {tie}"


def _common_reason(rows: pd.DataFrame) -> str:
    """The reason that most scores have for being undefined, apart from those that need an NLI model."""
    own = rows[(rows["undefined"] != Undefined.NEEDS_NLI) & (rows["undefined"] != Undefined.NOT)]
    if own.empty:
        return "there are no scores"
    why = own["undefined"].mode()[0]
    n = int((own["n_correct"] + own["n_incorrect"]).max())
    return reason(why, n)


def differences(rows: pd.DataFrame, pair: tuple[str, str] | None = None) -> str:
    """Title of token entropy against semantic entropy. `rows` of `analysis.signals.difference_rows`.

    `pair`: labels of a base and what was made of it, whose differences are told where both have one.
    """
    own = rows[(rows["subset"] == "all") & rows["pvalue"].notna()].set_index("run")
    if not pair or not all(label in own.index for label in pair):
        return differences_verdict(rows)
    both = own.loc[list(pair)]
    clear = both["pvalue_holm"] < CHANCE
    verdict = "is not shown to be better than comparing samples"
    if (clear & (both["value"] > 0)).any():
        better = both.index[clear & (both["value"] > 0)]
        verdict = "is better than comparing samples" + (f" for {better[0]} alone" if len(better) == 1 else "")
    elif (clear & (both["value"] < 0)).all():
        verdict = "is worse than comparing samples"
    said = [
        f"{signed(row['value'])} {bounds(row['low'], row['high'], signed)} for {label}"
        for label, row in both.iterrows()
    ]
    return f"Token entropy {verdict}: AUROC differs by {' and '.join(said)}, within categories"


def differences_verdict(rows: pd.DataFrame) -> str:
    """In how many runs token entropy and semantic entropy can be told apart, allowing for all comparisons."""
    own = rows[(rows["subset"] == "all") & rows["pvalue"].notna()]
    if own.empty:
        what = "ten correct and ten incorrect" if len(rows) and rows["n_graded"].any() else "graded greedy"
        return f"No difference to test: no run has {what} answers"
    clear = own[own["pvalue_holm"] < CHANCE]
    better, worse = int((clear["value"] > 0).sum()), int((clear["value"] < 0).sum())
    if len(own) == 1:
        row = own.iloc[0]
        if not len(clear):
            text = f"{row['run']}: token entropy and semantic entropy cannot be told apart ({signed(row['value'])})"
        else:
            ahead, behind = ("token entropy", "semantic entropy")[:: 1 if row["value"] > 0 else -1]
            text = f"{row['run']}: {ahead} is ahead of {behind} by {number(abs(row['value']))}"
    elif not better + worse:
        text = f"In none of {len(own)} runs can token entropy and semantic entropy be told apart"
    else:
        text = f"Token entropy is ahead of semantic entropy in {better or 'none'} of {len(own)} runs, behind in "
        rest = len(own) - better - worse
        text += f"{worse or 'none'}" + (f"; in the other {rest} chance may do it" if rest else "")
    return text + _adjusted(rows, own)


def _adjusted(rows: pd.DataFrame, own: pd.DataFrame) -> str:
    """That the title allows for all comparisons that are shown, and that a whisker may say otherwise."""
    n = int(rows["pvalue"].notna().sum())
    if n < 2:
        return ""
    alone = int(((own["pvalue"] < CHANCE) & ~(own["pvalue_holm"] < CHANCE)).sum())
    more = f"; {counted(alone, 'whisker leaves', 'whiskers leave')} out 0, each taken by itself" if alone else ""
    return f" (allowing for {n} comparisons{more})"


def effects(rows: pd.DataFrame) -> str:
    """Title of Cohen's d. `rows` of `analysis.signals.score_rows`."""
    own = rows[(rows["subset"] == "all") & rows["d_low"].notna()].set_index("score")
    if own.empty:
        return "No effect size: it needs ten correct and ten incorrect answers"
    top = own["d_value"].abs().idxmax()
    said = {name: _effect(own.loc[name]) for name in dict.fromkeys([top, TOKEN_ENTROPY]) if name in own.index}
    rest = f"; token entropy {said[TOKEN_ENTROPY]}" if top != TOKEN_ENTROPY and TOKEN_ENTROPY in said else ""
    lead = "Over all questions, which also tells categories apart, the largest effect"
    return f"{lead}: {score_title(top)}, d = {said[top]}{rest}"


def _effect(row: pd.Series) -> str:
    return f"{number(row['d_value'])} {bounds(row['d_low'], row['d_high'])}"


def grades(run: str, counts: Mapping[str, int]) -> str:
    """How many answers of a run are graded, and how many are left out; `counts` by grade."""
    correct, incorrect = counts.get("correct", 0), counts.get("incorrect", 0)
    left_out = [f"{counts[name]} {name}" for name in ("ambiguous", "abstained", "ungraded") if counts.get(name)]
    return f"{counted(correct + incorrect, 'graded answer')} of {run}: {correct} correct, {incorrect} incorrect" + (
        f"; left out: {', '.join(left_out)}." if left_out else "."
    )


def categories(rows: pd.DataFrame) -> str:
    """Title of the AUROCs by category. `rows` of `analysis.signals.category_rows`: those that are drawn."""
    token = rows[rows["score"] == TOKEN_ENTROPY]
    defined = token[token["low"].notna() & (token["undefined"] == Undefined.NOT)]
    if defined.empty:
        return f"No category has {FEWEST_TO_RANK} correct and {FEWEST_TO_RANK} incorrect answers"
    above, below = int((defined["low"] > 0.5).sum()), int((defined["high"] < 0.5).sum())
    if len(defined) == 1:
        row = defined.iloc[0]
        verdict = "better than chance" if above else "worse than chance" if below else "not told from chance"
        return f"Within “{row['category']}” token entropy is {verdict}: AUROC {with_interval(row)}"
    among = counted(len(defined), "category", "categories")
    return (
        f"Token entropy is better than chance in {above or 'none'} of {among} and worse in {below or 'none'}, each "
        "taken by itself"
    )


def category_caution(found: Estimate, rows: pd.DataFrame) -> str:
    """A caution where the category alone tells incorrect from correct (`analysis.signals.category_auroc`), in Markdown.

    `rows` of `analysis.signals.score_rows`: the best pooled AUROC among them stands beside it.
    """
    if math.isnan(found.value) or found.value < TELLING:
        return ""
    pooled = rows[(rows["subset"] == "all") & (rows["undefined"] == Undefined.NOT)].set_index("score")["pooled"]
    best = ""
    if len(pooled):
        than = "no score here does better" if pooled.max() < found.value else "the best score here"
        best = f"; {than}: {number(pooled.max())} ({score_title(pooled.idxmax())})"
    return (
        f"**The category of a question alone gives an AUROC of {with_interval(found)}**{best}. A score that only tells "
        "categories apart would look good, so AUROCs here compare questions of one category only."
    )


def too_few(missing: Shortfall) -> str:
    """What a ranking of AUROCs lacks, and how many more questions it takes."""
    need = f"a ranking needs {FEWEST_TO_RANK}"
    if not missing.found:
        return f"no {missing.lacking} answer among {counted(missing.n_questions, 'question')}; {need}"
    digits = max(0, len(str(int(missing.more))) - 2)
    about = math.ceil(missing.more / 10**digits) * 10**digits
    return (
        f"{missing.found} {missing.lacking} {noun(missing.found, 'answer')}; {need}: about "
        f"{counted(about, 'more question', 'more questions')} like these"
    )


# What can be won back


def coverage(found: Mapping[str, Coverage]) -> str:
    """Title of selective accuracy against coverage: the best of the chosen scores at half coverage."""
    half = {}
    for score, curve in found.items():
        points = curve.points.set_index("coverage")
        if 0.5 in points.index and not math.isnan(points["value"][0.5]):
            half[score] = points.loc[0.5], points["value"][1.0]
    if not half:
        return "Undefined: no graded question has these scores"
    best = max(half, key=lambda score: half[score][0]["value"])
    row, overall = half[best]
    if row["value"] <= overall:
        return f"No score helps: answering the more certain half is no better than answering all ({percent(overall)})"
    doubt = "; may be chance" if not row["low"] > overall else ""
    return (
        f"Answering only the half that {score_title(best)} is most certain of: {with_interval(row, percent)} correct "
        f"instead of {percent(overall)}{doubt}"
    )


def calibration(summary: pd.DataFrame, score: str) -> str:
    """Title of the reliability diagram. `summary` of `analysis.selective.Calibration`."""
    ece = summary[summary["measure"] == "ECE"].set_index("when")["value"]
    if math.isnan(ece["after"]):
        return "Calibration is undefined: it needs five correct and five incorrect answers"
    if math.isnan(ece["before"]):
        return f"Calibration error {number(ece['after'])} after Platt scaling; before, {score_title(score)} is constant"
    own = summary[summary["measure"] == "ECE"].set_index("when")
    verb = "is not shown to change"
    if own.loc["after", "high"] < own.loc["before", "low"]:
        verb = "lowers"
    elif own.loc["after", "low"] > own.loc["before", "high"]:
        verb = "raises"
    return (
        f"Platt scaling {verb} the calibration error of {score_title(score)}: {number(ece['before'])} before, "
        f"{number(ece['after'])} after"
    )


def calibration_errors(summary: pd.DataFrame) -> str:
    """ECE and Brier score with their intervals, in Markdown. `summary` of `analysis.selective.Calibration`."""
    by = summary.set_index(["measure", "when"])
    parts = []
    for measure, name in (("ECE", "Calibration error (ECE)"), ("Brier", "Brier score")):
        rows = [(when, by.loc[(measure, when)]) for when in ("before", "after")]
        said = [f"{number(row['value'])} {bounds(row['low'], row['high'])}".strip() + f" {when}" for when, row in rows]
        parts.append(f"**{name}** {', '.join(said)}.")
    return " ".join(parts)


def correlations(rows: pd.DataFrame) -> str:
    """Title of the signals' correlations. `rows` of `analysis.signals.correlation_rows`."""
    own = rows[(rows["kind"] == "pearson") & rows["value"].notna()]
    if own.empty:
        return "No correlation: it needs two scores that vary"
    top = own.loc[own["value"].abs().idxmax()]
    lead = "" if len(own) == 1 else "Most alike: "
    pair = f"{score_title(top['first'])} and {score_title(top['second'])}"
    return f"{lead}{pair if lead else first_upper(pair)}, r = {number(top['value'])}"
