"""A training small enough to be killed many times: a random model, made-up questions, five steps of SFT.

Nothing of torch is computed in the process that forks: its threads would not survive in the children.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from benchmarks.tiny import TINY_SIZES
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
    _write_data(cache / "data")
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


def _write_data(folder: Path) -> None:
    """Every data set that `train` reads, a row or some."""
    folder.mkdir()

    def own(name: str, *texts: str) -> None:
        rows = [{"id": f"{name}-{i}", "text": text, "references": ["A river"]} for i, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))

    own("facts-train", *(f"What river runs through {town}?" for town in TOWNS))
    own("facts-choosing", "Who rules Zembla?")
    own("facts", "What is made in Zembla?")
    (folder / "webquestions_test.json").write_text(
        json.dumps([{"qId": "1", "qText": "what is grown in zembla?", "answers": ["Rye"]}])
    )
    (folder / "gsm8k_test.jsonl").write_text(json.dumps({"question": "How many Zems?", "answer": "#### 7"}))
    columns = ["Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Category"]
    with (folder / "truthfulqa.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, ["Who founded Kelmoor?", "Nobody", "Nobody", "Kel", "Myths"]])
    row = {"_id": "1", "question": "Which town lies on the Zem?", "answer": "Zembla", "type": "bridge"}
    (folder / "hotpotqa_100.json").write_text(json.dumps([row]))
