"""The sampler: one engine for CUDA and CPU, one column of tokens per step.

Prompts are prefilled once and their cache expanded to N + 1 rows each; rows that finish leave the batch. From every
step only the chosen token, its log-probability and the entropy of the raw next-token distribution are kept. The engine
yields after every step, so that the live page, the batch run and cancelling are the same code. It does not know what
is done with the answers.
"""

import contextlib
import gc
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from homog_core.errors import InvalidInput, OutOfMemory
from homog_core.prompts import Prompt, build_prompt
from homog_core.records import GREEDY, Decoding, FinishReason, ModelSpec, PromptStyle, Question, Response, ResponseSet
from homog_core.weights import LocalAdapter, Report, local_adapter, local_weights

if TYPE_CHECKING:
    import torch

_BLOCK = 512  # a token is searched in two stages: blocks of the vocabulary, then tokens of a block
LEVELS = 24  # uniform numbers per token; enough to halve a vocabulary of 2^24


@dataclass(frozen=True, slots=True)
class NewToken:
    """What one row has just said."""

    question_id: str
    sample_index: int  # GREEDY for the response at temperature 0
    text: str  # the token's piece of text
    so_far: str  # the answer's text up to here, without a stop string
    entropy: float  # nats
    logprob: float  # nats
    finish_reason: FinishReason | None  # None: it goes on


@dataclass(frozen=True, slots=True)
class Step:
    """One decoding step of a batch: a new token for every live row, and the questions that it completed."""

    tokens: tuple[NewToken, ...] = ()
    finished: tuple[ResponseSet, ...] = ()
    restarted: tuple[str, ...] = ()  # question ids that begin anew with a smaller batch, after running out of memory


