"""Examples → the rows that a trainer learns from: reference answers, or preferences over the model's own answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from homog_core.errors import HomogError
from homog_core.measures.grading import grade
from homog_core.progress import Say
from homog_core.records import Decoding, ModelSpec
from homog_core.runs.sample import Progress, sample_run
from homog_core.runs.tables import response_set
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.prompts import build_prompt
from homog_core.training.data import Example
from homog_core.training.recipe import Recipe
from homog_core.wording.numbers import duration

N_SAMPLES = 4  # of the SFT model per question; the first clean wrong one is dispreferred
_SAY_EVERY = 50  # questions


@dataclass(frozen=True, slots=True)
class Pair:
    """One preference: the reference answer over a wrong answer of the SFT model itself."""

    example: Example
    rejected: str


def training_rows(
    recipe: Recipe, examples: Sequence[Example], parent: ModelSpec | None, say: Say
) -> list[dict[str, Any]]:
    """The training set of a stage as trl reads it: prompt and completion, or prompt, chosen and rejected.

    `parent` is the model that the stage continues. Raises `HomogError` where it gives no pair.
    """
    if parent is None:
        return [_completion(example) for example in examples]
    pairs = preference_pairs(TorchSampler.from_pretrained(parent, say), examples, recipe.pairs, recipe.seed, say)
    say(f"{len(pairs)} of {len(examples)} questions give a pair")
    if not pairs:
        raise HomogError("The SFT model has no clean wrong answer, so there is nothing to prefer over.")
    if recipe.stage == "dpo":
        return sorted(map(_preference, pairs), key=lambda row: row["length"])  # so that the reference pass pads little
    return [_completion(pair.example) for pair in pairs]


def preference_pairs(sampler: TorchSampler, examples: Sequence[Example], which: str, seed: int, say: Say) -> list[Pair]:
    """For every question that the model gets wrong: the reference answer over its own first clean wrong sample.

    `which` = `clear` takes only questions that it also got right at least once. Elsewhere the right answer is out of
    its reach, and all that it can learn is to say less of what it says. The samples are drawn in batches at temperature
    1 and stored as a run, so that a killed command goes on and they can be looked at. A sample is wrong if its grade is
    incorrect; empty and cut ones are not taken.
    """
    questions = [replace(example.question, dataset="training-dpo") for example in examples]
    decoding = Decoding(n_samples=N_SAMPLES, seed=seed)
    run = sample_run(sampler, questions, decoding, "plain", batch_questions=16, on_step=_progress(say))
    rows = dict(tuple(run.responses().groupby("question_id")))
    pairs = []
    for example in examples:
        answers = response_set(rows[example.question.id], "", sampler.spec.key, run.decoding).responses
        clean = [answer for answer in answers if answer.is_valid and answer.finish_reason == "stop"]
        verdicts = [grade(example.question, answer).verdict for answer in clean]
        if "incorrect" in verdicts and (which == "all" or "correct" in verdicts):
            pairs.append(Pair(example, clean[verdicts.index("incorrect")].answer))
    return pairs


def _progress(say: Say) -> Callable[[Progress], None]:
    """Says how far the sampling is, from time to time."""
    said = 0

    def on_step(progress: Progress) -> None:
        nonlocal said
        if progress.n_new and progress.n_done >= said + _SAY_EVERY:
            said = progress.n_done
            say(f"Sampled {said} of {progress.n_total} questions, about {duration(progress.seconds_left)} left")

    return on_step


def _completion(example: Example) -> dict[str, Any]:
    return {**_common(example), "completion": f" {example.answer}"}


def _preference(pair: Pair) -> dict[str, Any]:
    """A row of DPO; its length is what batches are grouped by, since trl gives these rows no `input_ids`."""
    row = {**_common(pair.example), "chosen": f" {pair.example.answer}", "rejected": f" {pair.rejected}"}
    return {**row, "length": len(row["prompt"]) + max(len(row["chosen"]), len(row["rejected"]))}


def _common(example: Example) -> dict[str, str]:
    question = example.question
    return {"id": question.id, "question": question.text, "prompt": build_prompt(question.text, "plain", None).text}
