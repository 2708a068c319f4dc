"""What the check of a run's sampler says, in words."""

from typing import Any

from homog_core.analysis.sampler_check import SamplerCheck, Sign, Verdict
from homog_core.wording.numbers import counted, percent, whole

SIGNS = {
    Sign.CERTAIN: "Every token has probability 1, so nothing was drawn: look for temperature 0 or top-k 1.",
    Sign.GREEDY: "All answers are the greedy one: look for a temperature that is ignored.",
    Sign.ONE_ANSWER: "All answers to each question are the same: look for a fixed seed or a cache.",
    Sign.COPIES: "Look for a cache or a fixed seed.",
}
MARKS = {
    Verdict.TOO_MANY: "more identical answers than its sampler explains",
    Verdict.TOO_FEW: "fewer identical answers than its sampler explains",
}
_MOST_NAMED = 3


def sampler_sentence(check: SamplerCheck) -> str:
    """What is seen, what was to be expected, and what follows from it; no markup."""
    if not check.n_answers:
        return "No question has two answers, so whether the sampler draws each anew cannot be told."
    return " ".join(part for part in (_counts(check), _verdict(check), _questions(check)) if part)


def sampler_mark(check: SamplerCheck) -> str:
    """The end of a recipe line of a run that fails the check; "" for any other."""
    return MARKS.get(check.verdict, "")


def sampler_document(check: SamplerCheck) -> dict[str, Any]:
    """The check in plain values, with its sentence."""
    return {
        "verdict": check.verdict.value,
        "sign": check.sign.value if check.sign else "",
        "answers": check.n_answers,
        "repeats": check.n_repeats,
        "expected_low": check.expected_low,
        "expected_high": check.expected_high,
        "copies_low": check.copies.low,
        "copies_high": check.copies.high,
        "questions": [one.question_id for one in check.questions],
        "equal_lists": list(check.equal_lists),
        "sentence": sampler_sentence(check),
    }


def _counts(check: SamplerCheck) -> str:
    how = "in the same words" if check.lacks_answers else "word for word"
    seen = (
        f"Of {counted(check.n_answers, 'answer')} after the first of a question, {check.n_repeats:,} "
        f"{'repeats' if check.n_repeats == 1 else 'repeat'} an earlier one {how}; "
    )
    if not check.is_known:
        return f"{seen}how likely that is, is not known."
    low, high = whole(check.expected_low), whole(check.expected_high)
    return f"{seen}their own probabilities lead to {low if low == high else f'between {low} and {high}'}."


def _verdict(check: SamplerCheck) -> str:
    most = percent(max(check.copies.high, 0))
    match check.verdict:
        case Verdict.TOO_MANY if check.sign is Sign.LISTS:
            one, other = check.equal_lists
            return f"Questions {one} and {other} have the same answers in the same order: look for a cache."
        case Verdict.TOO_MANY:
            why = "These are too many." if check.is_known else "Long answers are not all alike by chance."
            return f"{why} {SIGNS[check.sign]}"
        case Verdict.TOO_FEW:
            return (
                "These are too few. Look for answers of which the equal ones were taken out, or for log-probabilities "
                "that are not those of the model that answered."
            )
        case Verdict.CONSISTENT if not check.is_known:
            return f"Even if all that repeat are copies, at most {most} are (99 % interval)."
        case Verdict.CONSISTENT:
            return f"That is as it should be: copies at random places are at most {most} of them (99 % interval)."
    why = "there are too few answers"
    if not check.is_known and check.n_repeats:
        why = "without their probabilities, repeats of the model's own look like copies"
    return f"Whether a cache or a fixed seed has copied any of them cannot be told: {why}."


def _questions(check: SamplerCheck) -> str:
    """The questions that stand out, where they are not all that there are."""
    if not check.questions or check.sign is not Sign.COPIES:
        return ""
    named = ", ".join(one.question_id for one in check.questions[:_MOST_NAMED])
    more = len(check.questions) - _MOST_NAMED
    return f"It shows by one question alone: {named}{f' and {more:,} more' if more > 0 else ''}."