class Sampler(Protocol):
    """Anything that answers questions token by token."""

    spec: ModelSpec
    revision: str
    device: str
    dtype: str

    def sibling(self, spec: ModelSpec) -> "Sampler | None":
        """A sampler of a model that shares the weights in memory, or None where it has others."""
        ...

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The exact prompt of a question."""
        ...

    def sample(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, batch_questions: int
    ) -> Iterator[Step]:
        """Decode N samples and the greedy response of every question, step by step."""
        ...


class Chosen(NamedTuple):
    """The tokens of one step, on the device."""

    ids: "torch.Tensor"  # (R,) int64
    entropies: "torch.Tensor"  # (R,) float32, nats, of the raw distribution
    logprobs: "torch.Tensor"  # (R,) float32, nats, of the raw distribution


class TorchSampler:
    """A causal language model from transformers, on the best device that holds it."""

    def __init__(self, model: Any, tokenizer: Any, spec: ModelSpec, revision: str = "") -> None:
        self.model, self.tokenizer, self.spec, self.revision = model, tokenizer, spec, revision
        self.device = str(model.device)
        self.dtype = str(model.dtype).removeprefix("torch.")
        self._end_ids = _end_ids(model, tokenizer)
        self._base_revision = revision
        self._adapters = _Adapters(model)
        self._adapter: str | None = None  # the one that this sampler computes with; None: the base weights alone

    @classmethod
    def from_pretrained(cls, spec: ModelSpec, report: Report = lambda words: None) -> "TorchSampler":
        """Load the weights of `spec`, converting or downloading them first where that is needed.

        bf16 on a GPU, fp32 on a CPU; spread over all GPUs (`device_map="auto"`) when one does not hold the model.
        `report` is told what is being done. Raises what `weights.local_weights` raises, and `OutOfMemory`.
        """
        if spec.adapter:
            local_adapter(spec)  # complain before the base is loaded
        weights = local_weights(spec, report)
        report(f"Loading {spec.key}")
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        placement = choose_placement(spec)
        if placement == "cpu":
            keep_freed_memory()
        tokenizer = AutoTokenizer.from_pretrained(weights.folder)
        try:
            model = AutoModelForCausalLM.from_pretrained(
                weights.folder,
                dtype=torch.bfloat16 if placement != "cpu" else torch.float32,
                attn_implementation="sdpa",
                device_map=placement,
            )
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(f"{spec.key} does not fit into memory; choose a smaller model.") from error
        base = cls(model.eval(), tokenizer, replace(spec, adapter=None), weights.revision)
        return base.sibling(spec) if spec.adapter else base

    def sibling(self, spec: ModelSpec) -> "TorchSampler | None":
        """A sampler of a model with the same base weights, sharing those in memory; None where `spec` has others.

        Siblings may take turns at any step: each activates its own adapter before it computes. Raises what
        `weights.local_adapter` raises.
        """
        if (spec.source, spec.revision) != (self.spec.source, self.spec.revision):
            return None
        found = TorchSampler(self.model, self.tokenizer, spec, self._base_revision)
        found._adapters = self._adapters
        if spec.adapter:
            adapter = local_adapter(spec)
            found._adapter = self._adapters.load(adapter)
            found.revision = f"{self._base_revision}+{adapter.revision}"
        return found

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The exact prompt of a question in a style."""
        return build_prompt(question, style, self.tokenizer)

    def sample(
        self,
        questions: Sequence[Question],
        decoding: Decoding,
        style: PromptStyle,
        batch_questions: int = 4,
    ) -> Iterator[Step]:
        """Decode N samples and the greedy response of every question; yields after every step.

        The answers depend on neither order nor batch size. Closing the generator cancels within a step. When memory
        runs out the batch is halved and its unfinished questions begin anew (`Step.restarted`), down to one question;
        then `OutOfMemory` names the setting to lower. Raises `InvalidInput` where a prompt and the token limit exceed
        the model's context.
        """
        if batch_questions < 1:
            raise InvalidInput(f"The number of questions in a batch is {batch_questions}; it must be at least 1.")
        pending = [_Encoded.of(self, question, decoding, style) for question in questions]
        while pending:
            batch, done = pending[:batch_questions], set()
            try:
                for step in self._decode(batch, decoding):
                    done.update(finished.question_id for finished in step.finished)
                    yield step
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(batch) == 1:
                    raise OutOfMemory(
                        f"One question with {decoding.n_samples} samples of {decoding.max_new_tokens} tokens does not "
                        "fit into memory; lower the number of samples or the token limit."
                    ) from error
                batch_questions = max(1, len(batch) // 2)
            pending = [encoded for encoded in pending if encoded.question.id not in done]
            redo = tuple(encoded.question.id for encoded in batch if encoded.question.id not in done)
            if redo:
                free_memory()
                yield Step(restarted=redo)

    def _decode(self, batch: Sequence["_Encoded"], decoding: Decoding) -> Iterator[Step]:
        """Decode one batch to its end."""
        import torch

        rows = [row for encoded in batch for row in _Row.of(encoded, decoding, self.tokenizer)]
        waiting = {encoded.question.id: [r for r in rows if r.encoded is encoded] for encoded in batch}
        self._adapters.activate(self._adapter)
        state = self._prefill(batch, copies=decoding.n_samples + 1)
        for position in range(decoding.max_new_tokens):
            with torch.inference_mode():
                uniform = torch.from_numpy(np.stack([row.uniforms[position] for row in rows]))  # (R, LEVELS)
                greedy = torch.tensor([row.sample_index == GREEDY for row in rows])
                device = state.logits.device
                chosen = choose_tokens(state.logits, uniform.to(device), greedy.to(device), decoding)
            ids = chosen.ids.tolist()
            numbers = torch.stack([chosen.entropies, chosen.logprobs]).tolist()
            last = position == decoding.max_new_tokens - 1
            tokens = tuple(
                row.push(token, entropy, logprob, ends=token in self._end_ids, last=last)
                for row, token, entropy, logprob in zip(rows, ids, *numbers, strict=True)
            )
            keep = [i for i, row in enumerate(rows) if row.finish_reason is None]
            finished = tuple(
                _response_set(waiting.pop(encoded.question.id), self.spec, decoding)
                for encoded in batch
                if encoded.question.id in waiting and all(row.finish_reason for row in waiting[encoded.question.id])
            )
            yield Step(tokens, finished)
            if not keep:
                return
            if len(keep) < len(rows):
                rows = [rows[i] for i in keep]
                state.select(keep)
            self._adapters.activate(self._adapter)
            state.advance(self.model, chosen.ids[torch.tensor(keep, device=device)])

    def _prefill(self, batch: Sequence["_Encoded"], copies: int) -> "_State":
        """Run the prompts once, left-padded to one length, and expand their cache to `copies` rows each."""
        import torch
        from transformers import DynamicCache

        width = max(len(encoded.ids) for encoded in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)  # (Q, P)
        mask = torch.zeros(len(batch), width, dtype=torch.long)  # (Q, P)
        for i, encoded in enumerate(batch):
            ids[i, width - len(encoded.ids) :] = torch.tensor(encoded.ids)
            mask[i, width - len(encoded.ids) :] = 1
        ids, mask = ids.to(self.model.device), mask.to(self.model.device)
        cache = DynamicCache(config=self.model.config)
        with torch.inference_mode():
            logits = self.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]  # (Q, V)
            cache.batch_repeat_interleave(copies)
            mask = mask.repeat_interleave(copies, dim=0)  # (R, P)
            logits = logits.repeat_interleave(copies, dim=0)  # (R, V); each row draws its own first token
        return _State(cache, mask, logits)


