"""Whether a run's answers repeat each other as a sampler's would that draws each anew. Values, no sentences.

Identical answers are what this project looks for, and also what a cache, a fixed seed or an ignored temperature
produces. It reads the answers of a run and needs no scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from homog_core.analysis.once import once_complete
from homog_core.records import GREEDY, Decoding
from homog_core.runs.store import Run
from homog_core.statistics.repeats import LEVEL, Copies, Repeats, copies, log_evidence_of_copies, repeats
from homog_core.statistics.tempered import Bounds, drawn_logprobs

LARGEST_SHARE = 0.2  # of copies, that a consistent run may have: two answers of ten
LONG = 15  # words of an answer that nobody is expected to give again by chance
WARM = 0.7  # the temperature from which that holds
_LEAST_QUESTIONS = 3  # that a pattern has to occur in
_LEAST_DIFFERENT, _LEAST_WORDS = 5, 30  # of a list of answers that two questions cannot have by chance
_LEAST_TOKENS = 50  # that are all certain before a sampler counts as one that does not sample
_CERTAIN = -1e-6  # nats


class Verdict(StrEnum):
    """What the check says of a run."""

    CONSISTENT = "consistent"
    TOO_MANY = "too many"
    TOO_FEW = "too few"
    UNKNOWN = "cannot be told"


class Sign(StrEnum):
    """What too many repeats look like."""

    LISTS = "lists"  # different questions have the same answers in the same order
    CERTAIN = "certain"  # every token has probability 1
    GREEDY = "greedy"  # every answer is the greedy one
    ONE_ANSWER = "one answer"  # all answers to each question are the same
    COPIES = "copies"  # some answers are


@dataclass(frozen=True, slots=True)
class OneQuestion:
    """A question that alone has more repeats than its answers' probabilities explain."""

    question_id: str
    n_repeats: int
    expected: float  # at most


@dataclass(frozen=True, slots=True)
class SamplerCheck:
    """What a run's repeats say of its sampler."""

    verdict: Verdict
    sign: Sign | None  # only of too many
    n_answers: int  # after the first of each question
    n_repeats: int  # of them, word for word
    expected_low: float  # bounds of the repeats that the answers' own probabilities lead to
    expected_high: float
    copies: Copies
    questions: tuple[OneQuestion, ...]  # that stand out, the clearest first
    equal_lists: tuple[str, ...]  # ids of two questions with the same answers in the same order
    lacks_answers: bool = False  # whether it read stand-ins: answers that differ in case or marks alone are the same

    @property
    def is_known(self) -> bool:
        """Whether the answers have probabilities, at least between bounds."""
        return self.expected_low > 0 or self.expected_high < self.n_answers


@dataclass(frozen=True, slots=True)
class _Asked:
    """The answers to one question that were drawn."""

    texts: tuple[str, ...]  # (N,)
    is_one: bool  # whether there are several and all are the same, token by token
    is_greedy: bool  # whether all are the greedy answer
    is_unknown: bool  # whether nothing is known of their probabilities
    n_certain: int  # tokens of the first answer if all tokens of all answers are certain, else 0


@once_complete(SamplerCheck)
def sampler_check(run: Run) -> SamplerCheck:
    """The check of a stored run; of one that is complete it is computed once in a process."""
    rows = run.responses()
    gone = (rows["finish_reason"] == "error") | ((rows["text"] == "") & (rows["tokens"].str.len() == 0))
    rows = rows[~gone]  # they were not drawn
    is_greedy = rows["sample_index"] == GREEDY
    drawn, greedy = rows[~is_greedy], rows[is_greedy].set_index("question_id")["text"].to_dict()
    ids, names = pd.factorize(drawn["question_id"])
    answers = list(zip(drawn["text"], map(tuple, drawn["tokens"]), strict=True))
    low, high = _bounds(run, drawn)
    found = repeats(ids.tolist(), answers, low.tolist(), high.tolist())
    share, asked = copies(found), _asked(ids, answers, drawn, low, high, [greedy.get(name) for name in names])
    # stand-ins of different answers are the same where their numbers and lengths are
    lists = () if run.lacks_answers else _equal_lists(dict(zip(names, asked, strict=True)), run)
    standing_out = _standing_out(found, names)
    sign = _sign(asked, run.decoding, has_lists=bool(lists), has_copies=share.low > 0 or bool(standing_out))
    return SamplerCheck(
        verdict=_verdict(share, sign, len(found.repeated)),
        sign=sign,
        n_answers=len(found.repeated),
        n_repeats=int(found.repeated.sum()),
        expected_low=float(found.low.sum()),
        expected_high=float(found.high.sum()),
        copies=share,
        questions=standing_out if sign else (),
        equal_lists=lists,
        lacks_answers=run.lacks_answers,
    )


def _verdict(share: Copies, sign: Sign | None, n_answers: int) -> Verdict:
    if sign:
        return Verdict.TOO_MANY
    if share.high < 0:
        return Verdict.TOO_FEW
    return Verdict.CONSISTENT if n_answers and share.high <= LARGEST_SHARE else Verdict.UNKNOWN


