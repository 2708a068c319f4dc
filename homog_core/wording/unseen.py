"""What N answers do not show, in words. Every number is computed; Markdown, without a word from a model."""

from homog_core.analysis.unseen import Unseen
from homog_core.wording.numbers import counted, percent, with_interval


def title(found: Unseen, name: str, base: Unseen | None) -> str:
    """How likely another answer is new, for the run of the titles and for its base."""
    beside = "" if base is None else f"; with the base model, {with_interval(base.new, percent)}"
    return f"After {name}, the next answer would be a new one in {with_interval(found.new, percent)} of cases{beside}"


def how_to_read(n_samples: int) -> str:
    """Under the title."""
    return (
        f"Left: as if so many answers were equally likely. Hollow: among the {n_samples} that were drawn, which is too "
        "few. Filled: estimated for the model, from how many answers came once (Chao and Shen). Right: the chance that "
        "one more answer is none of those seen (Good and Turing). Geometric means on the left, means on the right."
    )


def caution(found: dict[str, Unseen]) -> str:
    """Where the estimate says nothing of the model: all answers differ."""
    all_of = [(name, one) for name, one in found.items() if one.n_all_different]
    if not all_of:
        return ""
    each = ", ".join(f"{name} on {counted(one.n_all_different, 'question')}" for name, one in all_of)
    return (
        f"All answers differ for {each}. There the estimate is the same whatever the model could still say: it "
        "is then too low, so the difference between models is rather larger than shown."
    )


def growth_title(n_samples: int) -> str:
    """Title of the curves."""
    return f"How many different answers {n_samples} and {2 * n_samples} draws would show"


def growth_reading(n_samples: int) -> str:
    """Under the title of the curves."""
    return (
        f"The mean number of different answers among the first so many. Up to {n_samples} exactly, over every choice "
        f"of that many; beyond the dotted line estimated. A curve that still rises has more to say."
    )
