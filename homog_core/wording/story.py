"""The story's sentences: what `story` has computed, in words for people who have never heard of an entropy.

Markdown, without a word from a model or a data set. Every number is computed; every judgement follows from an interval.
"""

import math
from collections.abc import Iterable

from homog_core.analysis.example import Advice, Detection, Measured, Story, Typical
from homog_core.catalogue.published import Published
from homog_core.records import Estimate

RULE = (
    "Of the questions to which both models gave nothing but answers that are not empty, and whose answers by the "
    "aligned model form one pile, it is the one with the largest drop in different answers; a wrong answer goes before "
    "a right one. Ties go to the fewest different wordings, then to the shortest question."
)
FEW = 30  # answers below which a statistic is greyed


FEW_OF_A_KIND = 10  # right or wrong answers below which that is said


def lead(story: Story) -> str:
    """The first sentence."""
    row, n = story.table.loc[story.example], story.base.run.decoding.n_samples
    return (
        f"We asked the same question {n} times. The base model gave **{row['base']:.0f}** different "
        f"{plural(row['base'], 'answer')}; the aligned model gave **{row['aligned']:.0f}**."
    )


def plural(n: float, word: str) -> str:
    """`word`, with an s unless it is one."""
    return word if n == 1 else f"{word}s"


def percent(found: Estimate) -> str:
    """A share in per cent with its interval."""
    if math.isnan(found.value):
        return "undefined (no questions)"
    return f"{100 * found.value:.0f}\u00a0% ({100 * found.low:.0f} to {100 * found.high:.0f})"


def share(value: float) -> str:
    """A share in per cent."""
    return f"{100 * value:.0f}\u00a0%"


def is_it_typical(found: Typical, n_samples: int) -> str:
    """How far the example stands for the other questions."""
    return (
        f"**Is that typical?** No, it is a clear case. Of all {found.n} questions the aligned model gave one single "
        f"answer to {percent(found.aligned_rate)}, the base model to {percent(found.base_rate)}. The direction is "
        f"typical: {found.n_fewer} questions got fewer different answers from the aligned model, {found.n_more} got "
        f"more; on average {found.aligned_clusters.value:.1f} of {n_samples} instead of "
        f"{found.base_clusters.value:.1f}. (In brackets what chance leaves open: a 95\u00a0% interval.)"
    )


def one_pile(found: Detection) -> str:
    """Why the disagreement tells nothing where all answers are one pile."""
    n = found.n_wrong + found.n_right
    return (
        f"{n} questions have one pile and an answer that is known to be right or wrong: {found.n_wrong} wrong, "
        f"{found.n_right} right. Their disagreement is 0, all of them, by definition. So it has **no signal: all "
        "scores tie**."
    )


def pairs(found: Detection) -> str:
    """An AUROC in words: in how many of 100 pairs the wrong answer is higher, and whether that beats guessing."""
    auroc = found.auroc
    if math.isnan(auroc.value):
        return f"undefined, with {found.n_wrong} wrong and {found.n_right} right answers"
    if found.no_signal:
        return "no signal: all scores tie"
    few = f"; only {auroc.n} answers" if auroc.n < FEW else ""
    rarer, kind = min((found.n_right, "right"), (found.n_wrong, "wrong"))
    few = few or (f"; only {rarer} {kind} {plural(rarer, 'answer')}" if rarer < FEW_OF_A_KIND else "")
    if math.isnan(auroc.low):
        return f"{100 * auroc.value:.0f} of 100 pairs, too few answers for an interval{few}"
    return (
        f"{100 * auroc.value:.0f} of 100 pairs ({100 * auroc.low:.0f} to {100 * auroc.high:.0f}), "
        f"{against_chance(auroc)}{few}"
    )


def without_arithmetic(story: Story, signal: str) -> str:
    """What is left of a signal where no number is asked for; "" where none ever is."""
    everywhere, text = story.detection(signal, "all"), story.detection(signal, "text")
    n, wrong = everywhere.auroc.n - text.auroc.n, everywhere.n_wrong - text.n_wrong
    if n <= 0:
        return ""
    return f"without the {n} arithmetic {plural(n, 'question')} ({wrong} answered wrong): {pairs(text)}"


