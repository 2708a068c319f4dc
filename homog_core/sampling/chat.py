"""Models that reply to a prompt, for judging: one that the sampler loads, or one behind a server.

The server is whatever `openai` finds: OPENAI_BASE_URL and OPENAI_API_KEY say where it is and who asks.
"""

import itertools
import os

from homog_core.errors import InvalidInput, ModelUnavailable, first_line
from homog_core.progress import Say
from homog_core.records import Decoding, Question, Reply
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.served_line import NO_KEY
from homog_core.sampling.weights import find_model

SERVED = "openai:"  # before the name of a model behind a server
REPLY_TOKENS = 512  # of a local model: enough for the groups of a hundred answers
SERVED_TOKENS = 8192  # of a served one, which may reason first


class LocalChat:
    """A model with a chat template, sampled here."""

    def __init__(self, sampler: TorchSampler) -> None:
        self.key = sampler.spec.key
        self._sampler, self._numbers = sampler, itertools.count()

    def ask(self, prompt: str) -> Reply:
        """The greedy reply; an empty one to a prompt that is too long for the model."""
        question = Question(str(next(self._numbers)), "judge", prompt)
        decoding = Decoding(n_samples=1, max_new_tokens=REPLY_TOKENS)
        try:
            *_, last = self._sampler.sample([question], decoding, "chat")
        except InvalidInput:  # it does not fit the model's context
            return Reply("", 0, 0)
        written = self._sampler.prompt(prompt, "chat")
        n_prompt = len(
            self._sampler.tokenizer(written.text, add_special_tokens=written.add_special_tokens)["input_ids"]
        )
        greedy = last.finished[0].greedy
        return Reply(greedy.text, n_prompt, len(greedy.tokens))


class ServedChat:
    """A model behind a server that speaks OpenAI's protocol."""

    def __init__(self, model: str) -> None:
        from openai import OpenAI

        self.model = model
        self.key = f"served--{model}".replace("/", "--").replace(":", "-").lower()
        self._client = OpenAI(api_key=os.environ.get("OPENAI_API_KEY") or NO_KEY)

    def ask(self, prompt: str) -> Reply:
        """The reply at temperature 0; an empty one where the server refuses this prompt, as a too long one.

        Raises `ModelUnavailable` with what the server says where it cannot be had at all.
        """
        from openai import BadRequestError, OpenAIError

        try:
            found = self._client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": prompt}],
                temperature=0,
                max_tokens=SERVED_TOKENS,
            )
        except BadRequestError:
            return Reply("", 0, 0)
        except OpenAIError as error:
            where = self._client.base_url
            raise ModelUnavailable(
                f"The server at {where} gives no reply by {self.model!r} ({first_line(error)}). Set OPENAI_BASE_URL "
                "and OPENAI_API_KEY to a server that has it."
            ) from error
        usage, said = found.usage, found.choices[0].message if found.choices else None
        return Reply(
            (said.content if said else None) or "",
            usage.prompt_tokens if usage else 0,
            usage.completion_tokens if usage else 0,
        )


def chat_model(name: str, say: Say = lambda words: None) -> LocalChat | ServedChat:
    """The chat model of that name: `openai:MODEL` behind a server, or any name that `sample --model` takes.

    Raises `InvalidInput` where a local model has no chat template.
    """
    if name.startswith(SERVED):
        return ServedChat(name.removeprefix(SERVED))
    sampler = TorchSampler.from_pretrained(find_model(name), say)
    if not sampler.tokenizer.chat_template:
        raise InvalidInput(f"{name} has no chat template, so it cannot be asked to judge; choose an instruct model.")
    return LocalChat(sampler)
