"""The story of the first page in sentences, for people who have never heard of an entropy.

Markdown, without a word from a model or a data set. Every number is computed; every judgement follows from an interval.
"""

import math
from collections.abc import Sequence

from homog_core.analysis.advice import Advice
from homog_core.analysis.control import Control
from homog_core.analysis.story import Detection, Measured, Story, Typical
from homog_core.catalogue.published import Published
from homog_core.measures.report_cards import ReportCard
from homog_core.records import Estimate
from homog_core.wording import run_names
from homog_core.wording.numbers import (
    FEW,
    UNDEFINED,
    bounds,
    counted,
    millions,
    noun,
    number,
    of_100,
    percent,
    tokens,
    with_care,
    with_interval,
)
from homog_core.wording.published import published_rates

QUESTION = "What does aligning a model do to its answers, and how do you know?"
FEW_OF_A_KIND = 10  # right or wrong answers below which that is said


def rule(n_candidates: int, n_questions: int) -> str:
    """How the question was chosen, and among how many."""
    return (
        f"Of all {counted(n_questions, 'question')} {n_candidates} qualify: neither model gave an empty answer, the "
        "answers by the aligned model form one pile, and none of them only repeats the question. It is the one with "
        "the largest drop in different answers; a wrong answer goes before a right one. Ties go to the fewest "
        "different wordings, then to the shortest question."
    )


# Ten answers, and piles


def lead(story: Story) -> str:
    """The first sentence."""
    row = story.table.loc[story.example]
    base, aligned = int(row["base"]), int(row["aligned"])
    return (
        f"We asked the same question {story.base.n_samples} times. The base model gave **{base}** different "
        f"{noun(base, 'answer')}; the aligned model gave **{aligned}**."
    )


def more_to_come() -> str:
    """Behind the first sentence on the first screen, which shows the base model's answers alone."""
    return "Here are those of the base model; those of the aligned model come next."


def control(found: Control | None) -> str:
    """What a control shows of how much of the drop is due to preferences; "" without one."""
    if found is None:
        return ""
    n = len(found.rates)
    rates, aligned = (_listed([percent(rate) for rate in own]) for own in (found.rates, found.aligned_rates))
    low, high = found.difference.low, found.difference.high
    adds = "Whether preferences add to it is open"
    if low > 0 or high < 0:
        adds = f"Preferences {'add to it' if low > 0 else 'take from it'}"
    without = "most" if found.share_without > 0.5 else "part"
    return (
        "**Is it the preferences?** A control was trained on the same good answers, without a worse one beside them. "
        f"In {counted(n, 'training')} it gives one single answer to {rates} of the questions, the aligned model to "
        f"{aligned}. So {without} of the drop comes without any preference. {adds}"
        + ("." if n > 1 else ", since there is one training alone.")
    )


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def right_would_be(reference: str) -> str:
    """The right answer, in Markdown; "" where none is known. `reference` is escaped already."""
    return f"Right would be: **{reference}**." if reference else ""


def base_model(story: Story) -> str:
    """What a base model is, above its answers."""
    return (
        "A language model writes in *tokens*: words, or pieces of them. At each step it picks the next token at "
        "random, weighted by probability, so it can say something else every time. A *base model* has only been "
        "trained to "
        f"continue text. These are its {counted(story.base.n_samples, 'answer')}:"
    )


def below_the_answers(story: Story) -> str:
    """What […] means, how small the model is, and what the last line on every screen is."""
    n = story.aligned.run.provenance.n_parameters
    size = f"very small model ({millions(n)} parameters)" if n else "small model"
    return (
        f"[…]: cut off after {story.base.run.decoding.max_new_tokens} tokens. This is a {size}; do not expect much "
        "sense. A line under the answers, or a question mark beside a title, is a recipe: what was run, and how it was "
        "counted. Methods explains its words."
    )


