"""The line to one served model: requests in OpenAI's protocol, and a sentence for every way in which they fail.

The key is read from the environment for every client and kept nowhere else; no sentence holds it.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from homog_core.catalogue.servers import Server
from homog_core.errors import HomogError, InvalidInput, ModelUnavailable, NotFound
from homog_core.sampling.prompts import Prompt

NO_KEY = "none"  # what a server of one's own is sent as a key; `openai` insists on one
_USUAL_KEY = "OPENAI_API_KEY"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_RETRIES = 5  # of a request that is refused for now or finds nobody, with growing pauses; `openai` makes them
_LIST_SECONDS = 3.0  # that a server has to say which models it has
_SHOWN = 200  # characters of what a server complains
# Orders that leave the distribution whole. A server may have top-k, min-p and penalties of its own (llama.cpp has, vLLM
# takes the model's); these words for "none" are read by vLLM, SGLang and llama.cpp.
_NEWER_LIMIT = "max_completion_tokens"
_WHOLE = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "repeat_penalty": 1.0}
_NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}  # as for a model on this machine


class BrokenStream(Exception):
    """An answer that did not arrive whole."""


class Refused(InvalidInput):
    """A request that the server does not take in this form."""


@dataclass(frozen=True, slots=True)
class Form:
    """In what form a server takes requests."""

    top: int  # likeliest tokens asked for; 0: no log-probabilities
    is_whole: bool  # whether it takes the order to leave the distribution whole
    limit: str = (
        "max_tokens"  # what it calls the token limit; newer models of OpenAI take `max_completion_tokens` alone
    )


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a model in one request."""

    prompt: Prompt
    is_chat: bool
    temperature: float
    top_p: float
    limit: int  # tokens
    seed: int
    n: int = 1  # answers


def key_of(server: Server) -> str:
    """What the server wants as a key. Raises `InvalidInput` where the variable that its entry names is not set.

    What is in OPENAI_API_KEY is for a server that proves who it is: unencrypted it stays on this machine. A key that an
    entry names a variable for goes wherever the entry says.
    """
    found = os.environ.get(server.key_variable, "").strip()
    if server.key_variable == _USUAL_KEY:
        parts = urlsplit(server.url)
        is_safe = parts.scheme == "https" or parts.hostname in _THIS_MACHINE
        return found if found and is_safe else NO_KEY
    if not found:
        raise InvalidInput(f"The key of the server at {server.host} is missing; set {server.key_variable} to it.")
    return found


