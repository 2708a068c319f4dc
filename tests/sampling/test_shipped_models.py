"""The adapters that ship with the project: what is in their folders, and what the engine records of them."""

import json

import pytest
import torch
from safetensors.torch import load_file

from homog_core import files
from homog_core.catalogue.models import GGUF_WHEELS, MODELS
from homog_core.sampling.weights import availability, local_adapter
from homog_core.training import data
from homog_core.training.card import model_card

# The control of the typicality stage ships as runs alone.
ADAPTERS = [spec for spec in MODELS.values() if spec.adapter and spec.key != "gemma-3-270m-typical-continued"]
each_adapter = pytest.mark.parametrize("spec", ADAPTERS, ids=lambda spec: spec.key)


def folder_of(spec):
    return files.SHIPPED / "models" / spec.adapter


@each_adapter
def test_an_adapter_ships_whole_small_and_with_its_notice(spec):
    folder = folder_of(spec)
    weights = folder / "adapter_model.safetensors"
    assert weights.stat().st_size < 10e6
    assert {value.dtype for value in load_file(weights).values()} == {torch.bfloat16}
    assert all(torch.isfinite(value).all() for value in load_file(weights).values())
    assert "Gemma Terms of Use" in (folder / "NOTICE").read_text()
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "gemma-3-270m"
    assert availability(spec).state in ("ready", "prepare")


def log_of(key):
    """The training log of a shipped adapter."""
    return json.loads((files.SHIPPED / "models" / key / "training_log.json").read_text())


@each_adapter
def test_the_card_is_what_the_log_says(spec):
    log = log_of(spec.adapter)
    assert (folder_of(spec) / "README.md").read_text() == model_card(spec.key, log)
    assert log["parent"] == (None if spec.parent == "gemma-3-270m" else spec.parent)
    assert log["base"]["revision"] == f"gguf-sha256:{GGUF_WHEELS[spec.source].sha256}"
    assert max(log["largest_overlap_with"].values()) < data.OVERLAP
    assert set(log["largest_overlap_with"]) == set(data.FORBIDDEN)


def test_preference_and_control_saw_the_same_questions_and_moved_as_far():
    dpo, control = log_of("gemma-3-270m-dpo"), log_of("gemma-3-270m-sft-continued")
    sft = local_adapter(MODELS["gemma-3-270m-sft"]).revision
    assert dpo["parent_revision"] == control["parent_revision"] == sft
    assert control["target_revision"] == local_adapter(MODELS["gemma-3-270m-dpo"]).revision
    assert dpo["question_ids_sha256"] == control["question_ids_sha256"]
    assert dpo["n_examples"] == control["n_examples"]
    assert control["nats_of_target"] <= control["nats_from_sft"] < 1.2 * control["nats_of_target"]
    for field in ("batch_size", "rank", "alpha", "seed", "preferred"):
        assert dpo["recipe"][field] == control["recipe"][field]
