"""What kind of texts a run's answers are, in words."""

from contextlib import suppress
from typing import Any

from homog_core.analysis.texts import RunTexts, run_texts
from homog_core.errors import CorruptRun
from homog_core.leftovers import Leftovers
from homog_core.measures.domain import Domain
from homog_core.measures.report_cards import LONGEST
from homog_core.runs.store import Run
from homog_core.wording.numbers import counted

_REMOVED = {
    "reasoning": "reasoning",
    "special_tokens": "special tokens",
    "piece_marks": "marks of word pieces",
    "prefixes": "prefixes",
}


def removed_sentence(found: RunTexts) -> str:
    """What was taken from the texts before answers were compared, and by which rule if not the usual one; or ""."""
    parts = [f"{_REMOVED[name]} from {n:,}" for name, n in found.n_removed.items() if n]
    removed = f"Of {counted(found.n, 'answer')}, left out: {', '.join(parts)}." if parts else ""
    rule = rule_words(found.leftovers)
    return " ".join(filter(None, (removed, f"What is left out here: {rule}." if rule else "")))


def rule_words(rule: Leftovers) -> str:
    """What is left out of the texts of a run, where that is not the usual; otherwise ""."""
    if rule.are_kept:
        return "nothing, texts count as they are"
    parts = [f"reasoning from {opening} to {closing}" for opening, closing in rule.reasoning]
    parts += [f"the prefix {prefix}" for prefix in rule.prefixes]
    return f"beside the usual {' and '.join(parts)}" if parts else ""


def rule_mark(run: Run) -> str:
    """What stands in a recipe line for a run whose rule is not the usual one; otherwise ""."""
    words = rule_words(run.leftovers)
    return f"left out of texts: {words}" if words else ""


def outside_sentence(found: Domain) -> str:
    """That the clusterers' report cards do not hold for some answers, and why; "" where they hold."""
    if found.holds:
        return ""
    made_from = f"They were made from English answers of at most {LONGEST} words."
    return f"The report cards do not hold here: {_why(found)}. {made_from}"


def outside_mark(run: Run) -> str:
    """What stands in a recipe line in the place of a report card that does not hold; "" where it does."""
    with suppress(CorruptRun):
        domain = run_texts(run).domain
        return "" if domain.holds else f"no report card for such answers ({_why(domain)})"
    return ""


def texts_document(found: RunTexts) -> dict[str, Any]:
    """The same in plain values, with the sentences."""
    return {
        "answers": found.n,
        **{f"{name}_left_out": n for name, n in found.n_removed.items()},
        **found.domain._asdict(),
        "report_cards_hold": found.domain.holds,
        "sentence": " ".join(filter(None, (removed_sentence(found), outside_sentence(found.domain)))),
    }


def _why(found: Domain) -> str:
    parts = {
        f"longer than {LONGEST} words": found.n_long,
        "not in Latin letters": found.n_other_script,
        "not in English": found.n - found.n_other_script if found.is_other_language else 0,
    }
    return ", ".join(f"{n:,} of {counted(found.n, 'answer')} are {what}" for what, n in parts.items() if n)
