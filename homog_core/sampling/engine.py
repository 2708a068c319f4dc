"""The sampler: one engine for CUDA and CPU, one column of tokens per step.

Prompts are prefilled once and their cache expanded to N + 1 rows each. Rows that finish leave the batch, and those of
the next questions join it as soon as there is room for all rows of one. From every step only the chosen token, its
log-probability and the entropy of the raw next-token distribution are kept. The engine yields after every step, so that
the live page, the batch run and cancelling are the same code. It does not know what is done with the answers.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

from homog_core.device import free_memory, is_out_of_memory
from homog_core.errors import InvalidInput, ModelUnavailable, OutOfMemory
from homog_core.progress import Say
from homog_core.records import Decoding, ModelSpec, PromptStyle, Question
from homog_core.sampling.adapters import Adapters
from homog_core.sampling.decoding import ComputedDecoding, State
from homog_core.sampling.few_rows import is_in_int8, quicken_few_rows
from homog_core.sampling.graphs import RecordedDecoding, is_recordable
from homog_core.sampling.growing_cache import growing_cache
from homog_core.sampling.loading import load_model
from homog_core.sampling.projection import project_in_fp32
from homog_core.sampling.prompts import Prompt, build_prompt
from homog_core.sampling.quick_layers import quicken_layers
from homog_core.sampling.rows import Encoded, Row, context_length, hidden_ids, response_set
from homog_core.sampling.shared_beginning import SharedBeginning
from homog_core.sampling.steps import Step
from homog_core.sampling.weights import described, local_adapter, local_weights

if TYPE_CHECKING:
    import torch

_OWN_CACHE = ("xlstm",)  # architectures whose cache is of another kind than transformers' own


class TorchSampler:
    """A causal language model from transformers, on the best device that holds it."""

    def __init__(self, model: Any, tokenizer: Any, spec: ModelSpec, revision: str = "") -> None:
        self.model, self.tokenizer, self.spec, self.revision = model, tokenizer, spec, revision
        self.device = str(model.device)
        self.dtype = "int8" if is_in_int8(model) else str(model.dtype).removeprefix("torch.")
        self._arguments = _arguments(model, spec)
        self._end_ids = _end_ids(model, tokenizer)
        self._hidden_ids = hidden_ids(tokenizer, self._end_ids, spec.leftovers)
        project_in_fp32(model)
        quicken_few_rows(model)
        quicken_layers(model)
        self._base_revision = revision
        self._adapters = Adapters(model)
        self._beginning = SharedBeginning(model, takes_positions=bool(self._arguments["positions"]))
        self._adapter: str | None = None  # the one that this sampler computes with; None: the base weights alone

    @classmethod
    def from_pretrained(
        cls, spec: ModelSpec, say: Say = lambda words: None, dtype: str | None = None
    ) -> "TorchSampler":
        """Load the weights of `spec`, converting or downloading them first where that is needed.

        `dtype` is what the weights are computed in (`records.Arithmetic`); None: what suits device and architecture
        (`device.choose_dtype`). Spread over all GPUs when one does not hold the model.
        `say` is told what is being done. Raises what `weights.local_weights` and `loading.load_model` raise.
        """
        if spec.adapter:
            local_adapter(spec)  # complain before the base is loaded
        weights = local_weights(spec, say)
        if words := described(spec):
            say(f"{spec.key} is {words}")
        say(f"Loading {spec.key}")
        loaded = load_model(spec.key, weights.folder, dtype)
        spec = replace(spec, n_parameters=spec.n_parameters or loaded.n_parameters)
        base = cls(loaded.model, loaded.tokenizer, replace(spec, adapter=None), weights.revision)
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

    def activated(self) -> Any:
        """The model, which computes with this sampler's adapter until another one is activated."""
        self._adapters.activate(self._adapter)
        return self.model

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        """The exact prompt of a question in a style."""
        return build_prompt(question, style, self.tokenizer, self.spec.leftovers)

    def sample(
        self,
        questions: Sequence[Question],
        decoding: Decoding,
        style: PromptStyle,
        batch_questions: int = 4,
    ) -> Iterator[Step]:
        """Decode N samples and the greedy response of every question; yields after every step.

        In fp32 the answers depend on neither order nor batch size; in other types they may (docs/decisions.md). Closing
        the generator cancels within a step. A step has the rows of `batch_questions` whole questions at most, which may
        be of more questions where others have ended. When memory runs out this is halved and unfinished questions begin
        anew (`Step.restarted`), down to one question; then `OutOfMemory` names the setting to lower. Raises
        `InvalidInput` where a prompt and the token limit exceed the model's context.
        """
        if batch_questions < 1:
            raise InvalidInput(f"The number of questions in a batch is {batch_questions}; it must be at least 1.")
        waiting = deque(Encoded.of(self, question, decoding, style) for question in questions)
        while waiting:
            n_waiting, under_way = len(waiting), []
            try:
                yield from self._decode(waiting, under_way, decoding, batch_questions)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                at_once = min(batch_questions, n_waiting - len(waiting))
                if at_once == 1:
                    raise OutOfMemory(
                        f"One question with {decoding.n_samples} samples of {decoding.max_new_tokens} tokens does not "
                        "fit into memory; lower the number of samples or the token limit."
                    ) from error
                batch_questions = at_once // 2
            if under_way:
                redo = [rows[0].encoded for rows in under_way]
                waiting.extendleft(reversed(redo))
                free_memory()
                yield Step(restarted=tuple(encoded.question.id for encoded in redo))

    def _decode(
        self, waiting: deque[Encoded], under_way: list[list[Row]], decoding: Decoding, batch_questions: int
    ) -> Iterator[Step]:
        """Decode questions that wait, until no row is left. A question begins as soon as there is room for its rows.

        `under_way` has the rows of each question that has begun and not ended.
        """
        context = context_length(self.model.config) or math.inf
        batch = self._begin(waiting, under_way, decoding, batch_questions)
        try:
            yield self._said(batch, under_way, decoding)
            while batch.rows:
                n_free = batch_questions - math.ceil(len(batch.rows) / (decoding.n_samples + 1))
                # Some models (GPT-Neo, MPT) have no more columns than their context, whatever the rows use of them
                if waiting and n_free and batch.takes_more and batch.width + decoding.max_new_tokens <= context:
                    more = self._begin(waiting, under_way, decoding, n_free, joins=True)
                    yield self._said(more, under_way, decoding)
                    if more.rows:
                        batch.join(more)
                self._adapters.activate(self._adapter)
                batch.advance()
                yield self._said(batch, under_way, decoding)
        finally:
            batch.close()

    def _begin(
        self,
        waiting: deque[Encoded],
        under_way: list[list[Row]],
        decoding: Decoding,
        n_questions: int,
        *,
        joins: bool = False,
    ) -> "ComputedDecoding | RecordedDecoding":
        """Read the prompts of the next questions, and prepare the steps after them. With `joins` they join others."""
        batch = [waiting.popleft() for _ in range(min(n_questions, len(waiting)))]
        questions = [Row.of(encoded, decoding, self.tokenizer, self._hidden_ids) for encoded in batch]
        under_way += questions
        rows, copies = [row for question in questions for row in question], decoding.n_samples + 1
        state = self.prefill(batch, decoding.max_new_tokens)
        if not joins and is_recordable(self.model, decoding, state.mask.shape[1]):
            cache, mask, logits = state.cache, state.mask, state.logits
            return RecordedDecoding(self.model, self._arguments, cache, mask, logits, copies, rows, decoding)
        return ComputedDecoding(self.next_logits, state, copies, rows, decoding)

    def _said(
        self, batch: "ComputedDecoding | RecordedDecoding", under_way: list[list[Row]], decoding: Decoding
    ) -> Step:
        """One token of every row. Rows and questions that end with it leave."""
        answers = tuple(
            row.push(
                token, entropy, logprob, ends=token in self._end_ids, last=len(row.said) + 1 == decoding.max_new_tokens
            )
            for row, token, entropy, logprob in zip(batch.rows, *batch.tokens(), strict=True)
        )
        goes_on = [any(row.answer.finish_reason is None for row in question) for question in under_way]
        ended = [question for question, goes in zip(under_way, goes_on, strict=True) if not goes]
        under_way[:] = [question for question, goes in zip(under_way, goes_on, strict=True) if goes]
        batch.keep([i for i, row in enumerate(batch.rows) if row.answer.finish_reason is None])
        return Step(answers, tuple(response_set(question, self.spec, decoding) for question in ended))

    def prefill(self, batch: Sequence[Encoded], n_new: int = 0) -> "State":
        """Run the prompts once, left-padded to one length; `n_new` tokens will follow them.

        On a CPU, what they have in common with the prompt before them is not run again: it stands before the padding.
        """
        import torch

        self._adapters.activate(self._adapter)
        prompts = [encoded.ids for encoded in batch]
        cache = growing_cache(self.model.config)
        with torch.inference_mode():
            n_known = self._beginning.put(cache, prompts, n_new) if self.device == "cpu" else 0
            width = max(map(len, prompts)) - n_known
            ids = torch.zeros(len(batch), width, dtype=torch.long)  # (Q, P - n)
            mask = torch.zeros(len(batch), n_known + width, dtype=torch.long)  # (Q, P)
            mask[:, :n_known] = 1
            for i, prompt in enumerate(prompts):
                rest = torch.tensor(prompt[n_known:])
                ids[i, width - len(rest) :] = rest
                mask[i, n_known + width - len(rest) :] = 1
            ids, mask = ids.to(self.model.device), mask.to(self.model.device)
            state = State(cache, mask, self.next_logits(ids, mask, cache))
            if self.device == "cpu":
                self._beginning.keep(cache, prompts)
            return state

    def next_logits(self, ids: "torch.Tensor", mask: "torch.Tensor", cache: Any) -> "torch.Tensor":
        """What the model says next (R, V) after the tokens (R, L), which `cache` takes up.

        `mask` (R, P + L) tells which positions of the cache and of `ids` are real.
        """
        n_new = ids.shape[1]
        if 1 < n_new < mask.shape[1] and _is_recurrent(cache):  # Mamba's begins anew with more tokens than one
            for i in range(n_new):
                logits = self.next_logits(ids[:, i : i + 1], mask[:, : mask.shape[1] - n_new + i + 1], cache)
            return logits
        names = self._arguments
        given = {
            names["cache"]: cache,
            names["positions"]: (mask.cumsum(-1) - 1).clamp(min=0)[:, -n_new:],  # (R, L)
            names["only_last"]: 1,
        }
        given.pop("", None)
        if names["cache"] == "cache_params":  # without attention only the new tokens have a mask
            mask = mask[:, -n_new:]
        return self.model(input_ids=ids, attention_mask=mask, use_cache=True, **given).logits[:, -1]