class Line:
    """Requests to one model of a server, for one event loop. Close it with `aclosing`."""

    def __init__(self, server: Server, model: str) -> None:
        from openai import AsyncOpenAI

        self.server, self.model = server, model
        self.fingerprints: dict[str, None] = {}
        self._client = AsyncOpenAI(
            api_key=key_of(server), base_url=server.url, timeout=server.timeout, max_retries=_RETRIES
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def choices(self, order: Order, form: Form) -> list[dict[str, Any]]:
        """The choices of one answer that comes as a whole. Raises `Refused` and what `_sentence` makes."""
        try:
            found = await self._create(order, form, stream=False)
            content = found.to_dict(warnings=False)
        except Exception as error:
            raise self._sentence(error) from error
        choices = content.get("choices")
        return [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []

    async def stream(self, order: Order, form: Form) -> AsyncIterator[dict[str, Any]]:
        """The choices of every chunk, one by one. Raises `BrokenStream` where one does not arrive whole."""
        try:
            stream = await self._create(order, form, stream=True)
        except Exception as error:
            raise self._sentence(error) from error
        async with stream:
            try:
                async for chunk in stream:
                    content = chunk.to_dict(warnings=False)
                    self._note(content.get("system_fingerprint"))
                    choices = content.get("choices")
                    for choice in choices if isinstance(choices, list) else []:
                        if isinstance(choice, dict):
                            yield choice
            except (
                Exception
            ) as error:  # whatever reading and parsing can raise; what is done with a choice is not in it
                raise BrokenStream(self._said_by(error)) from error

    def _note(self, fingerprint: Any) -> None:
        if isinstance(fingerprint, str) and fingerprint and len(self.fingerprints) < 20:
            self.fingerprints[self._without_key(fingerprint)[:_SHOWN]] = None

    async def _create(self, order: Order, form: Form, *, stream: bool) -> Any:
        options: dict[str, Any] = {
            "model": self.model,
            "temperature": order.temperature,
            "top_p": order.top_p,
            form.limit: order.limit,
            "seed": order.seed,
            "n": order.n,
            "stream": stream,
        }
        extra = dict(_WHOLE) if form.is_whole else {}
        if not order.is_chat:
            logprobs = {"logprobs": form.top} if form.top else {}
            return await self._client.completions.create(
                prompt=order.prompt.text, **options, **logprobs, extra_body=extra
            )
        logprobs = {"logprobs": True, "top_logprobs": form.top} if form.top else {}
        extra |= _NO_THINKING if form.is_whole else {}
        messages = [{"role": "user", "content": order.prompt.text}]
        return await self._client.chat.completions.create(messages=messages, **options, **logprobs, extra_body=extra)

    def _sentence(self, error: Exception) -> HomogError:
        """What went wrong with a request, and what to do."""
        return _sentence(error, self.server, self.model)

    def _said_by(self, error: Exception) -> str:
        return _said_by(error, self.server)

    def _without_key(self, text: str) -> str:
        return _without_key(text, self.server)


async def first_choices(line: Line, order: Order, form: Form) -> tuple[list[dict[str, Any]], Form]:
    """The choices of an answer, and the fullest form up to `form` in which the server takes the request."""
    tops = sorted({form.top, min(form.top, 5), 0}, reverse=True)
    forms = [(top, whole) for top in tops for whole in ((True, False) if form.is_whole else (False,))]
    limit, last = form.limit, None
    for top, whole in forms:
        for name in dict.fromkeys((limit, _NEWER_LIMIT)):
            one = Form(top, whole, name)
            try:
                return await line.choices(order, one), one
            except Refused as error:
                last = error
                if _NEWER_LIMIT not in str(error) or not order.is_chat:
                    break
                limit = _NEWER_LIMIT  # it is named in the complaint about the usual one
    raise last


def list_models(server: Server) -> list[str]:
    """What a server calls its models, by `/models`. Raises `ModelUnavailable` and `InvalidInput`."""
    from openai import OpenAI

    with OpenAI(api_key=key_of(server), base_url=server.url, timeout=_LIST_SECONDS, max_retries=0) as client:
        try:
            found = client.models.list().to_dict(warnings=False).get("data")
        except Exception as error:
            raise _sentence(error, server, "") from error
    names = [one.get("id") for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [name for name in names if isinstance(name, str) and name.isprintable() and 0 < len(name) <= _SHOWN]


def _sentence(error: Exception, server: Server, model: str) -> HomogError:
    from openai import APIConnectionError, APIStatusError

    said, where = _said_by(error, server), f"The server at {server.host}"
    if isinstance(error, HomogError):
        return error
    if isinstance(error, APIStatusError):
        match error.status_code:
            case 401 | 403:
                return ModelUnavailable(f"{where} refuses the key in {server.key_variable}; correct it.")
            case 404:
                return NotFound(f"{where} has no {model!r} ({said}). `homog models --server URL` lists what it has.")
            case 400 | 422:
                return Refused(f"{where} does not take the request for {model!r} ({said}).")
            case 429:
                return ModelUnavailable(f"{where} takes no more requests for now ({said}); go on later.")
        return ModelUnavailable(f"{where} failed with status {error.status_code} ({said}); go on later.")
    if isinstance(error, APIConnectionError):
        return ModelUnavailable(f"{where} does not answer ({said}). Start it, or correct its address.")
    return ModelUnavailable(f"{where} gave an answer that does not read ({said}). Is it a server of OpenAI's protocol?")


def _said_by(error: Exception, server: Server) -> str:
    """The first line of what an error says, cut, without the key."""
    lines = (str(error) or type(error).__name__).strip().splitlines() or [type(error).__name__]
    return _without_key(lines[0], server)[:_SHOWN]


def _without_key(text: str, server: Server) -> str:
    key = os.environ.get(server.key_variable, "").strip()
    return text.replace(key, "…") if key else text
