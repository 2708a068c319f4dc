"""The sampler of a model behind a server that speaks OpenAI's protocol: the same answers, steps and records.

Every sample is a request of its own with a seed of its own, or one of `n` where the server draws them one by one. A
stop string is looked for here and ends the request, so that the token that ended an answer is known as it is for a
model on this machine.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import aclosing

from homog_core.catalogue.models import MODELS
from homog_core.catalogue.servers import SERVERS, Server, is_served, served_name, served_source
from homog_core.errors import InvalidInput, ModelUnavailable, NotFound
from homog_core.progress import Say
from homog_core.records import GREEDY, Decoding, ModelSpec, PromptStyle, Question, Served
from homog_core.sampling.background import Background, Emit
from homog_core.sampling.prompts import Prompt, build_prompt
from homog_core.sampling.rows import Encoded, response_set
from homog_core.sampling.served_line import BrokenStream, Line, Order, Refused, list_models
from homog_core.sampling.served_rows import ServedRow, rows_of
from homog_core.sampling.served_tests import Terms, find_terms
from homog_core.sampling.served_tokens import said
from homog_core.sampling.steps import Answer, Step
from homog_core.sampling.weights import model_key

_BEAT = 0.2  # seconds without a token after which an empty step is given, so that a stop is heard
_ATTEMPTS = 3  # at an answer whose stream breaks off
_PAUSE = 0.5  # seconds before the second attempt, and twice as long before the next


class RemoteSampler:
    """A model behind a server."""

    dtype = ""  # a server does not say

    def __init__(self, server: Server, spec: ModelSpec) -> None:
        self.server, self.spec = server, spec
        self.name = served_name(spec.source)[1]
        self.device = f"the server at {server.host}"
        self.revision = f"served:{server.host}/{self.name}"
        self._terms: dict[bool, Terms] = {}  # by whether it is asked through its chat template

    @classmethod
    def connect(cls, spec: ModelSpec, say: Say = lambda words: None, server: Server | None = None) -> "RemoteSampler":
        """The sampler of a served model; asks its server, which is that of its source, whether it has it.

        Raises `ModelUnavailable` where the server does not answer, `NotFound` where it does not list the model.
        """
        key, name = served_name(spec.source)
        if server is None and key not in SERVERS:
            raise NotFound(f"{spec.key} is behind the server {key!r}, which models.toml does not have; add it there.")
        server = server or SERVERS[key]
        say(f"Asking {server.host} for {name}")
        names = _listed(server)
        if names and name not in names:
            raise NotFound(f"The server at {server.host} has no {name!r}; it has {', '.join(names[:8])}.")
        return cls(server, spec)

    def sibling(self, spec: ModelSpec) -> "RemoteSampler | None":
        """A sampler of another model of the same server; None for a model that is elsewhere."""
        if not is_served(spec.source) or served_name(spec.source)[0] != served_name(self.spec.source)[0]:
            return None
        return RemoteSampler(self.server, spec)

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The exact prompt; of a chat the message alone, since the template is applied by the server."""
        if style == "chat":
            return Prompt(question, stop=(), add_special_tokens=False)
        return build_prompt(question, style, None)

    def sample(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, batch_questions: int = 4
    ) -> Iterator[Step]:
        """Draw N samples and the greedy response of every question; yields whenever tokens arrive.

        `batch_questions` questions are under way at a time, and no more requests than the server's entry says. Closing
        the generator closes all requests. An answer whose stream breaks off begins anew with the same seed. Raises
        `HomogError` where the server gives no samples (`served_tests`), and where it fails for good.
        """
        if batch_questions < 1:
            raise InvalidInput(f"The number of questions in a batch is {batch_questions}; it must be at least 1.")
        if decoding.top_k:
            raise InvalidInput("OpenAI's protocol has no top-k; leave it out for a served model.")
        with Background(lambda emit: self._all(questions, decoding, style, batch_questions, emit)) as work:
            for found in work.said(_BEAT):
                yield from _steps(found)

    async def _all(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, at_once: int, emit: Emit
    ) -> None:
        async with aclosing(Line(self.server, self.name)) as line:
            is_chat = style == "chat"
            if is_chat not in self._terms:
                self._terms[is_chat] = await find_terms(line, is_chat=is_chat)
            terms = self._terms[is_chat]
            session = _Session(self, line, terms, decoding, is_chat, emit)
            waiting, requests = iter(questions), asyncio.Semaphore(self.server.requests)

            async def work() -> None:
                for question in waiting:
                    encoded = Encoded(question, self.prompt(question.text, style), [], self.spec.leftovers)
                    await session.question(encoded, requests)

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(at_once, len(questions))):
                        group.create_task(work())
            except BaseExceptionGroup as errors:
                raise _first(errors) from errors


