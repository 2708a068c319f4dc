"""The model card of an adapter, made from its training log and `model_card.md.j2` alone."""

from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from homog_core.catalogue.recipes import RECIPES
from homog_core.training import data, pairs

GEMMA_NOTICE = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n\n"
    "These files are a Model Derivative: an adapter trained on google/gemma-3-270m for this project. The base weights "
    "were not changed and are not contained in them.\n"
)


def model_card(name: str, log: dict[str, Any]) -> str:
    """The README of the adapter `name`."""
    text = Path(__file__).with_name("model_card.md.j2").read_text(encoding="utf-8")
    spacing = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    template = Template(text, undefined=StrictUndefined, **spacing)
    return template.render(
        log,
        name=name,
        command=_command(log),
        losses=[float(row["loss"]) for row in log["history"] if "loss" in row],
        same_question=data.OVERLAP,
        training_set=data.TRAINING_SET,
        pairs=pairs,
    )


def _command(log: dict[str, Any]) -> str:
    """The command that makes the adapter again."""
    recipe, model = log["recipe"], log["base"]["model"]
    default, smoke = RECIPES[recipe["stage"]], log.get("smoke")
    changed = {
        field: recipe[field]
        for field in ("seed", "learning_rate", "epochs", "beta", "nll")
        if recipe.get(field) is not None and recipe[field] != getattr(default, field)
    }
    options = [f"--{field.replace('_', '-')} {value}" for field, value in changed.items()]
    if model != "gemma-3-270m":
        options.append(f"--model {model}")
    if smoke:
        options.append("--smoke")
    return " ".join(["python -m homog_core train", recipe["stage"], *options])