def is_it_typical(found: Typical, n_samples: int) -> str:
    """How far the example stands for the other questions."""
    return (
        f"**Is that typical?** No, it is a clear case. Of all {found.n} questions the aligned model gave one single "
        f"answer to {with_interval(found.aligned_rate, percent)}, the base model to "
        f"{with_interval(found.base_rate, percent)}. The direction is typical: {found.n_fewer} questions got fewer "
        f"different answers from the aligned model, {found.n_more} got more; on average "
        f"{number(found.aligned_clusters.value, 1)} of {n_samples} instead of {number(found.base_clusters.value, 1)}. "
        f"{are_they_better(found)} (95 % confidence interval in brackets.)"
    )


def are_they_better(found: Typical) -> str:
    """Whether the answers that are left are right more often."""
    base, aligned = found.base_right, found.aligned_right
    if math.isnan(base.value) or math.isnan(aligned.value):
        return "Whether they are better was not judged."
    change = "right more often" if aligned.low > base.high else "right less often" if aligned.high < base.low else ""
    said = f"The answers are also {change}" if change else "The answers are not shown to be right more often"
    return f"{said}: {with_interval(aligned, percent)} of them instead of {with_interval(base, percent)}."


def average_piles(found: Typical) -> str:
    """Title of the piles that the questions get."""
    return (
        f"On average {number(found.aligned_clusters.value, 1)} piles instead of {number(found.base_clusters.value, 1)}"
    )


def what_is_the_same(card: ReportCard) -> str:
    """What counts as the same answer, and how often that is wrong."""
    n_pairs = card.n_same + card.n_different
    return (
        "**The same**: a small program compares what answers state, without the words that they repeat from the "
        f"question. It is sometimes wrong. Of {n_pairs} pairs of answers, readers called {card.n_same} the same. The "
        f"program puts {percent(card.recall)} of these on one pile, and {percent(card.false_join_rate)} of the others."
    )


def what_else(base_cut: float, aligned_cut: float) -> str:
    """What else than sameness the training changed: the shares of the answers that are cut off."""
    return (
        f"**What else**: the base model rambles. {percent(base_cut)} of its answers were cut off, and "
        f"{percent(aligned_cut)} of those of the aligned model. Short answers in one form leave less room to differ, "
        "so part of the drop is that. The training step by step, with a control, is described in docs/results.md."
    )


# Asking again, and hesitation


def one_pile(found: Detection) -> str:
    """Why the disagreement tells nothing where all answers are one pile."""
    n = found.n_wrong + found.n_right
    return (
        f"{counted(n, 'question')} {noun(n, 'has', 'have')} one pile and an answer that is known to be right or wrong: "
        f"{found.n_wrong} wrong, {found.n_right} right. Their disagreement is 0, all of them, by definition. So it has "
        "**no signal: all scores tie**."
    )


def pairs(found: Detection) -> str:
    """An AUROC in words: in how many of 100 pairs the wrong answer is higher, and whether that beats guessing."""
    auroc = found.auroc
    if math.isnan(auroc.value):
        return f"{UNDEFINED}, with {found.n_wrong} wrong and {found.n_right} right answers"
    if found.no_signal:
        return "no signal: all scores tie"
    rarer, kind = min((found.n_right, "right"), (found.n_wrong, "wrong"))
    few = f"; only {counted(rarer, f'{kind} answer')}" if rarer < FEW_OF_A_KIND else ""
    few = f"; only {counted(auroc.n, 'answer')}" if is_few(found) else few
    if math.isnan(auroc.low):
        return f"{of_100(auroc.value)} pairs, too few answers for an interval{few}"
    interval = bounds(auroc.low, auroc.high, lambda share: number(100 * share, 0))
    return f"{of_100(auroc.value)} pairs {interval}, {_against_chance(auroc)}{few}"


def _against_chance(auroc: Estimate) -> str:
    """What the interval of an AUROC says."""
    if auroc.low > 0.5:
        return "better than guessing"
    return "worse than guessing" if auroc.high < 0.5 else "not shown to be better than guessing"


def is_few(found: Detection) -> bool:
    """Whether a statistic is to be greyed."""
    return found.auroc.n < FEW