def _bounds(run: Run, rows: pd.DataFrame) -> Bounds:
    """Bounds (A,) of the probability that each answer was drawn with.

    Elsewhere log-probabilities may already be those after temperature and top-p, so both readings have to fit. An
    answer whose end is not among its tokens is the beginning of others too: its own probability may be lower. One that
    was cut is a beginning as well, but so are all that it is compared with.
    """
    lengths, decoding = rows["tokens"].str.len().to_numpy(np.int64), run.decoding
    answer = np.repeat(np.arange(len(rows)), lengths)
    logprobs, entropies = (_joined(rows[name]) for name in ("token_logprobs", "token_entropies"))
    is_exact = (rows["entropy_kind"] == "exact").to_numpy()
    if decoding.temperature < 1:  # the most that an entropy can be is needed, and of others only the least is known
        entropies = np.where(np.repeat(is_exact, lengths), entropies, np.nan)
    low, high = drawn_logprobs(logprobs, entropies, decoding.temperature, decoding.top_p)
    served = run.provenance.served
    if decoding.top_k or (served and not served.is_untruncated):
        high = np.zeros(len(logprobs))  # how much of the probability was kept is not stored
    least, most, said = (np.exp(np.bincount(answer, column, minlength=len(rows))) for column in (low, high, logprobs))
    if run.is_imported or not is_exact.all():
        least, most = np.fmin(least, said), np.fmax(most, said)
    has_end = (rows["finish_reason"] != "unknown").to_numpy() & (lengths > 0)
    return Bounds(np.where(has_end, least, 0.0), most)


def _joined(lists: pd.Series) -> np.ndarray:
    return np.concatenate([np.zeros(0), *lists])


def _asked(
    ids: np.ndarray,
    answers: list[tuple[str, tuple[str, ...]]],
    rows: pd.DataFrame,
    low: np.ndarray,
    high: np.ndarray,
    greedy: list[str | None],
) -> list[_Asked]:
    """The questions, in order; `ids` (A,) says to which of them an answer belongs."""
    lengths = rows["tokens"].str.len().to_numpy(np.int64)
    least = np.array([min(numbers, default=-np.inf) for numbers in rows["token_logprobs"]])
    found = []
    for question, places in enumerate(np.split(np.arange(len(ids)), np.flatnonzero(np.diff(ids)) + 1)):
        if not len(places):
            continue
        texts = tuple(answers[i][0] for i in places)
        found.append(
            _Asked(
                texts,
                is_one=len(places) > 1 and len({answers[i] for i in places}) == 1,
                is_greedy=set(texts) == {greedy[question]},
                is_unknown=bool((low[places] <= 0).all() and (high[places] >= 1).all()),
                n_certain=int(lengths[places[0]]) if (least[places] > _CERTAIN).all() else 0,
            )
        )
    return found


def _standing_out(found: Repeats, names: Sequence[str]) -> tuple[OneQuestion, ...]:
    """Questions with so much evidence of copies that one of all would have it with probability LEVEL / 2 at most."""
    evidence = log_evidence_of_copies(found, len(names))
    clear = [q for q in np.argsort(-evidence, kind="stable") if evidence[q] >= np.log(len(names) * 2 / LEVEL)]
    n_repeats = np.bincount(found.question, found.repeated, minlength=len(names))
    expected = np.bincount(found.question, found.high, minlength=len(names))
    return tuple(OneQuestion(str(names[q]), int(n_repeats[q]), float(expected[q])) for q in clear)


def _sign(asked: list[_Asked], decoding: Decoding, *, has_lists: bool, has_copies: bool) -> Sign | None:
    """What is wrong, if there are too many repeats; else None."""
    several = [one for one in asked if len(one.texts) > 1]
    certain = [one.n_certain for one in several if one.n_certain and one.is_one]
    if has_lists:
        return Sign.LISTS
    if len(certain) == len(several) >= _LEAST_QUESTIONS and sum(certain) >= _LEAST_TOKENS:
        return Sign.CERTAIN
    if not has_copies and not _long_and_alike(several, decoding):
        return None
    if all(one.is_one for one in several):
        return Sign.GREEDY if all(one.is_greedy for one in several) else Sign.ONE_ANSWER
    return Sign.COPIES


def _long_and_alike(asked: list[_Asked], decoding: Decoding) -> bool:
    """Whether long answers of unknown probability are all alike in most of the questions that have them."""
    if decoding.temperature < WARM:
        return False
    long = [one.is_one for one in asked if one.is_unknown and min(len(text.split()) for text in one.texts) >= LONG]
    return sum(long) >= max(_LEAST_QUESTIONS, len(long) / 2)


def _equal_lists(asked: Mapping[str, _Asked], run: Run) -> tuple[str, ...]:
    """Ids of two questions of different prompts that have the same answers in the same order; () if there are none.

    A list counts from `_LEAST_DIFFERENT` different answers, at least half of all, and `_LEAST_WORDS` words: short ones
    may agree by chance, as where two questions offer the same choices.
    """
    first: dict[tuple[str, ...], str] = {}
    pairs = []
    for key, one in asked.items():
        is_telling = len(set(one.texts)) >= max(_LEAST_DIFFERENT, len(one.texts) / 2)
        if is_telling and len(" ".join(one.texts).split()) >= _LEAST_WORDS and first.setdefault(one.texts, key) != key:
            pairs.append((str(first[one.texts]), str(key)))
    prompts = run.questions().set_index("id")["prompt"] if pairs else {}
    return next(((a, b) for a, b in pairs if not prompts[a] or prompts[a] != prompts[b]), ())