class _Session:
    """One call of `sample`: what its requests have in common, and what they have found out."""

    def __init__(
        self, sampler: RemoteSampler, line: Line, terms: Terms, decoding: Decoding, is_chat: bool, emit: Emit
    ) -> None:
        self.sampler, self.line, self.terms = sampler, line, terms
        self.decoding, self.is_chat, self.emit = decoding, is_chat, emit
        self.mass, self.n_tokens = 0.0, 0
        self.together = terms.draws_several  # whether all samples of a question may be one request
        raw = terms.logprobs == "before"
        plain = decoding.temperature == 1 and decoding.top_p == 1 and terms.logprobs != "none"
        self.asked = tuple(terms.form.top if known else 0 for known in (raw or plain, raw))

    async def question(self, encoded: Encoded, requests: asyncio.Semaphore) -> None:
        """Draw all answers to one question."""
        decoding, key = self.decoding, encoded.question.id
        seeds = [_seed(decoding.seed, key, index) for index in (*range(decoding.n_samples), GREEDY)]
        rows = rows_of(encoded, decoding, seeds, self.asked)
        *samples, greedy = rows
        together = self.together and not (decoding.stop or encoded.prompt.stop)
        groups = [samples, [greedy]] if together else [[row] for row in rows]
        async with asyncio.TaskGroup() as group:
            for one in groups:
                group.create_task(self._request(one, requests))
        self.mass += sum(mass for row in rows for mass in row.masses)
        self.n_tokens += sum(len(row.masses) for row in rows)
        self.emit(Step(finished=(response_set(rows, self.sampler.spec, decoding),), served=self._served()))

    async def _request(self, rows: list[ServedRow], requests: asyncio.Semaphore) -> None:
        """Ask for some answers at once, and again for those whose stream breaks off."""
        for attempt in range(_ATTEMPTS):
            waiting = [row for row in rows if not row.is_over]
            if len(rows) > 1 and (attempt or not self.together):
                await asyncio.gather(*(self._request([row], requests) for row in waiting))  # each for itself
                return
            try:
                async with requests:
                    await self._listen(waiting)
                return
            except Refused:  # so many answers at once: llama.cpp gives no more than it has slots
                if len(rows) == 1:
                    raise
                self.together = False
                continue
            except BrokenStream as error:
                last = error
            await asyncio.sleep(_PAUSE * 2**attempt)
        raise ModelUnavailable(
            f"The server at {self.line.server.host} broke off an answer of {self.line.model!r} {_ATTEMPTS} times "
            f"({last}). What has been finished is kept; go on later."
        )

    async def _listen(self, rows: list[ServedRow]) -> None:
        """Take what one request says, until all its answers have ended."""
        for row in rows:
            row.begin()
        first = rows[0]
        is_greedy = first.index == GREEDY
        order = Order(
            first.encoded.prompt,
            self.is_chat,
            0.0 if is_greedy else self.decoding.temperature,
            1.0 if is_greedy else self.decoding.top_p,
            self.decoding.max_new_tokens,
            first.seed,
            len(rows),
        )
        async with aclosing(self.line.stream(order, self.terms.form)) as choices:
            async for choice in choices:
                place = choice.get("index") or 0
                if type(place) is not int or not 0 <= place < len(rows):
                    continue
                for answer in rows[place].take(said(choice, self.terms.form.top)):
                    self.emit(answer)
                if all(row.is_over for row in rows):
                    return
        raise BrokenStream("it ended without saying that the answer had ended")

    def _served(self) -> Served:
        return Served(
            host=self.line.server.host,
            model=self.line.model,
            fingerprints=tuple(self.line.fingerprints),
            logprobs=self.terms.logprobs,
            is_tested=self.terms.is_tested,
            is_untruncated=self.terms.form.is_whole,
            covered_mass=self.mass / self.n_tokens if self.n_tokens else None,
            n_covered=self.n_tokens,
        )


def served_model(server: Server, name: str) -> ModelSpec:
    """The model that a server calls so: its entry in the catalogue, or what the server's own entry says of it."""
    source = served_source(server, name)
    known = next((spec for spec in MODELS.values() if spec.source == source), None)
    short = name.rpartition("/")[2] if name.startswith("/") else name  # a path on the server
    key = model_key(f"{server.key}--{short}".replace("/", "--"))
    return known or ModelSpec(key=key, source=source, prompt_style=server.prompt_style)


def served_models(server: Server) -> list[ModelSpec]:
    """What a server has. Raises what `list_models` raises."""
    return [served_model(server, name) for name in list_models(server)]


def _listed(server: Server) -> list[str]:
    """What a server lists; nothing where it has no list."""
    try:
        return list_models(server)
    except NotFound:
        return []


def _steps(found: Sequence[Answer | Step]) -> Iterator[Step]:
    """Steps in which no answer stands twice, from what has been said; an empty one where nothing has."""
    answers: dict[tuple[str, int], Answer] = {}
    for one in found:
        is_answer = isinstance(one, Answer)
        if answers and (not is_answer or (one.question_id, one.sample_index) in answers):
            yield Step(tuple(answers.values()))
            answers = {}
        if is_answer:
            answers[one.question_id, one.sample_index] = one
        else:
            yield one
    if answers or not found:
        yield Step(tuple(answers.values()))


def _seed(run_seed: int, question_id: str, index: int) -> int:
    """The seed of one answer, 31 bits, a function of these alone."""
    digest = hashlib.sha256(f"{run_seed}\0{question_id}\0{index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def _first(errors: BaseExceptionGroup) -> BaseException:
    """The first error in a group of groups."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
