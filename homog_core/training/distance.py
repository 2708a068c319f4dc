"""How far a stage has moved from the SFT model: the mean KL divergence of its next-token distributions, in nats.

Over the tokens of the SFT model's own greedy answers to every second question of the choosing part, which nothing is
trained on. A control is stopped where it is as far away as the stage that it is compared with.
"""

from typing import TYPE_CHECKING, Any

from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.runs.questions import load_questions
from homog_core.sampling.engine import TorchSampler
from homog_core.training.pairs import own_answers

if TYPE_CHECKING:
    import torch

CHOOSING_SET = "facts-choosing"
EVERY = 2  # the questions are sorted by family, so that this takes of all
STEPS_BETWEEN = 10  # optimiser steps between two looks at the distance


class Ruler:
    """The SFT model's distributions after each token of its own answers, to measure others against."""

    def __init__(self, sft: ModelSpec, say: Say) -> None:
        sampler = TorchSampler.from_pretrained(sft, say, "float32")
        questions = load_questions(CHOOSING_SET)[::EVERY]
        answers = own_answers(sampler, questions, 1, "plain", 0, say)
        self._rows: list[tuple[list[int], int]] = []  # tokens of prompt and answer, and how many are the prompt's
        for question in questions:
            prompt = sampler.tokenizer(sampler.prompt(question.text, "plain").text)["input_ids"]
            answer = sampler.tokenizer(f" {answers[question.id][-1].answer}", add_special_tokens=False)["input_ids"]
            self._rows.append(([*prompt, *answer], len(prompt)))
        self._sft = self._log_probabilities(sampler.activated())

    def distance(self, model: Any) -> float:
        """KL(model ‖ SFT) in nats, the mean over all positions."""
        found = self._log_probabilities(model)
        return float((found.exp() * (found - self._sft)).sum(dim=-1).mean())

    def stop_at(self, target: ModelSpec, say: Say) -> Any:
        """A callback that stops a training when its model is as far from SFT as `target` is, which is its `goal`."""
        from transformers import TrainerCallback

        ruler = self

        class StopAt(TrainerCallback):
            goal = ruler.distance(TorchSampler.from_pretrained(target, say, "float32").activated())

            def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
                if state.global_step % STEPS_BETWEEN == 0 and ruler.distance(model) >= self.goal:
                    control.should_training_stop = True

            def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                if control.should_training_stop:  # no checkpoint in the middle of an epoch: nobody could go on from it
                    control.should_save = False

        say(f"{target.key} is {StopAt.goal:.3f} nats from the SFT model")
        return StopAt()

    def _log_probabilities(self, network: Any) -> "torch.Tensor":
        """Log-probabilities (M, V) after every token of the answers, and after the last of the prompt.

        In the arithmetic of the weights: a network in training computes in bf16 unless its own forward pass is called.
        """
        import torch

        forward = getattr(network, "_original_forward", network)
        was_training = network.training
        network.eval()
        found = []
        with torch.no_grad():
            for tokens, start in self._rows:
                logits = forward(input_ids=torch.tensor([tokens], device=network.device)).logits[0, start - 1 :]
                found.append(torch.log_softmax(logits.float(), dim=-1).cpu())
        network.train(was_training)
        return torch.cat(found)
