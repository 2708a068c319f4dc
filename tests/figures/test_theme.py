"""What all figures share."""

from homog_core.figures.theme import MODEL_COLORS, ink_on


def test_text_is_dark_on_the_light_colours_of_models():
    assert [ink_on(color) for color in MODEL_COLORS] == ["white", "#1a2026", "#1a2026", "#1a2026"]