def of_any_kind(found: Detection) -> str:
    """What a signal gets when questions of different kinds are compared too; "" where that is no more, or undefined."""
    if math.isnan(found.pooled) or found.no_signal or found.pooled < found.auroc.value + 0.02:
        return ""
    return (
        f"Among questions of any kind it is {of_100(found.pooled)} pairs; part of that is telling easy kinds of "
        "question from hard ones, which needs no answer."
    )


def one_or_several(one: Detection, several: Detection) -> str:
    """Whether it tells something that there is one pile and not several; "" where either has no judged answer."""
    if math.isnan(one.right.value) or math.isnan(several.right.value):
        return ""
    differs = one.right.low > several.right.high or one.right.high < several.right.low
    with_one, with_several = (
        f"{percent(found.right.value)} ({found.n_right} of {found.n_wrong + found.n_right})" for found in (one, several)
    )
    return (
        f"One pile or several {'still tells' if differs else 'is not shown to tell'} something: with one pile "
        f"{with_one} of the answers are right, with several {with_several}. Among the questions with one pile, asking "
        "again is blind."
    )


def disagreement_elsewhere(story: Story) -> str:
    """What the disagreement tells where there are several piles, and over all questions."""
    lines = [f"{name}: {pairs(story.detection('disagreement', key))}" for key, name in _SEVERAL.items()]
    parted = one_or_several(story.detection("disagreement", "one"), story.detection("disagreement", "several"))
    return (
        f"{parted}\n\nTake a wrong and a right answer to two questions of one kind, two capitals "
        "say: how often does the wrong one have the higher disagreement? 50 of 100 pairs would be guessing.\n"
        + "\n".join(f"- {line}" for line in lines)
        + f"\n\n{of_any_kind(story.detection('disagreement', 'all'))}"
    )


_SEVERAL = {"several": "several piles", "all": "all questions"}


def who_judges(story: Story) -> str:
    """Who says what is right, and how many questions that leaves out."""
    left_out = story.typical.n - len(story.graded)
    said = "A program judges what is right, from reference answers, and is sometimes wrong"
    if not left_out:
        return f"{said}."
    return f"{said}; {counted(left_out, 'question')} that it could not judge {noun(left_out, 'is', 'are')} left out."


def dots_title(found: Detection) -> str:
    """Title of the answers along a signal."""
    if found.signal == "hesitation":
        return "The same questions with one pile each: their hesitation differs"
    return (
        f"One pile: {found.n_wrong} wrong and {counted(found.n_right, 'right answer')}, no disagreement in any of them"
    )


def dots_reading(found: Detection) -> str:
    """How to read the answers along a signal, with a caution where there are few."""
    reading = {
        "disagreement": "A dot is a question. Filled: one pile, all at 0, side by side where they are many. Empty: "
        "several piles, further right the more they are spread.",
        "hesitation": "A dot is a question with one pile. Further right the model hesitated more.",
    }[found.signal]
    return reading + with_care(found.n_wrong + found.n_right, "answer")


def dot_note(word: str, clusters: int, signal: str, value: float) -> str:
    """What a dot says of its answer."""
    return f"{word}, {counted(clusters, 'pile')}, {signal} {number(value)}"


def hesitation_falls(base: Estimate, aligned: Estimate) -> str:
    """What hesitation is, and how training changes it."""
    lowers = "lowers it too" if aligned.value < base.value else "does not lower it"
    return (
        f"Call the average of an answer its **hesitation**. Aligning {lowers}, from {number(base.value)} to "
        f"{number(aligned.value)} over all questions, but it is not the same for all of them."
    )