class _Adapters:
    """The PEFT adapters that lie on one model, and which of them it computes with. Shared by siblings."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._loaded: set[str] = set()
        self._active: str | None = None

    def load(self, adapter: LocalAdapter) -> str:
        """Put an adapter beside those that are there, once; returns the name it is activated by."""
        name = adapter.revision.rpartition(":")[2][:16]  # by content, and without the dots that PEFT cannot take
        if name not in self._loaded:
            self._put(adapter, name)
            self._loaded.add(name)
            self._active = name
            self._switch(name)
        return name

    def _put(self, adapter: LocalAdapter, name: str) -> None:
        """Load an adapter whole, or leave the model as it was and raise `InvalidInput` or `OutOfMemory`."""
        from peft import PeftConfig, inject_adapter_in_model, set_peft_model_state_dict
        from peft.functional import delete_adapter
        from safetensors.torch import load_file

        try:
            found = load_file(adapter.folder / "adapter_model.safetensors")
            found = {key.removeprefix("base_model.model."): value for key, value in found.items()}
            inject_adapter_in_model(PeftConfig.from_pretrained(adapter.folder), self._model, name)
            result = set_peft_model_state_dict(self._model, found, adapter_name=name)
            places = sum(f".{name}." in key for key in self._model.state_dict())
            if result.unexpected_keys or places != len(found):
                raise ValueError(f"{len(found)} tensors for {places} places")
        except Exception as error:
            if name in getattr(self._model, "peft_config", {}):
                delete_adapter(self._model, adapter_name=name, prefix="lora_")
                self._model.peft_config.pop(name)
            self._switch(self._active)
            if is_out_of_memory(error):
                raise OutOfMemory("The adapter does not fit into memory; choose a smaller model.") from error
            raise InvalidInput(
                f"The adapter in {adapter.folder} does not fit these weights: it was made for another model "
                f"({str(error).splitlines()[0]:.120})."
            ) from error
        self._model.eval()

    def activate(self, name: str | None) -> None:
        """Compute with one adapter from now on, or with none."""
        if name != self._active:
            self._switch(name)
            self._active = name

    def _switch(self, name: str | None) -> None:
        from peft.tuners.tuners_utils import BaseTunerLayer

        for module in self._model.modules():
            if isinstance(module, BaseTunerLayer):
                module.enable_adapters(name is not None)
                if name is not None:
                    module.set_adapter(name)


def choose_tokens(
    logits: "torch.Tensor", uniform: "torch.Tensor", greedy: "torch.Tensor", decoding: Decoding
) -> Chosen:
    """One token for every row of `logits` (R, V): the likeliest where `greedy`, otherwise drawn by `inverse_cdf`.

    Entropy and log-probability come from the raw distribution, before temperature, top-k and top-p. Nothing of size V
    outlives the call.
    """
    import torch

    log_p = torch.log_softmax(logits.float(), dim=-1)  # (R, V)
    p = log_p.exp()
    total = p.sum(-1, dtype=torch.float64)  # 1 but for the rounding of a quarter of a million terms, which is put right
    entropies = -torch.linalg.vecdot(p, log_p.clamp(min=-1e4)) / total + total.log()  # 0 · −inf counts as 0
    raw = decoding.temperature == 1 and decoding.top_p == 1 and decoding.top_k == 0
    ids = inverse_cdf(p if raw else truncated_distribution(log_p, decoding), uniform)
    if greedy.any():
        ids[greedy] = log_p[greedy].argmax(dim=-1)
    return Chosen(ids, entropies.float(), (log_p.gather(-1, ids[:, None])[:, 0] - total.log()).float())


def truncated_distribution(log_p: "torch.Tensor", decoding: Decoding) -> "torch.Tensor":
    """Weights (R, V), not normalised, after temperature, then top-k, then top-p (the smallest set that reaches p)."""
    import torch

    weights = torch.softmax(log_p / decoding.temperature, dim=-1)
    if decoding.top_k and decoding.top_k < weights.shape[-1]:
        kth = weights.topk(decoding.top_k, dim=-1).values[:, -1:]
        weights = weights.masked_fill(weights < kth, 0.0)
    if decoding.top_p < 1:
        target = decoding.top_p * weights.sum(-1, keepdim=True)
        weights = weights.masked_fill(weights < _nucleus_edge(weights, target), 0.0)
    return weights


def _nucleus_edge(weights: "torch.Tensor", target: "torch.Tensor", k: int = 1024) -> "torch.Tensor":
    """The smallest weight (R, 1) of the nucleus. Looks at the k largest first: sorting a whole vocabulary is slow."""
    k = min(k, weights.shape[-1])
    top = weights.topk(k, dim=-1).values  # (R, k) descending
    before = top.cumsum(-1) - top
    if k < weights.shape[-1] and bool((top.sum(-1, keepdim=True) < target).any()):
        return _nucleus_edge(weights, target, k * 16)
    inside = (before < target).sum(-1, keepdim=True).clamp(min=1)
    return top.gather(-1, inside - 1)


def inverse_cdf(weights: "torch.Tensor", uniform: "torch.Tensor") -> "torch.Tensor":
    """Draw one index per row of `weights` (R, V), not normalised, by inverse CDF → (R,) int64.

    The vocabulary is halved again and again, and each half is chosen by a uniform number of its own, `uniform`
    (R, LEVELS). A single number against the whole CDF would be upset by the last bit of any of V sums, and the texts
    would depend on the batch size (docs/decisions.md). An index of weight 0 is never returned.
    """
    import torch

    n_rows, size = weights.shape
    pad = torch.nn.functional.pad
    if size % _BLOCK:
        weights = pad(weights, (0, _BLOCK - size % _BLOCK))
    blocks = weights.view(n_rows, -1, _BLOCK)  # (R, V / 512, 512)
    mass = blocks.sum(-1).double()  # (R, V / 512)
    depth = (mass.shape[-1] - 1).bit_length()
    block = _descend(pad(mass, (0, (1 << depth) - mass.shape[-1])), uniform)
    inside = blocks[torch.arange(n_rows, device=weights.device), block]  # (R, 512)
    return block * _BLOCK + _descend(inside.double(), uniform[:, depth:])


def _descend(weights: "torch.Tensor", uniform: "torch.Tensor") -> "torch.Tensor":
    """One index per row of `weights` (R, 2^k), from the root of the tree of sums to a leaf → (R,)."""
    levels = [weights]
    while levels[-1].shape[-1] > 1:
        levels.append(levels[-1].unflatten(-1, (-1, 2)).sum(-1))
    index = uniform.new_zeros(len(weights), 1).long()
    for depth, level in enumerate(reversed(levels[:-1])):
        left, right = level.gather(1, 2 * index), level.gather(1, 2 * index + 1)
        goes_right = (uniform[:, depth, None] * (left + right) >= left) & (right > 0)
        index = 2 * index + goes_right.long()
    return index[:, 0]


def uniforms(seed: int, question_id: str, n_samples: int, n_tokens: int) -> np.ndarray:
    """The uniform numbers of a question, (N, T, LEVELS) in [0, 1): a function of seed, question, sample and step alone.

    Counter-based (Philox): sample i is the stream that starts at counter i, so that neither N nor T changes an entry.
    """
    key = int.from_bytes(hashlib.sha256(f"{seed}\0{question_id}".encode()).digest()[:16], "big")
    streams = (np.random.Generator(np.random.Philox(key=key, counter=[0, 0, i, 0])) for i in range(n_samples))
    return np.stack([stream.random((n_tokens, LEVELS)) for stream in streams])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a device ran out of memory (CUDA's own class, or the CPU allocator's message)."""
    import torch

    words = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)
    )


