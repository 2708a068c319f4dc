"""What all figures share."""

import pytest

from homog_core.figures.theme import ROLE_COLORS, ink_on, role_colors


def test_text_is_dark_on_the_light_colours_of_models():
    assert [ink_on(color) for color in ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")] == [
        "#ffffff",
        *["#1a2026"] * 4,
    ]


def test_a_model_has_the_colour_of_what_it_stands_for():
    assert role_colors(["base", "sft", "control", "dpo"]) == [ROLE_COLORS[r] for r in ("base", "sft", "control", "dpo")]
    assert len(set(role_colors(["base", "sft", "control", "dpo", None]))) == 5


@pytest.mark.parametrize("role", list(ROLE_COLORS))
def test_four_models_of_one_role_differ_by_shade_and_the_first_has_the_pure_colour(role):
    found = role_colors([role] * 4)
    assert found[0] == ROLE_COLORS[role]
    assert len(set(found)) == 4


def test_what_stands_before_does_not_change_a_colour():
    assert role_colors(["base", "dpo"])[1] == role_colors(["dpo"])[0] == role_colors(["sft", "base", "dpo"])[2]