def does_it_help(story: Story, others: Sequence[tuple[str, Detection]]) -> str:
    """In how many pairs the wrong answer hesitates more, here and on other question sets, by their (escaped) names."""
    found = [
        ("one pile", story.detection("hesitation", "one")),
        ("all questions", story.detection("hesitation", "all")),
        *((f"another set of questions, {name}", detection) for name, detection in others),
    ]
    lines = [(f"{name}: {pairs(detection)}", is_few(detection)) for name, detection in found]
    return (
        "Does it help? Take a wrong and a right answer to two questions of one kind: how often does the wrong one "
        "hesitate more? 50 of 100 pairs would be guessing.\n"
        + "\n".join(f"- {f':gray[{line}]' if few else line}" for line, few in lines)
    )


# The cascade


def extra_cost(cost: float) -> str:
    """Extra tokens in words."""
    return "no extra cost" if cost == 0 else f"{tokens(cost)} tokens more"


def cascade_finding(found: Advice) -> str:
    """What the three ways cost and are worth, in one line."""
    return (
        f"The cascade ranks {of_100(found.cascade.quality.value)} pairs correctly for "
        f"{extra_cost(found.cascade.tokens)}; everything {of_100(found.everything.quality.value)} for "
        f"{extra_cost(found.everything.tokens)}; hesitation alone {of_100(found.cheapest.quality.value)}"
    )


def verdict(found: Advice) -> str:
    """Whether the cascade is worth it on these questions."""
    if found.verdict == "no cost":
        return "Every signal is free here, so there is nothing to save."
    if found.verdict == "no gain":
        return (
            "Not here. Nothing is shown to find wrong answers better than reading the hesitation of the one answer, "
            "which costs nothing; the costlier signals may as well be left out."
        )
    less = f"{percent(found.saving.value)} less than running everything"
    return {
        "kept": f"Yes, here: it costs {less}, and finds wrong answers about as well.",
        "lost": f"In part: it costs {less}, but finds wrong answers less well.",
        "unclear": f"Unclear: it costs {less}, but {counted(found.saving.n, 'question')} are too few to tell whether "
        "it finds wrong answers as well.",
    }[found.verdict]


# The end


def in_short(story: Story) -> str:
    """The answer to the question of the page."""
    found, n = story.typical, story.base.n_samples
    one, inside = story.detection("disagreement", "one"), story.detection("hesitation", "one")
    everywhere = [story.detection(signal, "all") for signal in ("disagreement", "hesitation")]
    n_judged = everywhere[0].n_wrong + everywhere[0].n_right
    return (
        f"It can make the answers alike. In this pair, on these {found.n} questions, {n} answers came down to "
        f"{number(found.aligned_clusters.value, 1)} different ones instead of {number(found.base_clusters.value, 1)}, "
        f"and to one single answer for {percent(found.aligned_rate.value)} of the questions instead of "
        f"{percent(found.base_rate.value)}. We know because we asked {n} times and counted. {are_they_better(found)} "
        f"Where there is one single answer ({one.n_wrong + one.n_right} of {n_judged} judged questions, "
        f"{one.n_wrong} of them answered wrong), asking again cannot tell wrong from right. The hesitation inside the "
        f"answer can still differ; there it gets {pairs(inside)}. Over all questions, disagreement gets "
        f"{pairs(everywhere[0])}, hesitation {pairs(everywhere[1])}."
    )


def other_models(rates: Sequence[Measured], story: Story) -> str:
    """The other models that were measured on the same questions: that it need not be so."""
    shown = (story.base.run.id, story.aligned.run.id)
    names = run_names.names([m.run for m in rates])
    others = [m for m in rates if m.run.id not in shown and m.run.provenance.stage != "base"]
    if not others:
        return ""
    each = ", ".join(f"{names[m.run.id]} {with_interval(m.rate, percent)}" for m in others)
    return f"It depends on the training. Single answers of the other trained models here: {each}."


def how_strong(parameters: int | None, published: Sequence[Published]) -> str:
    """That it varies: how small the models here are, and the range that others have published for aligned models."""
    size = f" ({millions(parameters)} parameters)" if parameters else ""
    reported = f"{published_rates(published)} None of that was measured here." if published else ""
    return f"How strong it is varies from model to model. Those here are very small{size}. {reported}".strip()