def choose_placement(spec: ModelSpec) -> str:
    """Where to load `spec`: "cpu", the GPU with most free memory that holds it ("cuda:0"), or "auto" over all GPUs."""
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    free = [torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())]
    best = int(np.argmax(free))
    needed = 2 * (spec.n_parameters or 0) * 1.2  # bf16, and a fifth for the cache and activations
    return f"cuda:{best}" if needed <= free[best] else "auto"


@dataclass(frozen=True, slots=True)
class Device:
    """Where models would run, and how much room there is."""

    name: str  # as a person knows it
    free_bytes: int
    bytes_per_parameter: int  # bf16 on a GPU, fp32 on a CPU

    def needs(self, n_parameters: int) -> int:
        """Bytes that a model takes, with a fifth for its cache and activations."""
        return int(n_parameters * self.bytes_per_parameter * 1.2)


def probe_device() -> Device:
    """The device of this machine. Imports torch, which takes seconds."""
    import psutil
    import torch

    if torch.cuda.is_available():
        devices = range(torch.cuda.device_count())
        name = ", ".join(torch.cuda.get_device_name(i) for i in devices)
        return Device(name, sum(torch.cuda.mem_get_info(i)[0] for i in devices), 2)
    return Device(f"CPU, {torch.get_num_threads()} threads", psutil.virtual_memory().available, 4)


