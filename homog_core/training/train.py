"""Train one stage: its data, its trainer, and the folder of its adapter. The command `train`.

SFT starts from the base; all others start from a copy of the SFT adapter, so that every stage is one self-contained
adapter. Killed at any point, the same command goes on from the last epoch that it finished. It does not know how the
result is measured.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from homog_core import files
from homog_core.catalogue.models import MODELS
from homog_core.catalogue.recipes import RECIPES, Recipe, adapter_name
from homog_core.device import probe_device
from homog_core.errors import HomogError, InvalidInput
from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.runs.questions import question_ids_sha256
from homog_core.sampling.weights import adapter_folder, find_model, local_adapter, local_weights
from homog_core.training import data, trainer
from homog_core.training.card import GEMMA_NOTICE, model_card
from homog_core.training.distance import Ruler
from homog_core.training.pairs import training_rows

MOST_LOST = 1.0  # nats of log-probability by which a preference stage may make its preferred answers less likely
_LAST_LOGGED = 5  # logged steps that are averaged for it
_MARK = "recipe.json"  # in the folder of a training: what it is
_SMOKE_QUESTIONS, _SMOKE_BATCH, _SMOKE_STEPS = 8, 2, 5


def train(recipe: Recipe, model: str = "gemma-3-270m", *, smoke: bool = False, say: Say = print) -> Path:
    """Train one stage on `model` and return the folder of its adapter, `<cache>/models/<model>-<stage>[-seedS]`.

    `smoke` takes a handful of questions and steps. Raises `HomogError` where the training packages are missing, where
    a stage that is needed has not been trained, where another process trains this one, where a training question is too
    close to one that must not be seen, where the preferred answers of a preference stage became less likely by more
    than `MOST_LOST`, and where a control does not get as far from SFT as its stage.
    """
    _require_packages()
    _check_settings(recipe)
    base = find_model(model)
    if base.adapter:
        raise InvalidInput(f"{model} is itself an adapter; give the model that it was trained from.")
    name = adapter_name(base.key, recipe.stage, recipe.seed, "-smoke" if smoke else "")
    _check_is_ours(name)
    with _alone(name):
        return _train(replace(recipe, batch_size=_SMOKE_BATCH) if smoke else recipe, base, name, smoke, say)


def _train(recipe: Recipe, base: ModelSpec, name: str, smoke: bool, say: Say) -> Path:
    """Train a stage of `base` as the adapter `name`."""
    suffix = "-smoke" if smoke else ""
    parent = _needed(base, recipe.parent, recipe.seed, suffix)
    target = _needed(base, recipe.matches, recipe.seed, suffix)
    if target:
        _check_is_from(target, parent)
    started = time.monotonic()
    say("Preparing the data")
    questions = data.training_questions()[: _SMOKE_QUESTIONS if smoke else None]
    rows = training_rows(recipe, questions, parent or base, say)
    log = _log(recipe, base, parent, target, rows, smoke)
    work = files.cache() / "models" / ".training" / name
    _start_or_resume(work, log)
    ruler = Ruler(parent, say) if parent else None
    stop = ruler.stop_at(target, say) if target else None
    stage = trainer.make_trainer(
        recipe, base, parent, rows, work, _SMOKE_STEPS if smoke else -1, say, filter(None, [stop])
    )
    say(f"Training {name} on {len(rows)} examples")
    trainer.run(stage, work)
    if recipe.beta:
        _check_preferred(stage.state.log_history, recipe.beta, name)
    reached = ruler.distance(stage.model) if ruler else None
    if stop and not smoke:
        _check_matches(reached, stop.goal, name)
    log |= {
        "nats_from_sft": reached,
        "nats_of_target": stop.goal if stop else None,
        "seconds_of_last_attempt": round(time.monotonic() - started, 1),
        "history": stage.state.log_history,
    }
    folder = _save(stage.model, name, base, log)
    trainer.forget(work, _MARK)
    return folder


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold the lock of an adapter's training. Raises `HomogError` where another process does."""
    from filelock import FileLock, Timeout

    folder = files.make_folder(files.cache() / "models" / ".training")
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            yield
    except Timeout:
        raise HomogError(f"{name} is being trained by another process; wait for it or stop it.") from None


def _require_packages() -> None:
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ImportError as error:
        raise HomogError(
            "Training needs trl: install this library with its extra, `pip install -e '.[train]'`."
        ) from error


