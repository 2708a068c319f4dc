"""The recipes of the adapters that ship in `cache/models/`: everything that decides what a stage learns, but the data.

base → SFT → DPO, and the control: SFT continued on the same answers without preferences.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one stage is trained."""

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