def keep_freed_memory() -> None:
    """Let the process keep the memory that it frees, where the C library is glibc.

    A step over a large vocabulary frees and asks for hundreds of megabytes; handed back to the system each time, they
    are paged in again each time. On a CPU that is a quarter of the sampling and most of the training time.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):  # another system or C library
        mallopt = ctypes.CDLL(None).mallopt
        mmap_max, trim_threshold, top_pad = -4, -1, -2  # their names in malloc.h
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 2**28)


def free_memory() -> None:
    """Give back what nothing refers to any more, on the device too."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Token ids that end an answer, from the generation config and the tokenizer."""
    ids: set[int] = set()
    for value in (model.generation_config.eos_token_id, tokenizer.eos_token_id):
        ids.update(value if isinstance(value, list) else [value] if value is not None else [])
    return frozenset(ids)


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    """A question with its prompt as token ids."""

    question: Question
    prompt: Prompt
    ids: list[int]

    @classmethod
    def of(cls, sampler: TorchSampler, question: Question, decoding: Decoding, style: PromptStyle) -> "_Encoded":
        """Build the prompt and check that it fits into the context together with the token limit."""
        prompt = sampler.prompt(question.text, style)
        ids = sampler.tokenizer(prompt.text, add_special_tokens=prompt.add_special_tokens)["input_ids"]
        context = getattr(sampler.model.config, "max_position_embeddings", None)
        if context and len(ids) + decoding.max_new_tokens > context:
            raise InvalidInput(
                f"The prompt of question {question.id!r} has {len(ids)} tokens and the token limit is "
                f"{decoding.max_new_tokens}; together they exceed the {context} tokens that {sampler.spec.key} can "
                f"read. Set the token limit to {max(context - len(ids), 0)} or less."
            )
        return cls(question, prompt, ids)


