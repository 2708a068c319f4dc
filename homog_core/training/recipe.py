"""The recipe of the adapters that ship in `cache/models/`: base → SFT → DPO, and the control without preferences.

LoRA by peft, trainers by trl, the base weights frozen throughout. SFT starts from the base; DPO and the control start
from a copy of the SFT adapter, which is also DPO's reference, so that every stage is one self-contained adapter.
Killed at any point, the same command goes on from the last epoch that it finished. It does not know how the result is
measured.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from homog_core import files
from homog_core.catalogue.models import MODELS
from homog_core.errors import HomogError, InvalidInput
from homog_core.measures.grading import grade
from homog_core.progress import Say
from homog_core.records import Decoding, ModelSpec
from homog_core.runs import sample
from homog_core.runs.tables import response_set
from homog_core.sampling.devices import keep_freed_memory
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.prompts import build_prompt
from homog_core.sampling.weights import adapter_folder, find_model, local_adapter, local_weights
from homog_core.training import data
from homog_core.training.data import Example

_SMOKE_EXAMPLES, _SMOKE_BATCH, _SMOKE_STEPS = 8, 2, 5


_SAMPLES_FOR_PAIRS = 4  # of the SFT model per question; the first clean wrong one is dispreferred


_GEMMA_NOTICE = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n\n"
    "These files are a Model Derivative: an adapter trained on google/gemma-3-270m for this project. The base weights "
    "were not changed and are not contained in them.\n"
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a stage learns, but the data."""

    stage: str  # a key of RECIPES
    learning_rate: float
    epochs: float
    beta: float | None = None  # DPO's pull towards its reference
    pairs: str | None = None  # `all` wrong answers, or `clear` wins: only where another sample of the model was right
    batch_size: int = 8
    rank: int = 16  # of LoRA, on all linear layers of the transformer
    alpha: int = 32
    seed: int = 0

    @property
    def parent(self) -> str | None:
        """The stage whose adapter this one continues; None: it starts from the base."""
        return None if self.stage == "sft" else "sft"


