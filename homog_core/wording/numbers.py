"""How a number is written, wherever a person reads it: the minus sign, the per cent, the interval, the noun.

The only place that formats one: "12 %" with a plain space, a true minus, a comma at thousands, and "undefined" for NaN.
"""

import math
from collections.abc import Callable
from typing import Any

UNDEFINED = "undefined"
FEW = 30  # questions or answers below which a statistic is greyed, and says so
CHANCE = 0.05  # a p value below it is called unlikely to be chance
PERCENTAGES = ("single_cluster_rate", "selective_accuracy", "cost_saving")  # published figures that are shares


def number(value: float, digits: int = 2) -> str:
    """A number: 0.14, −1,234.50."""
    return UNDEFINED if math.isnan(value) else _minus(f"{value:,.{digits}f}")


def whole(value: float) -> str:
    """A number without digits behind the point."""
    return number(value, 0)


def tenth(value: float) -> str:
    """A number with one digit behind the point, as a mean of counts."""
    return number(value, 1)


def signed(value: float, digits: int = 2) -> str:
    """A difference, with its sign: +0.14."""
    return UNDEFINED if math.isnan(value) else _minus(f"{value:+,.{digits}f}")


def given(value: float) -> str:
    """A number with the digits that somebody gave: a setting, or a figure of others. 0.7, 1, 28.5."""
    return _minus(f"{value:g}")


def percent(share: float, digits: int | None = None) -> str:
    """A share in per cent; whole ones unless digits are asked for, or a 0 or 100 would be made of what is neither."""
    if math.isnan(share):
        return UNDEFINED
    if digits is None:
        digits = 0 if abs(share) in (0, 1) or 0.01 <= abs(share) <= 0.99 else 1
    return f"{number(100 * share, digits)} %"


def tenth_percent(share: float) -> str:
    """A share in per cent with one digit, as it stands beside an interval."""
    return percent(share, 1)


def at_least(entropy_kind: str) -> str:
    """What stands before token entropies that are lower bounds; "" before others."""
    return "at least " if entropy_kind.startswith("top_k:") else ""


def with_interval(found: Any, show: Callable[[float], str] = number) -> str:
    """An `Estimate`, or a row that has its fields, with its bounds behind it: 0.14 [0.09, 0.20]."""
    return " ".join(part for part in (show(found.value), bounds(found.low, found.high, show)) if part)


def bounds(low: float, high: float, show: Callable[[float], str] = number) -> str:
    """An interval behind its value: [0.09, 0.20]; "" where there is none."""
    return "" if math.isnan(low) else f"[{show(low)}, {show(high)}]"


def interval(low: float, high: float, show: Callable[[float], str] = number) -> str:
    """An interval in words; "" where there is none. One of no width says nothing but that all values are equal."""
    if low == high:
        return "no interval: all values are equal"
    return "" if math.isnan(low) else f"95 % interval {show(low)} to {show(high)}"


def noun(n: int, one: str, many: str = "") -> str:
    """The noun that goes with a number: question for 1, questions for 2."""
    return one if n == 1 else many or f"{one}s"


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 question, 2 questions."""
    return f"{n:,} {noun(n, one, many)}"


def with_care(n: float, one: str = "question") -> str:
    """A caution where there is little to go by, to stand behind another sentence; "" where there is enough."""
    return f" Only {counted(int(n), one)}: read with care." if n < FEW else ""


def of_100(share: float) -> str:
    """A share as people count it: 70 of 100."""
    return f"{number(100 * share, 0)} of 100"


def times(n: int) -> str:
    """How often: once, 10 times."""
    return "once" if n == 1 else f"{n} times"


def millions(n: float) -> str:
    """A large count: 268 million."""
    return f"{whole(n / 1e6)} million"


def parameters(n: float) -> str:
    """The size of a model: 270 M, 1.2 B, 27 B; undefined where nobody has said."""
    if math.isnan(n):
        return UNDEFINED
    for unit, name in ((1e12, " T"), (1e9, " B"), (1e6, " M")):
        if n >= 0.9995 * unit:
            return f"{given(float(f'{n / unit:.2g}' if n < 100 * unit else f'{n / unit:.0f}'))}{name}"
    return whole(n)


def p_value(p: float) -> str:
    """A p value: p = 0.69, p = 0.012, p < 0.001."""
    if math.isnan(p):
        return UNDEFINED
    return "p < 0.001" if p < 0.001 else f"p = {number(p, 3 if p < 0.1 else 2)}"


def tokens(cost: float) -> str:
    """A cost in tokens, whole ones unless there are only a few."""
    return whole(cost) if cost >= 10 or cost == 0 else f"{cost:.2g}"


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
    return f"{given(100 * value)} %" if metric in PERCENTAGES else given(value)


def _minus(text: str) -> str:
    return text.replace("-", "−")
