"""TODO homog_core.wording.numbers."""

import math

PERCENTAGES = ("single_cluster_rate", "selective_accuracy", "cost_saving")


# Words for numbers


def percent(share: float) -> str:
    """A share in per cent; whole ones, unless that would make a 0 or a 100 of what is neither."""
    if math.isnan(share):
        return "undefined"
    digits = 0 if share in (0, 1) or 0.01 <= share <= 0.99 else 1
    return f"{100 * share:.{digits}f} %"


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign."""
    return "undefined" if math.isnan(value) else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A difference, with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 question, 2 questions."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def p_words(p: float) -> str:
    """A p value."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def metric_value(metric: str, value: float) -> str:
    """A published figure, or ours, in its unit."""
    return percent(value) if metric in PERCENTAGES else number(value)


def published_value(metric: str, value: float) -> str:
    """A figure of others with the digits that they gave."""
    return f"{100 * value:g} %" if metric in PERCENTAGES else f"{value:g}"
