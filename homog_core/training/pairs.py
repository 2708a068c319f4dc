"""A model's own answers to the training questions → the rows that a trainer learns from.

SFT learns right answers that the base gave after three examples; DPO prefers right answers of the SFT model to its
wrong ones; a control learns the preferred ones alone. Nobody writes an answer.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from homog_core.catalogue.recipes import Recipe
from homog_core.errors import HomogError
from homog_core.measures.short_answers import decision, is_polar, repeats_question
from homog_core.progress import Say
from homog_core.records import Decoding, ModelSpec, PromptStyle, Question, Response
from homog_core.runs.sample import Progress, sample_run
from homog_core.runs.tables import response_set
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.prompts import build_prompt
from homog_core.training.accept import is_acceptable, is_wrong
from homog_core.wording.numbers import duration

BASE_SAMPLES = 16  # few-shot answers of the base to each question, of which SFT learns
SFT_SAMPLES = 12  # plain answers of the SFT model to each question, of which pairs are made
MAX_NEW_TOKENS = 24
EXAMPLES_A_QUESTION = 2  # different answers that SFT learns, at most
PAIRS_A_QUESTION = 3
LENGTH_GAP = 2  # tokens by which the two answers of a pair may differ
_SAY_EVERY = 50  # questions


@dataclass(frozen=True, slots=True)
class Example:
    """A question and an answer to learn."""

    question: Question
    answer: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A preference between two answers of one model to a question."""

    question: Question
    preferred: str
    rejected: str


def training_rows(recipe: Recipe, questions: Sequence[Question], teacher: ModelSpec, say: Say) -> list[dict[str, Any]]:
    """The training set of a stage as trl reads it: prompt and completion, or prompt, chosen and rejected.

    `teacher` is the model whose answers are learnt from: the base for SFT, the SFT model for what continues it. Raises
    `HomogError` where it gives no row.
    """
    sampler = TorchSampler.from_pretrained(teacher, say, "float32")
    if recipe.parent is None:
        answers = own_answers(sampler, questions, BASE_SAMPLES, "few_shot", recipe.seed, say)
        examples = balanced(sft_examples(questions, answers, recipe.seed))
        say(f"{len({e.question.id for e in examples})} of {len(questions)} questions give {len(examples)} examples")
        rows = [{**_common(e.question), "completion": f" {e.answer}"} for e in examples]
    else:
        answers = own_answers(sampler, questions, SFT_SAMPLES, "plain", recipe.seed, say)
        pairs = preference_pairs(questions, answers, recipe)
        say(f"{len({pair.question.id for pair in pairs})} of {len(questions)} questions give {len(pairs)} pairs")
        rows = [_preference(pair) if recipe.beta else _preferred(pair) for pair in pairs]
        rows.sort(key=lambda row: row["length"])  # so that the reference pass pads little
    if not rows:
        raise HomogError(f"No answer of {teacher.key} can be learnt from.")
    return rows


def own_answers(
    sampler: TorchSampler, questions: Sequence[Question], n: int, style: PromptStyle, seed: int, say: Say
) -> dict[str, tuple[Response, ...]]:
    """N sampled answers and the greedy one to every question, by its id.

    They are stored as a run, so that a killed command goes on and they can be looked at.
    """
    decoding = Decoding(n_samples=n, max_new_tokens=MAX_NEW_TOKENS, seed=seed)
    run = sample_run(sampler, questions, decoding, style, batch_questions=16, on_step=_progress(say))
    found = {}
    for question_id, rows in run.responses().groupby("question_id"):
        answers = response_set(rows.itertuples(), "", sampler.spec.key, run.decoding, run.leftovers)
        found[question_id] = (*answers.responses, answers.greedy)
    return found


def sft_examples(questions: Sequence[Question], answers: dict[str, tuple[Response, ...]], seed: int) -> list[Example]:
    """Of each question's different acceptable answers `EXAMPLES_A_QUESTION`; of yes-or-no questions all of them."""
    examples = []
    for question in questions:
        texts = dict.fromkeys(r.answer for r in answers[question.id] if is_acceptable(question, r))
        most = len(texts) if is_polar(question.text) else EXAMPLES_A_QUESTION
        examples += [Example(question, text) for text in _shuffled(texts, (seed, question.id))[:most]]
    return examples