def _needed(base: ModelSpec, stage: str | None, seed: int, suffix: str) -> ModelSpec | None:
    """The model of a stage that has to be there, of the same seed; None where none has to.

    Raises `HomogError` where its adapter is not there.
    """
    if stage is None:
        return None
    name = adapter_name(base.key, stage, seed, suffix)
    if adapter_folder(name) is None:
        raise HomogError(f"This stage needs {name}, which is not there; train that one first, as `train {stage}`.")
    return replace(base, key=name, adapter=name, stage="sft" if stage == "sft" else "dpo", parent=base.key)


def _log(
    recipe: Recipe,
    base: ModelSpec,
    parent: ModelSpec | None,
    target: ModelSpec | None,
    rows: Sequence[dict[str, Any]],
    smoke: bool,
) -> dict[str, Any]:
    """All that decides what comes out: a training that was killed goes on only where this is the same."""
    return {
        "recipe": asdict(recipe),
        "smoke": smoke,
        "base": {"model": base.key, "source": _portable(base.source), "revision": local_weights(base).revision},
        "parent": parent.key if parent else None,
        "parent_revision": local_adapter(parent).revision if parent else None,
        "target_revision": local_adapter(target).revision if target else None,
        "n_examples": len(rows),
        "n_questions": len({row["id"] for row in rows}),
        "rows_sha256": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
        "question_ids_sha256": question_ids_sha256({row["id"] for row in rows}),
        "largest_overlap_with": data.check_for_leaks([row["question"] for row in rows]),
        "device": probe_device().name,
        "packages": {package: version(package) for package in ("torch", "transformers", "peft", "trl")},
    }


def _check_settings(recipe: Recipe) -> None:
    """Raise `InvalidInput` where a setting would make another stage of this one."""
    own = RECIPES[recipe.stage]
    for name in ("beta", "nll"):
        value = getattr(recipe, name)
        if (value is None) != (getattr(own, name) is None) or (value is not None and value < 0) or recipe.beta == 0:
            raise InvalidInput(
                f"--{name} is {value} for {recipe.stage}; only dpo and typical have it, and β is above 0 there."
            )


def _check_is_from(target: ModelSpec, parent: ModelSpec) -> None:
    """Raise `HomogError` where a stage to be matched continues another SFT model than this one does."""
    path = adapter_folder(target.adapter) / "training_log.json"
    try:
        log = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise HomogError(f"{path} does not read ({error}); train {target.key} again.") from error
    if not isinstance(log, dict) or log.get("parent_revision") != local_adapter(parent).revision:
        raise HomogError(f"{target.key} continues another {parent.key} than the one that is here; train it again.")


def _check_is_ours(name: str) -> None:
    """Raise `InvalidInput` where the folder of that name under `models/` is not this command's to write."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise InvalidInput(f"{name!r} is no name for an adapter; use lower-case letters, digits, '.', '-' and '_'.")
    folder = files.cache() / "models" / name
    if folder.exists() and not (folder / "training_log.json").is_file():
        raise InvalidInput(f"{folder} holds something else; move it away first.")


def _check_preferred(history: Sequence[dict[str, Any]], beta: float, name: str) -> None:
    """Raise `HomogError` where the preferred answers lost more than `MOST_LOST` nats in the last logged steps."""
    rewards = [float(row["rewards/chosen"]) for row in history if "rewards/chosen" in row]
    lost = -sum(rewards[-_LAST_LOGGED:]) / max(len(rewards[-_LAST_LOGGED:]), 1) / beta
    if lost > MOST_LOST:
        raise HomogError(
            f"{name} is broken: the answers that it was to prefer became less likely by {lost:.1f} nats. "
            "Use a lower learning rate or a larger weight of their likelihood."
        )


def _check_matches(reached: float, goal: float, name: str) -> None:
    """Raise `HomogError` where a control has not moved as far from SFT as the stage that it is compared with."""
    if reached < goal:
        raise HomogError(
            f"{name} is {reached:.3f} nats from the SFT model, and its stage is {goal:.3f}: they do not match. Give "
            "more --epochs or a higher --learning-rate."
        )


def _portable(source: str) -> str:
    """A source without the folders of this machine."""
    return Path(source).name if Path(source).is_absolute() else source


@files.disk_errors("The checkpoints")
def _start_or_resume(work: Path, log: dict[str, Any]) -> None:
    """Keep the checkpoints of an earlier attempt at exactly this; throw those of anything else away."""
    mark = work / _MARK
    wanted = json.dumps(log, sort_keys=True)
    if work.is_dir() and not (mark.is_file() and mark.read_text() == wanted):
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    mark.write_text(wanted)


@files.disk_errors("The adapter")
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
        (partial / "NOTICE").write_text(GEMMA_NOTICE)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    return folder
