"""The recipes of the adapters that ship in `cache/models/`: everything that decides what a stage learns, but the data.

base → SFT → DPO or the typicality stage, and for each of those two its control: SFT continued on the same preferred
answers without the preference.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one stage is trained."""

    stage: str  # a key of RECIPES
    learning_rate: float
    epochs: float
    preferred: str | None = None  # of the SFT model's own right answers: `right`, any; `commonest`, the commonest one
    beta: float | None = None  # DPO's pull towards its reference
    nll: float | None = None  # weight of the preferred answers' negative log-likelihood beside DPO's loss
    matches: str | None = None  # of a control: it stops when it is as far from SFT as the adapter of this stage
    batch_size: int = 8
    rank: int = 16  # of LoRA, on all linear layers of the transformer
    alpha: int = 32
    seed: int = 0

    @property
    def parent(self) -> str | None:
        """The stage whose adapter this one continues; None: it starts from the base."""
        return None if self.stage == "sft" else "sft"


RECIPES: dict[str, Recipe] = {
    "sft": Recipe("sft", learning_rate=2e-4, epochs=3),
    "dpo": Recipe("dpo", learning_rate=1e-4, epochs=3, preferred="right", beta=0.1, nll=1.0),
    "sft-continued": Recipe("sft-continued", learning_rate=2e-4, epochs=8, preferred="right", matches="dpo"),
    "typical": Recipe("typical", learning_rate=1e-4, epochs=3, preferred="commonest", beta=0.1, nll=1.0),
    "typical-continued": Recipe(
        "typical-continued", learning_rate=2e-4, epochs=16, preferred="commonest", matches="typical"
    ),
}


def adapter_name(base: str, stage: str, seed: int, suffix: str = "") -> str:
    """How the adapter of a stage is called: the seed in the box has the bare name."""
    return f"{base}-{stage}{f'-seed{seed}' if seed else ''}{suffix}"


def recipe_of(model: str) -> Recipe | None:
    """The recipe that a model was trained by, by the end of its name; None for a model that is not from here.

    The longest stage that fits, since a control has the name of another stage in it.
    """
    name = without_seed(model)[0]
    return RECIPES.get(max((stage for stage in RECIPES if name.endswith(f"-{stage}")), key=len, default=""))


def without_seed(name: str) -> tuple[str, int]:
    """The name of an adapter's stage and its seed: the inverse of `adapter_name`."""
    found = re.fullmatch(r"(.+)-seed(\d+)", name)
    return (found[1], int(found[2])) if found else (name, 0)
