"""The exact probability of each answer of a closed list, without sampling: teacher forcing over all its spellings.

Only answers that begin with one of the list's spellings, bare or after a frame such as "It is", have mass here; what is
left is the remainder. It does not know which distribution would be right.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.records import Decoding, PromptStyle, Question
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.rows import Encoded

if TYPE_CHECKING:
    import torch

FRAMES = ("", "It is", "It's", "It was", "It is a", "It is the", "The answer is", "I choose", "I pick")
PRUNED = 1e-4  # beginnings less likely than this are not followed; their mass is counted
_ROWS = 32  # sequences in one forward pass


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The probabilities of a closed list."""

    probabilities: np.ndarray  # (A,) that an answer is each option
    pruned: float  # mass of beginnings that were not followed: by so much all of them together may be too low


def choice_probabilities(
    sampler: TorchSampler, question: Question, options: Sequence[Sequence[str]], style: PromptStyle
) -> Choices:
    """How likely an answer begins with each option, where an option (A of them) is a list of its spellings.

    P(option) = Σ P(tokens of a text | prompt) · P(the word ends there), over all its texts: spellings as given and with
    a capital or small first letter, after every frame, with and without a space before. Texts that begin alike are
    followed together, token by token. A text counts by the tokens that the tokenizer gives it; other ways to spell it
    in tokens are left out. The word ends unless a token follows that goes on with it: a letter, digit or hyphen ("1" of
    "13"). Raises `InvalidInput` where a spelling belongs to two options, or one text begins another.
    """
    encoded = Encoded.of(sampler, question, Decoding(n_samples=1, max_new_tokens=32), style)
    owner = _sequences(sampler, encoded, _texts(options))
    children: dict[tuple[int, ...], set[int]] = {}
    for own in owner:
        for length in range(len(own)):
            children.setdefault(own[:length], set()).add(own[length])
    prompt = sampler.prefill([encoded])
    found, pruned, level = np.zeros(len(options)), 0.0, {(): 1.0}
    while level:
        following: dict[tuple[int, ...], float] = {}
        for start in range(0, len(level), _ROWS):
            part = dict(list(level.items())[start : start + _ROWS])
            for (own, mass), (next_p, ends) in zip(part.items(), _next(sampler, prompt, list(part)), strict=True):
                if own in owner:
                    found[owner[own]] += mass * ends
                for token in children.get(own, ()):
                    p = mass * float(next_p[token])
                    if p < PRUNED:
                        pruned += p
                    else:
                        following[(*own, token)] = p
        level = following
    return Choices(found, pruned)


def named_option(answer: str, options: Sequence[Sequence[str]]) -> int | None:
    """Which option an answer begins with, by the rules of `choice_probabilities`; None where it is none of them."""
    for text, index in _longest_first(tuple(map(tuple, options))):
        if answer.startswith(text) and not _is_of_word(answer[len(text) : len(text) + 1] or " "):
            return index
    return None


@lru_cache(maxsize=32)
def _longest_first(options: tuple[tuple[str, ...], ...]) -> list[tuple[str, int]]:
    return sorted(_texts(options).items(), key=lambda item: -len(item[0]))


def _texts(options: Sequence[Sequence[str]]) -> dict[str, int]:
    """Every text that counts as an option, with its option."""
    owner: dict[str, int] = {}
    for index, spellings in enumerate(options):
        for spelling in spellings:
            for form in {spelling, spelling[:1].upper() + spelling[1:], spelling[:1].lower() + spelling[1:]}:
                if owner.setdefault(form, index) != index:
                    raise InvalidInput(f"{spelling!r} stands for two answers; give each spelling once.")
    for form in owner:
        cuts = [i for i in range(1, len(form)) if not _is_of_word(form[i])]
        if begun := next((form[:i] for i in cuts if form[:i] in owner and owner[form[:i]] != owner[form]), None):
            raise InvalidInput(f"The answer {begun!r} begins the answer {form!r}; leave one of them out.")
    return {f"{frame} {form}".strip(): index for frame in FRAMES for form, index in owner.items()}


def _sequences(sampler: TorchSampler, encoded: Encoded, texts: dict[str, int]) -> dict[tuple[int, ...], int]:
    """The token ids after the prompt of every text, with and without a space before it; and its option."""
    owner: dict[tuple[int, ...], int] = {}
    wholes = {f"{encoded.prompt.text}{lead}{text}": index for text, index in texts.items() for lead in ("", " ")}
    rows = sampler.tokenizer(list(wholes), add_special_tokens=encoded.prompt.add_special_tokens)["input_ids"]
    for ids, index in zip(rows, wholes.values(), strict=True):
        if ids[: len(encoded.ids)] == encoded.ids:  # otherwise the tokens of prompt and text grow together
            owner[tuple(ids[len(encoded.ids) :])] = index
    return owner


def _next(
    sampler: TorchSampler, prompt: Any, sequences: Sequence[tuple[int, ...]]
) -> list[tuple["torch.Tensor", float]]:
    """After each of some sequences of one length: the next token's distribution (V,), and P that a word ends there.

    `prompt` is what `TorchSampler.prefill` gives for one question; it is left as it is.
    """
    import torch

    model = sampler.activated()
    logits = prompt.logits  # (1, V), where nothing has been said yet
    with torch.inference_mode():
        if sequences[0]:
            ids = torch.tensor(sequences, device=model.device)  # (R, L)
            mask = torch.cat([prompt.mask.expand(len(ids), -1), torch.ones_like(ids)], dim=1)
            cache = copy.deepcopy(prompt.cache)
            cache.reorder_cache(torch.zeros(len(ids), dtype=torch.long, device=ids.device))
            logits = sampler.next_logits(ids, mask, cache)  # (R, V)
        p = torch.softmax(logits.float(), dim=-1)
        ends = torch.from_numpy(_ends_word(sampler, logits.shape[-1])).to(p.device)
        total = (p * ends).sum(dim=-1, dtype=torch.float64)
        return list(zip(p, total.tolist(), strict=True))


def _is_of_word(character: str) -> bool:
    """Whether a character goes on with a word or number: a letter, a digit, a hyphen ("twenty-one")."""
    is_space = character in "ĠĊ"  # a space and a line break, as byte-level tokenizers write them
    return (character.isalnum() or character == "-") and not is_space


def _ends_word(sampler: TorchSampler, size: int) -> np.ndarray:
    """Which tokens (V,) may follow a whole word: all but those that go on with it."""
    known = getattr(sampler.tokenizer, "_homog_ends_word", None)
    if known is None or len(known) != size:
        pieces: Any = sampler.tokenizer.convert_ids_to_tokens(list(range(min(size, len(sampler.tokenizer)))))
        goes_on = [bool(piece) and _is_of_word(piece[0]) for piece in pieces]
        known = sampler.tokenizer._homog_ends_word = ~np.array(goes_on + [False] * (size - len(goes_on)))
    return known
