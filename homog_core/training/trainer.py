"""The trl trainer of a stage: LoRA by peft, with the base weights frozen.

It does not know where the rows come from, and does not write the adapter.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homog_core.catalogue.recipes import Recipe
from homog_core.device import keep_freed_memory
from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.sampling.weights import adapter_folder, local_weights

if TYPE_CHECKING:
    import torch

_WHOLE = "whole"  # the file in a checkpoint that is written last


def make_trainer(
    recipe: Recipe,
    base: ModelSpec,
    parent: ModelSpec | None,
    rows: Sequence[dict[str, Any]],
    work: Path,
    max_steps: int,
    say: Say,
    callbacks: Iterable[Any] = (),
) -> Any:
    """The trainer of a stage, ready to run. `parent` is the model that it continues, `work` is for its checkpoints.

    `callbacks` are transformers' own kind.
    """
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    class AnswersSFTTrainer(AnswersAlone, SFTTrainer):
        """Supervised fine-tuning."""

    class AnswersDPOTrainer(AnswersAlone, DPOTrainer):
        """Direct preference optimisation; its reference is the adapter that it starts from."""

    folder = local_weights(base, say).folder
    keep_freed_memory()
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
    )
    if parent:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter_folder(parent.adapter), is_trainable=True)
    columns = [{key: value for key, value in row.items() if key not in ("id", "question")} for row in rows]
    if not recipe.beta:
        columns = [{key: value for key, value in row.items() if key != "length"} for row in columns]
    settings = {
        "model": model,
        "callbacks": list(callbacks),
        "train_dataset": Dataset.from_list(columns),
        "processing_class": AutoTokenizer.from_pretrained(folder, trust_remote_code=False),
    }
    arguments = _arguments(recipe, work, max_steps)
    if recipe.beta:
        args = DPOConfig(
            **arguments,
            beta=recipe.beta,
            loss_type=["sigmoid", "sft"],
            loss_weights=[1.0, recipe.nll],
            precompute_ref_log_probs=True,
            remove_unused_columns=False,  # so that the sampler that groups by length still sees the lengths
        )
        return AnswersDPOTrainer(**settings, args=args)
    return AnswersSFTTrainer(**settings, args=SFTConfig(**arguments), peft_config=None if parent else _lora(recipe))


def run(trainer: Any, work: Path) -> None:
    """Train to the end, from the last whole checkpoint in `work` if there is one."""
    from transformers import TrainerCallback

    class KeepLast(TrainerCallback):
        """Marks a checkpoint when all of it is written, and only then takes the ones before it away.

        transformers marks none, so that one that a kill has cut short would be gone on from; and it takes away those
        with an older time, which after the clock was set back is the newest.
        """

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            last = work / f"checkpoint-{state.global_step}"
            (last / _WHOLE).touch()
            for other in set(work.glob("checkpoint-*")) - {last}:
                forget(other, _WHOLE)

    trainer.add_callback(KeepLast())
    last = max(work.glob(f"checkpoint-*/{_WHOLE}"), key=lambda mark: int(mark.parent.name.split("-")[1]), default=None)
    trainer.train(resume_from_checkpoint=str(last.parent) if last else None)


def forget(folder: Path, mark: str) -> None:
    """Delete a folder, and first the file by which it counts as whole."""
    (folder / mark).unlink(missing_ok=True)
    shutil.rmtree(folder)


class AnswersAlone:
    """Lets a trl trainer score the positions of the answers alone, on every device.

    On a GPU trl does so itself. On a CPU it also scores every position of the prompts and of the padding against the
    vocabulary, and throws that away: two thirds of the work here. The losses are the same.
    """

    def compute_loss(self, model: Any, *arguments: Any, **options: Any) -> Any:
        """The loss of a batch."""
        return super().compute_loss(answers_alone(model), *arguments, **options)

    def compute_ref_log_probs(self, model: Any, inputs: Any) -> Any:
        """What DPO's reference says of a batch."""
        return super().compute_ref_log_probs(answers_alone(model), inputs)


def answers_alone(model: Any) -> Callable[..., Any]:
    """The forward pass of a model with trl's fused head, over the positions that have a label alone.

    The hidden states of those positions go to the head as if they were one sequence; what it finds for each is put back
    to its place, with 0 everywhere else as trl has it.
    """

    def forward(labels: "torch.Tensor", **inputs: Any) -> Any:
        labels = labels[:, 1:]  # (B, T − 1): a position is scored by the token after it
        mask = labels != -100

        def select(backbone: Any, arguments: Any, output: Any) -> None:
            output.last_hidden_state = output.last_hidden_state[:, :-1][mask][None]  # (1, M, d)

        hook = model.get_decoder().register_forward_hook(select)
        try:
            found = model(**inputs, shift_labels=labels[mask][None])
        finally:
            hook.remove()
        for name, value in list(found.items()):
            if value.ndim == 2:  # of each token; the losses are numbers
                found[name] = value.new_zeros(mask.shape).masked_scatter(mask, value)
        return found

    return forward


def _arguments(recipe: Recipe, work: Path, max_steps: int) -> dict[str, Any]:
    """What transformers is told, whatever the loss."""
    import torch

    return {
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
        "report_to": "none",
    }


def _lora(recipe: Recipe) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
