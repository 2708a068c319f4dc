"""A training small enough to be killed many times: a random model, made-up questions, five steps of SFT.

Nothing of torch is computed in the process that forks: its threads would not survive in the children.
"""

import hashlib
import os
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from benchmarks.tiny import TINY_SIZES, write_training_data
from homog_core import files
from homog_core.catalogue.recipes import RECIPES
from homog_core.training import pairs
from homog_core.training.train import train

TOWNS = ("Alsun", "Brevik", "Corvid")  # so few that the second of five steps ends an epoch, after which is a checkpoint
ADAPTER = "tiny-sft-smoke"


def prepare() -> None:
    """Make the model and the data sets in the experiment's folder; an answer of an even number of tokens is right."""
    import peft  # noqa: F401  here, so that no child has to import them
    import trl  # noqa: F401

    cache = Path(os.environ["HOMOG_CACHE"])
    os.environ["HOMOG_DATA"] = str(cache / "data")
    towns = [f"What river runs through {town}?" for town in TOWNS]
    write_training_data(cache / "data", towns, ["Who rules Zembla?"])
    pairs.is_acceptable = lambda question, response: len(response.tokens) % 2 == 0
    in_child(lambda: _write_model(cache / "tiny"))


def train_stage() -> None:
    """The command that is killed; what it says goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    train(RECIPES["sft"], str(Path(os.environ["HOMOG_CACHE"]) / "tiny"), smoke=True, say=lambda words: None)


def in_child(work: Callable[[], object]) -> int | None:
    """Do some work in a process of its own; its exit status."""
    process = get_context("fork").Process(target=work)
    process.start()
    process.join()
    return process.exitcode


def adapter_hash() -> str | None:
    """The hash of the weights of the adapter; None where there is none to be seen."""
    path = files.cache() / "models" / ADAPTER / "adapter_model.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def half_made() -> list[str]:
    """What of an adapter that is not whole can be seen."""
    folder = files.cache() / "models" / ADAPTER
    wanted = ("adapter_config.json", "adapter_model.safetensors", "training_log.json", "README.md")
    missing = [name for name in wanted if folder.is_dir() and not (folder / name).is_file()]
    return [f"half made: an adapter without {name}" for name in missing]


def left_behind() -> list[str]:
    """What lies about beside a finished adapter."""
    models = files.cache() / "models"
    found = [*models.glob(".*.partial"), *(models / ".training").glob("*/")]
    return [f"left behind: {path.name}" for path in found]


def _write_model(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**TINY_SIZES))
    model.generation_config.eos_token_id = [1, *range(40, 80)]  # so that a random model ends some of its answers
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "</s>", "<pad>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(["Q: What river runs through the old town of Kelmoor, and is it wide?\nA:"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    wrapped.save_pretrained(folder)