def against_chance(auroc: Estimate) -> str:
    """What the interval of an AUROC says."""
    if auroc.low > 0.5:
        return "better than guessing"
    return "worse than guessing" if auroc.high < 0.5 else "not shown to be better than guessing"


def is_few(found: Detection) -> bool:
    """Whether a statistic is to be greyed."""
    return found.auroc.n < FEW


def cost(tokens: float) -> str:
    """Extra tokens in words."""
    if tokens == 0:
        return "no extra cost"
    return f"{tokens:,.0f} tokens more" if tokens >= 10 else f"{tokens:.1f} tokens more"


def cascade_finding(found: Advice) -> str:
    """What the three ways cost and are worth, in one line."""
    return (
        f"The cascade ranks {_of_100(found.cascade.quality)} of 100 pairs rightly for {cost(found.cascade.tokens)}; "
        f"everything {_of_100(found.everything.quality)} for {cost(found.everything.tokens)}; hesitation alone "
        f"{_of_100(found.cheapest.quality)}"
    )


def _of_100(quality: Estimate) -> str:
    return f"{100 * quality.value:.0f}"


def verdict(found: Advice) -> str:
    """Whether the cascade is worth it on these questions."""
    saving = found.saving
    if saving.verdict == "no cost":
        return "Every signal is free here, so there is nothing to save."
    if saving.verdict == "no gain":
        return (
            "Not here. Nothing is shown to find wrong answers better than reading the hesitation of the one answer, "
            "which costs nothing; the dearer signals may as well be left out."
        )
    share = f"{100 * saving.saving.value:.0f}\u00a0%"
    return {
        "kept": f"Yes, here: it costs {share} less than running everything, and finds wrong answers about as well.",
        "lost": f"In part: it costs {share} less than running everything, but finds wrong answers less well.",
        "unclear": f"Unclear: it costs {share} less than running everything, but {saving.saving.n} questions are too "
        "few to tell whether it finds wrong answers as well.",
    }[saving.verdict]


def in_short(story: Story) -> str:
    """The answer to the question of the page."""
    found, n = story.typical, story.base.run.decoding.n_samples
    one, everywhere = story.detection("disagreement", "one"), story.detection("hesitation", "all")
    apart = without_arithmetic(story, "hesitation")
    return (
        f"It can make the answers alike. In this pair, on these {found.n} questions, {n} answers came down to "
        f"{found.aligned_clusters.value:.1f} different ones instead of {found.base_clusters.value:.1f}, and to one "
        f"single answer for {share(found.aligned_rate.value)} of the questions instead of "
        f"{share(found.base_rate.value)}. We know because we asked {n} times and counted. Where there is one single "
        f"answer ({one.n_wrong + one.n_right} of {everywhere.n_wrong + everywhere.n_right} judged questions), asking "
        "again cannot tell wrong from right. The hesitation inside the answer can still differ; as a sign of wrong "
        f"answers it gets {pairs(everywhere)}{f'; {apart}' if apart else ''}."
    )


def elsewhere(rates: Iterable[Measured], story: Story) -> str:
    """The other models that were measured on the same questions: that it need not be so."""
    shown = (story.base.run.id, story.aligned.run.id)
    others = [m for m in rates if m.run.id not in shown and m.run.provenance.stage != "base"]
    if not others:
        return ""
    each = ", ".join(f"{m.run.identity.model} {percent(m.rate)}" for m in others)
    return f"Not every training does: single answers of the other trained models here are {each}."


def how_strong(parameters: int | None, published: Iterable[Published]) -> str:
    """That it varies: how small the models here are, and the range that others have published for aligned models."""
    size = f" ({parameters / 1e6:.0f} million parameters)" if parameters else ""
    rates = [p.value for p in published if p.metric == "single_cluster_rate" and p.model and p.stage != "base"]
    reported = (
        f" Others have published {100 * min(rates):.1f} to {100 * max(rates):.1f}\u00a0% of questions with one single "
        f"answer for {len(rates)} larger aligned models, on other questions; that was not measured here."
        if rates
        else ""
    )
    return f"How strong it is varies from model to model. Those here are very small{size}.{reported}"
