"""Train one stage: its data, its trainer, and the folder of its adapter. The command `train`.

SFT starts from the base; DPO and the control start from a copy of the SFT adapter, so that every stage is one
self-contained adapter. Killed at any point, the same command goes on from the last epoch that it finished. It does not
know how the result is measured.
"""

import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from homog_core import files
from homog_core.catalogue.models import MODELS
from homog_core.errors import HomogError, InvalidInput
from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.runs.questions import question_ids_sha256
from homog_core.sampling.weights import adapter_folder, find_model, local_adapter, local_weights
from homog_core.training import data, trainer
from homog_core.training.card import GEMMA_NOTICE, model_card
from homog_core.training.pairs import training_rows
from homog_core.training.recipe import Recipe

_SMOKE_EXAMPLES, _SMOKE_BATCH, _SMOKE_STEPS = 8, 2, 5


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
    parent = _parent(base, f"{base.key}-{recipe.parent}{suffix}") if recipe.parent else None
    name = _checked_name(name or f"{base.key}-{recipe.stage}{suffix}", parent)
    started = time.monotonic()
    say("Preparing the data")
    examples = data.training_examples("dpo" if parent else "sft", recipe.seed)[: _SMOKE_EXAMPLES if smoke else None]
    rows = training_rows(recipe, examples, parent, say)
    log = {
        "recipe": asdict(recipe),
        "smoke": smoke,
        "base": {"model": base.key, "source": _portable(base.source), "revision": local_weights(base, say).revision},
        "parent": parent.key if parent else None,
        "parent_revision": local_adapter(parent).revision if parent else None,
        "n_examples": len(rows),
        "rows_sha256": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
        "question_ids_sha256": question_ids_sha256(row["id"] for row in rows),
        "largest_overlap_with": data.check_for_leaks([row["question"] for row in rows]),
        "packages": {package: version(package) for package in ("torch", "transformers", "peft", "trl")},
    }
    work = files.cache() / "models" / ".training" / name
    _start_or_resume(work, log)
    stage = trainer.make_trainer(recipe, base, parent, rows, work, _SMOKE_STEPS if smoke else -1, say)
    say(f"Training {name} on {len(rows)} examples")
    trainer.run(stage, work)
    log |= {"seconds_of_last_attempt": round(time.monotonic() - started, 1), "history": stage.state.log_history}
    folder = _save(stage.model, name, base, log)
    shutil.rmtree(work)
    return folder


def _require_packages() -> None:
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ImportError as error:
        raise HomogError(
            "Training needs trl: install this library with its extra, `pip install -e '.[train]'`."
        ) from error


def _parent(base: ModelSpec, name: str) -> ModelSpec:
    """The model that a stage continues. Raises `HomogError` where its adapter is not there."""
    if adapter_folder(name) is None:
        raise HomogError(f"This stage continues {name}, which is not there; train that one first, as `train sft`.")
    return replace(base, key=name, adapter=name, stage="sft", parent=base.key)


def _checked_name(name: str, parent: ModelSpec | None) -> str:
    """`name`, if a folder of that name under `models/` is this command's to write."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise InvalidInput(f"{name!r} is no name for an adapter; use lower-case letters, digits, '.', '-' and '_'.")
    folder = files.cache() / "models" / name
    is_parent = parent is not None and name == parent.key
    if is_parent or (folder.exists() and not (folder / "training_log.json").is_file()):
        raise InvalidInput(f"{folder} holds something else that is needed; choose another --name.")
    return name


def _portable(source: str) -> str:
    """A source without the folders of this machine."""
    return Path(source).name if Path(source).is_absolute() else source


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
        (partial / "NOTICE").write_text(GEMMA_NOTICE)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    return folder