def _is_recurrent(cache: Any) -> bool:
    """Whether a cache has layers with a state that tokens are folded into, as those of linear attention."""
    from transformers.cache_utils import LinearAttentionCacheLayerMixin

    return any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in cache.layers)


def _arguments(model: Any, spec: ModelSpec) -> dict[str, str]:
    """What the model's forward pass calls the arguments that not every architecture has; "" where it has none.

    Raises `ModelUnavailable` for an architecture that keeps its state in a cache of its own kind or in none.
    """
    known = signature(model.forward).parameters
    cache = next((name for name in ("past_key_values", "cache_params") if name in known), None)
    if cache is None or model.config.model_type in _OWN_CACHE:
        raise ModelUnavailable(
            f"{spec.key} is of the architecture {model.config.model_type!r}, which has no cache that rows can be "
            "taken from, so ten answers cannot be sampled from one prompt; choose another model."
        )
    optional = {"positions": "position_ids", "only_last": "logits_to_keep"}
    return {"cache": cache, **{key: name if name in known else "" for key, name in optional.items()}}


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Token ids that end an answer, from the generation config and the tokenizer."""
    ids: set[int] = set()
    for value in (model.generation_config.eos_token_id, tokenizer.eos_token_id):
        ids.update(value if isinstance(value, list) else [value] if value is not None else [])
    return frozenset(ids)