def balanced(examples: Sequence[Example]) -> list[Example]:
    """The examples with as many yes as no: questions take turns until the rarer of the two is used up."""
    polar = [example for example in examples if decision(example.answer) is not None]
    rest = [example for example in examples if decision(example.answer) is None]
    sides = [_in_turns(e for e in polar if decision(e.answer) is said) for said in (True, False)]
    n = min(map(len, sides))
    return [*rest, *sides[0][:n], *sides[1][:n]]


def preference_pairs(
    questions: Sequence[Question], answers: dict[str, tuple[Response, ...]], recipe: Recipe
) -> list[Pair]:
    """For each question up to `PAIRS_A_QUESTION` right answers, each over a wrong one of nearly its length.

    `right`: right answers as they were drawn, so that likelier ones are preferred more often. `commonest`: the
    commonest right answer alone. A wrong answer is used once; those that only repeat the question come first.
    """
    pairs = []
    for question in questions:
        own = answers[question.id][:-1]
        right = [response for response in own if is_acceptable(question, response)]
        wrong = list({r.answer: r for r in own if is_wrong(question, r)}.values())
        if recipe.preferred == "commonest" and right:
            (text, _), *_ = Counter(response.answer for response in right).most_common(1)
            right = [response for response in right if response.answer == text][:1] * PAIRS_A_QUESTION
        else:
            right = _shuffled(right, (recipe.seed, question.id))
        n_before = len(pairs)
        for preferred in right:
            near = [r for r in wrong if abs(len(r.tokens) - len(preferred.tokens)) <= LENGTH_GAP]
            if near and len(pairs) < n_before + PAIRS_A_QUESTION:
                rejected = min(near, key=lambda r: _order_of_rejection(question, preferred, r))
                wrong.remove(rejected)
                pairs.append(Pair(question, preferred.answer, rejected.answer))
    return pairs


def _order_of_rejection(question: Question, preferred: Response, wrong: Response) -> tuple[bool, int]:
    """An answer that only repeats the question is rejected before others, and one of the same length before others."""
    gap = abs(len(wrong.tokens) - len(preferred.tokens))
    return not repeats_question(wrong.answer, question.text), gap


def _in_turns(examples: Iterable[Example]) -> list[Example]:
    """The examples with every question's first before any question's second."""
    seen: Counter[str] = Counter()
    placed = []
    for example in examples:
        placed.append((seen[example.question.id], example))
        seen[example.question.id] += 1
    return [example for _, example in sorted(placed, key=lambda pair: pair[0])]


def _shuffled(items: Iterable[Any], key: object) -> list[Any]:
    """In an order that depends on the key alone."""
    placed = [(hashlib.sha256(f"{key}\0{place}".encode()).digest(), item) for place, item in enumerate(items)]
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]


def _progress(say: Say) -> Callable[[Progress], None]:
    """Says how far the sampling is, from time to time."""
    said = 0

    def on_step(progress: Progress) -> None:
        nonlocal said
        if progress.n_new and progress.n_done >= said + _SAY_EVERY:
            said = progress.n_done
            say(f"Sampled {said} of {progress.n_total} questions, about {duration(progress.seconds_left)} left")

    return on_step


def _preference(pair: Pair) -> dict[str, Any]:
    """A row of DPO; its length is what batches are grouped by, since trl gives these rows no `input_ids`."""
    row = {**_common(pair.question), "chosen": f" {pair.preferred}", "rejected": f" {pair.rejected}"}
    return {**row, "length": len(row["prompt"]) + max(len(row["chosen"]), len(row["rejected"]))}


def _preferred(pair: Pair) -> dict[str, Any]:
    row = {**_common(pair.question), "completion": f" {pair.preferred}"}
    return {**row, "length": len(row["prompt"]) + len(row["completion"])}


def _common(question: Question) -> dict[str, str]:
    return {"id": question.id, "question": question.text, "prompt": build_prompt(question.text, "plain", None).text}