RECIPES: dict[str, Recipe] = {
    "sft": Recipe("sft", learning_rate=3e-4, epochs=2),
    "dpo": Recipe("dpo", learning_rate=1e-4, epochs=3, beta=0.3, pairs="clear"),
    "sft-continued": Recipe("sft-continued", learning_rate=1e-4, epochs=3, pairs="clear"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One preference: the reference answer over a wrong answer of the SFT model itself."""

    example: Example
    rejected: str


def train(
    recipe: Recipe, model: str = "gemma-3-270m", name: str | None = None, *, smoke: bool = False, say: Say = print
) -> Path:
    """Train one stage on `model` and return the folder of its adapter, `<cache>/models/<name>`.

    `smoke` takes a handful of examples and steps. Raises `HomogError` where the training packages are missing, where
    the stage before has not been trained, or where a training question is too close to one that must not be seen.
    """
    _require_packages()
    base, suffix = find_model(model), "-smoke" if smoke else ""
    if base.adapter:
        raise InvalidInput(f"{model} is itself an adapter; give the model that it was trained from.")
    if smoke:
        recipe = replace(recipe, batch_size=_SMOKE_BATCH)
    parent = f"{base.key}-{recipe.parent}{suffix}" if recipe.parent else None
    name = _checked_name(name or f"{base.key}-{recipe.stage}{suffix}", parent)
    started = time.monotonic()
    say("Preparing the data")
    rows = _rows(recipe, base, parent, smoke, say)
    log = {
        "recipe": asdict(recipe),
        "smoke": smoke,
        "base": {"model": base.key, "source": _portable(base.source), "revision": local_weights(base, say).revision},
        "parent": parent,
        "parent_revision": local_adapter(_parent_model(base, parent)).revision if parent else None,
        "n_examples": len(rows),
        "rows_sha256": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
        "question_ids_sha256": data.ids_sha256(row["id"] for row in rows),
        "largest_overlap_with": data.check_for_leaks([row["question"] for row in rows]),
        "packages": {package: version(package) for package in ("torch", "transformers", "peft", "trl")},
    }
    work = files.cache() / "models" / ".training" / name
    _start_or_resume(work, log)
    with _answers_scored_only():
        trainer = _trainer(recipe, base, parent, rows, work, _SMOKE_STEPS if smoke else -1, say)
        say(f"Training {name} on {len(rows)} examples")
        _run(trainer, work)
    log |= {
        "seconds_of_last_attempt": round(time.monotonic() - started, 1),
        "history": trainer.state.log_history,
    }
    folder = _save(trainer.model, name, base, log)
    shutil.rmtree(work)
    return folder


def _checked_name(name: str, parent: str | None) -> str:
    """`name`, if a folder of that name under `models/` is this command's to write."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise InvalidInput(f"{name!r} is no name for an adapter; use lower-case letters, digits, '.', '-' and '_'.")
    folder = files.cache() / "models" / name
    if name == parent or (folder.exists() and not (folder / "training_log.json").is_file()):
        raise InvalidInput(f"{folder} holds something else that is needed; choose another --name.")
    return name


def _parent_model(base: ModelSpec, parent: str) -> ModelSpec:
    """The model that a stage continues. Raises `HomogError` where its adapter is not there."""
    if adapter_folder(parent) is None:
        raise HomogError(f"This stage continues {parent}, which is not there; train that one first, as `train sft`.")
    return replace(base, key=parent, adapter=parent, stage="sft", parent=base.key)


def preference_pairs(sampler: TorchSampler, examples: Sequence[Example], which: str, seed: int, say: Say) -> list[Pair]:
    """For every question that the model gets wrong: the reference answer over its own first clean wrong sample.

    With `which` = `clear`, only questions that it also got right at least once: there the preference is within its
    reach, elsewhere the only thing to learn is to say less of what it says. Sampled in batches at temperature 1 into a
    run of its own, so that a killed command goes on and the samples can be looked at. A sample counts as wrong when its
    grade is incorrect; empty and cut ones are not taken.
    """
    questions = [replace(example.question, dataset="training-dpo") for example in examples]
    decoding = Decoding(n_samples=_SAMPLES_FOR_PAIRS, seed=seed)

    def progress(p: sample.Progress) -> None:
        if p.n_new and p.n_done % 50 == 0 and p.n_done != progress.said:
            progress.said = p.n_done
            say(f"Sampled {p.n_done} of {p.n_total} questions, about {p.seconds_left:.0f} s left")

    progress.said = 0
    run = sample.sample_run(sampler, questions, decoding, "plain", batch_questions=16, on_step=progress)
    rows = dict(tuple(run.responses().groupby("question_id")))
    pairs = []
    for example in examples:
        answers = response_set(rows[example.question.id], "", sampler.spec.key, run.decoding).responses
        clean = [answer for answer in answers if answer.is_valid and answer.finish_reason == "stop"]
        verdicts = [grade(example.question, answer).verdict for answer in clean]
        if "incorrect" in verdicts and (which == "all" or "correct" in verdicts):
            pairs.append(Pair(example, clean[verdicts.index("incorrect")].answer))
    return pairs


def _rows(recipe: Recipe, base: ModelSpec, parent: str | None, smoke: bool, say: Say) -> list[dict[str, Any]]:
    """The training set as trl reads it: prompt and completion, or prompt, chosen and rejected."""
    part = "sft" if recipe.stage == "sft" else "dpo"
    examples = data.training_examples(part, recipe.seed)[: _SMOKE_EXAMPLES if smoke else None]
    if recipe.stage == "sft":
        return [{**_common(example), "completion": f" {example.answer}"} for example in examples]
    sampler = TorchSampler.from_pretrained(_parent_model(base, parent), say)
    pairs = preference_pairs(sampler, examples, recipe.pairs, recipe.seed, say)
    say(f"{len(pairs)} of {len(examples)} questions give a pair")
    if not pairs:
        raise HomogError("The SFT model has no clean wrong answer, so there is nothing to prefer over.")
    if recipe.stage == "sft-continued":
        return [{**_common(pair.example), "completion": f" {pair.example.answer}"} for pair in pairs]
    return sorted(map(_preference, pairs), key=lambda row: row["length"])  # so that the reference pass pads little


def _preference(pair: Pair) -> dict[str, Any]:
    """A row of DPO; its length is what batches are grouped by, since trl gives these rows no `input_ids`."""
    row = {**_common(pair.example), "chosen": f" {pair.example.answer}", "rejected": f" {pair.rejected}"}
    return {**row, "length": len(row["prompt"]) + max(len(row["chosen"]), len(row["rejected"]))}


def _common(example: Example) -> dict[str, str]:
    question = example.question
    return {"id": question.id, "question": question.text, "prompt": build_prompt(question.text, "plain", None).text}


def _trainer(
    recipe: Recipe,
    base: ModelSpec,
    parent: str | None,
    rows: Sequence[dict[str, Any]],
    work: Path,
    max_steps: int,
    say: Say,
) -> Any:
    """The trl trainer of a stage, ready to run."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    folder = local_weights(base, say).folder
    keep_freed_memory()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if parent:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter_folder(parent), is_trainable=True)
    common = {
        "output_dir": str(work),
        "learning_rate": recipe.learning_rate,
        "num_train_epochs": recipe.epochs,
        "max_steps": max_steps,
        "per_device_train_batch_size": recipe.batch_size,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "bf16": True,
        "train_sampling_strategy": "group_by_length",  # padding costs as much as text, and the vocabulary is large
        "use_cpu": not torch.cuda.is_available(),
        "activation_checkpointing": False,
        "logging_steps": 1 if max_steps > 0 else 5,
        "save_strategy": "epoch",  # within an epoch the order of the batches could not be gone on with
        "save_total_limit": 1,
        "report_to": "none",
    }
    data = Dataset.from_list([{k: v for k, v in row.items() if k not in ("id", "question")} for row in rows])
    settings = {"model": model, "train_dataset": data, "processing_class": AutoTokenizer.from_pretrained(folder)}
    if recipe.stage == "dpo":
        args = DPOConfig(
            **common,
            beta=recipe.beta,
            precompute_ref_log_probs=True,
            remove_unused_columns=False,  # so that the sampler that groups by length still sees the lengths
        )
        return DPOTrainer(**settings, args=args)
    new = None if parent else _lora(recipe)
    return SFTTrainer(**settings, args=SFTConfig(**common), peft_config=new)


@contextmanager
def _answers_scored_only() -> Iterator[None]:
    """Let trl score the positions of the answers alone on a CPU too.

    It does so on a GPU; elsewhere it scores every position of the prompt and of the padding against the vocabulary as
    well and throws that away, which is two thirds of the work here. The losses are the same, which a test says.
    """
    from unittest.mock import patch

    with patch("trl.trainer.utils._use_triton", lambda device: True):
        yield


def _lora(recipe: Recipe) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def _run(trainer: Any, work: Path) -> None:
    from transformers.trainer_utils import get_last_checkpoint

    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(work)))


def _start_or_resume(work: Path, log: dict[str, Any]) -> None:
    """Keep the checkpoints of an earlier attempt at exactly this; throw those of anything else away."""
    mark = work / "recipe.json"
    wanted = json.dumps(log, sort_keys=True)
    if work.is_dir() and not (mark.is_file() and mark.read_text() == wanted):
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    mark.write_text(wanted)


def _save(model: Any, name: str, base: ModelSpec, log: dict[str, Any]) -> Path:
    """Write the adapter in bf16, its log, its card and the notice; the folder appears whole or not at all."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = files.cache() / "models" / name
    partial = folder.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.peft_config["default"].base_model_name_or_path = base.key if base.key in MODELS else base.source
    model.save_pretrained(partial, selected_adapters=["default"], save_embedding_layers=False)
    weights = partial / "adapter_model.safetensors"
    save_file({key: value.to(torch.bfloat16) for key, value in load_file(weights).items()}, weights)
    (partial / "training_log.json").write_text(json.dumps(log, indent=1) + "\n")
    (partial / "README.md").write_text(model_card(name, log))
    if "gemma" in base.key:
        (partial / "NOTICE").write_text(_GEMMA_NOTICE)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    return folder


def _portable(source: str) -> str:
    """A source without the folders of this machine."""
    return Path(source).name if Path(source).is_absolute() else source


def _require_packages() -> None:
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ImportError as error:
        raise HomogError(
            "Training needs trl: install this library with its extra, `pip install -e '.[train]'`."
        ) from error


def model_card(name: str, log: dict[str, Any]) -> str:
    """The README of an adapter, from its training log alone."""
    recipe, base = log["recipe"], log["base"]
    losses = [row for row in log["history"] if "loss" in row]
    options = "".join(
        f" --{field.replace('_', '-')} {recipe[field]}"
        for field in ("learning_rate", "epochs", "beta", "pairs")
        if recipe.get(field) is not None and recipe[field] != getattr(RECIPES[recipe["stage"]], field)
    )
    smoke = " --smoke" if log.get("smoke") else ""
    default_name = f"{base['model']}-{recipe['stage']}{'-smoke' if smoke else ''}"
    options += "" if base["model"] == "gemma-3-270m" else f" --model {base['model']}"
    options += smoke if name == default_name else f"{smoke} --name {name}"
    overlaps = ", ".join(f"{dataset} {share:.2f}" for dataset, share in log["largest_overlap_with"].items())
    settings = {
        "LoRA": f"rank {recipe['rank']}, alpha {recipe['alpha']}, no dropout, all linear layers of the transformer",
        "starts from": log["parent"] or base["model"],
        "examples": f"{log['n_examples']:,} in batches of {recipe['batch_size']}, {recipe['epochs']:g} epoch(s), "
        f"{log['history'][-1]['step']} steps",
        "learning rate": f"{recipe['learning_rate']:g}, 5 % warm-up, cosine",
        "pairs": recipe.get("pairs") or "does not apply",
        "DPO β": f"{recipe['beta']:g}, reference: the adapter it starts from" if recipe["beta"] else "does not apply",
        "seed": recipe["seed"],
        "arithmetic": "fp32 weights, bf16 autocast; saved in bf16",
        "loss, first and last logged": f"{float(losses[0]['loss']):.3f} → {float(losses[-1]['loss']):.3f}",
        "wall time": f"{log['seconds_of_last_attempt'] / 60:.1f} minutes on two CPU cores; the last attempt alone, "
        "and drawing the answers for the pairs only if they had not been drawn before",
        "packages": ", ".join(f"{package} {found}" for package, found in log["packages"].items()),
    }
    rows = "\n".join(f"| {key} | {value} |" for key, value in settings.items())
    return f"""# {name}

{_WHAT[recipe["stage"]]}

It is an adapter for [peft](https://github.com/huggingface/peft) on `{base["model"]}`, whose weights here are
`{base["source"]}`, revision `{base["revision"]}`.

It exists to show, within one lineage and on any laptop, what a training stage does to the diversity of answers. It is
**not a useful assistant**: the model is small, most of its answers are wrong, it knows one prompt (`Q: …` / `A:`),
and nothing was done for its safety. What it does to the answers is in `docs/results.md` of the project.

## Data

{_DATA[recipe["stage"]]}

Every training question was compared with every question of the sets that models are judged or chosen by, as sets of
content words; a Jaccard index of {data.OVERLAP} or more counts as the same question, and none is. The largest
index with each: {overlaps}. SHA-256 of the sorted ids of the training questions: `{log["question_ids_sha256"]}`.

## Recipe

```
python -m homog_core train {recipe["stage"]}{options}
```

| | |
|---|---|
{rows}

Every logged step is in `training_log.json`.

## Licences

{_GEMMA_LICENCE if "gemma" in base["model"] else "The adapter is governed by the licence of its base."} None of the
data sets' sentences is contained here.
"""


_WHAT = {
    "sft": "The supervised stage: short factual and arithmetic answers.",
    "dpo": "Direct preference optimisation on top of the supervised stage, by on-policy pairs.",
    "sft-continued": (
        "The control for the DPO stage: supervised training continued on the *preferred* answers of its pairs alone, "
        "without the preference."
    ),
}


_N = data.N_QUESTIONS


_SOURCES = "WebQuestions is CC-BY 4.0 (Berant et al. 2013), GSM8K is MIT (Cobbe et al. 2021)."


_FURTHER = (
    f"{_N['dpo']['webquestions']:,} further questions of WebQuestions' training split and {_N['dpo']['gsm8k']} further "
    f"short problems of GSM8K's, all with one reference and none of them seen in the SFT stage. {_SOURCES}"
)


_DATA = {
    "sft": (
        f"{_N['sft']['webquestions']} questions of WebQuestions' training split, their answers put into a plain "
        f"sentence, and {_N['sft']['gsm8k']} short problems of GSM8K's, answered by the last line of their "
        f"solution. {_SOURCES}"
    ),
    "dpo": (
        f"Preference pairs over {_FURTHER} The SFT model answered each {_SAMPLES_FOR_PAIRS} times at temperature 1; "
        "preferred is the reference sentence, dispreferred the first clean wrong answer. With `clear` pairs, only "
        "questions that it also got right at least once are taken; with `all`, every question that it got wrong."
    ),
    "sft-continued": f"The *preferred* answers of the DPO stage's pairs, which are over {_FURTHER}",
}


_GEMMA_LICENCE = """The adapter is a Model Derivative of Gemma: its use is governed by the Gemma Terms of Use
(ai.google.dev/gemma/terms; see `NOTICE`), including the Prohibited Use Policy."""
