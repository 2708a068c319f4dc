"""Model cards: those that ship come out of their logs (tests/sampling/test_shipped_models.py); here, the variants."""

import copy
import json

import pytest
from jinja2 import UndefinedError

from homog_core import files
from homog_core.training.card import model_card


@pytest.fixture
def log():
    """The log of the shipped DPO adapter; a test may change it."""
    return copy.deepcopy(json.loads((files.SHIPPED / "models" / "gemma-3-270m-dpo" / "training_log.json").read_text()))


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
    assert "| wall time | 1.5 minutes on two CPU cores;" in card


def test_a_log_without_what_the_card_says_is_an_error(log):
    del log["parent"]
    with pytest.raises(UndefinedError, match="parent"):
        model_card("x", log)