@dataclass(slots=True, eq=False)
class _State:
    """The batch on the device: the cache, which of its positions are real, and the next-token logits."""

    cache: Any
    mask: "torch.Tensor"  # (R, P + t)
    logits: "torch.Tensor"  # (R, V)

    def select(self, keep: Sequence[int]) -> None:
        """Drop all rows but `keep`."""
        import torch

        index = torch.tensor(keep, device=self.mask.device)
        self.cache.batch_select_indices(index)
        self.mask = self.mask[index]

    def advance(self, model: Any, ids: "torch.Tensor") -> None:
        """Append one token (R,) to every row and compute the next logits."""
        import torch

        self.logits = None  # free it before the next is made
        with torch.inference_mode():
            self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
            self.logits = model(
                input_ids=ids[:, None].to(self.mask.device),  # (R, 1)
                attention_mask=self.mask,
                position_ids=self.mask.sum(-1, keepdim=True) - 1,  # (R, 1)
                past_key_values=self.cache,
                use_cache=True,
            ).logits[:, -1]


@dataclass(slots=True, eq=False)
class _Row:
    """One response in the making."""

    encoded: _Encoded
    sample_index: int
    uniforms: np.ndarray  # (T, LEVELS)
    stop: tuple[str, ...]
    detokenizer: "_Detokenizer"
    tokens: list[str] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text: str = ""
    finish_reason: FinishReason | None = None

    @classmethod
    def of(cls, encoded: _Encoded, decoding: Decoding, tokenizer: Any) -> list["_Row"]:
        """The rows of a question: its N samples, then the greedy response."""
        stop = encoded.prompt.stop + decoding.stop
        drawn = uniforms(decoding.seed, encoded.question.id, decoding.n_samples, decoding.max_new_tokens)
        unused = np.zeros((decoding.max_new_tokens, LEVELS))  # the greedy response draws nothing
        return [
            cls(encoded, index, numbers, stop, _Detokenizer(tokenizer))
            for index, numbers in [*enumerate(drawn), (GREEDY, unused)]
        ]

    def push(self, token: int, entropy: float, logprob: float, *, ends: bool, last: bool) -> NewToken:
        """Take one token; `ends` if it is the model's own end, `last` if the token limit is reached."""
        piece = self.detokenizer.push(token, flush=ends or last)
        self.tokens.append(piece)
        self.entropies.append(entropy)
        self.logprobs.append(logprob)
        self.text += piece
        cut = min((at for s in self.stop if (at := self.text.find(s)) >= 0), default=-1)
        if cut >= 0:
            self.text = self.text[:cut]
        if ends or cut >= 0:
            self.finish_reason = "stop"
        elif last:
            self.finish_reason = "length"
        question_id, reason = self.encoded.question.id, self.finish_reason
        return NewToken(question_id, self.sample_index, piece, self.text, entropy, logprob, reason)

    def response(self) -> Response:
        """The finished response."""
        return Response(
            self.text,
            tuple(self.tokens),
            np.array(self.entropies, dtype=np.float32),
            np.array(self.logprobs, dtype=np.float32),
            self.finish_reason,
        )


def _response_set(rows: Sequence[_Row], spec: ModelSpec, decoding: Decoding) -> ResponseSet:
    *samples, greedy = rows
    encoded = greedy.encoded
    return ResponseSet(
        question_id=encoded.question.id,
        model_key=spec.key,
        prompt=encoded.prompt.text,
        decoding=replace(decoding, stop=encoded.prompt.stop + decoding.stop),
        responses=tuple(row.response() for row in samples),
        greedy=greedy.response(),
    )


class _Detokenizer:
    """Token ids → pieces of text, one at a time; a character that is not complete yet waits for its next token."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._start = 0  # where decoding begins: far enough back for spaces to come out right
        self._shown = 0  # how many ids have been turned into text

    def push(self, token: int, *, flush: bool) -> str:
        """The text that `token` adds; with `flush` an incomplete character is not held back."""
        self._ids.append(token)
        before = self._decode(self._ids[self._start : self._shown])
        after = self._decode(self._ids[self._start :])
        if after.endswith("\ufffd") and not flush:
            return ""
        self._start, self._shown = self._shown, len(self._ids)
        return after[len(before) :]

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
