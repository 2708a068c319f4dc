"""How a number is written, wherever a person reads it: the minus sign, the per cent, the interval, the noun."""

import math
from collections.abc import Callable
from typing import Any

UNDEFINED = "undefined"
SMALL_N = 30  # a statistic of fewer is to be read with care
PERCENTAGES = ("single_cluster_rate", "selective_accuracy", "cost_saving")  # published figures that are shares


def percent(share: float, digits: int | None = None) -> str:
    """A share in per cent; whole ones unless digits are asked for, or a 0 or 100 would be made of what is neither."""
    if math.isnan(share):
        return UNDEFINED
    if digits is None:
        digits = 0 if share in (0, 1) or 0.01 <= share <= 0.99 else 1
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def tenth_percent(share: float) -> str:
    """A share in per cent with one digit, as it stands beside an interval."""
    return percent(share, 1)


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign."""
    return UNDEFINED if math.isnan(value) else f"{value:,.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A difference, with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


def with_interval(found: Any, show: Callable[[float], str] = number) -> str:
    """An `Estimate`, or a row that has its fields, with its bounds behind it: 0.14 [0.09, 0.20]."""
    if math.isnan(found.value) or math.isnan(found.low):
        return show(found.value)
    return f"{show(found.value)} [{show(found.low)}, {show(found.high)}]"


def interval(low: float, high: float, show: Callable[[float], str] = number) -> str:
    """An interval in words; "" where there is none."""
    return "" if math.isnan(low) else f"95 % interval {show(low)} to {show(high)}"


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 question, 2 questions."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def times(n: int) -> str:
    """How often: once, 10 times."""
    return "once" if n == 1 else f"{n} times"


def p_value(p: float) -> str:
    """A p value."""
    if math.isnan(p):
        return UNDEFINED
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def tokens(cost: float) -> str:
    """A cost in tokens, whole ones unless there are only a few."""
    return f"{cost:,.0f}" if cost >= 10 or cost == 0 else f"{cost:.2g}"


def duration(seconds: float) -> str:
    """A time span in the largest units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def metric_value(metric: str, value: float) -> str:
    """A published figure, or ours, in its unit."""
    return percent(value) if metric in PERCENTAGES else number(value)


def published_value(metric: str, value: float) -> str:
    """A figure of others with the digits that they gave."""
    return f"{100 * value:g} %" if metric in PERCENTAGES else f"{value:g}"
