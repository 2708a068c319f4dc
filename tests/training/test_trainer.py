"""The forward pass over the answers alone, against trl's own over every position."""

import pytest
import torch
from fakes import tiny_model
from trl.trainer.utils import add_fused_lm_head

from homog_core.training.trainer import answers_alone

LABELS = torch.tensor([[-100, -100, 7, 9, 1], [-100, -100, -100, 12, -100]])  # a prompt, an answer, padding


@pytest.fixture
def model(monkeypatch):
    """A tiny model with trl's fused head that notes for how many positions it was asked."""
    model = tiny_model("gemma3")
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    forward, model.n_scored = model.forward, []

    def noted(**inputs):
        model.n_scored.append(inputs["shift_labels"].numel() if "shift_labels" in inputs else inputs["labels"].numel())
        return forward(**inputs)

    monkeypatch.setattr(model, "forward", noted)
    return model


def test_what_is_scored_is_what_trl_scores(model):
    inputs = {"input_ids": torch.arange(10).view(2, 5), "labels": LABELS, "fused_lm_head": True}
    whole, alone = model(**inputs), answers_alone(model)(**inputs)
    assert model.n_scored == [10, 4]  # four tokens are answers
    assert alone.keys() == whole.keys()
    assert alone.label_mask.tolist() == [[False, True, True, True], [False, False, True, False]]
    for name, value in whole.items():
        torch.testing.assert_close(alone[name], value, rtol=1e-4, atol=1e-6)
    assert (alone.log_probs[alone.label_mask] < 0).all()


def test_gradients_are_those_of_trl(model):
    inputs = {"input_ids": torch.arange(10).view(2, 5), "labels": LABELS, "fused_lm_head": True}
    gradients = []
    for forward in (model, answers_alone(model)):
        model.zero_grad()
        forward(**inputs).loss.backward()
        gradients.append({name: value.grad.clone() for name, value in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-5)
    assert any(gradient.any() for gradient in gradients[0].values())


def test_the_model_is_left_as_it_was(model):
    inputs = {"input_ids": torch.arange(10).view(2, 5), "labels": LABELS, "fused_lm_head": True}
    before = model(**inputs).log_probs
    answers_alone(model)(**inputs)
    assert torch.equal(model(**inputs).log_probs, before)
