"""How many questions are decoded together: as many as the memory holds. It decodes nothing itself."""

from collections.abc import Sequence

from homog_core.device import ModelNumbers, memory_needed, model_numbers
from homog_core.records import Decoding, PromptStyle, Question
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.rows import Encoded

MOST = 64  # questions; more than that gains nothing
ON_CPU = 4  # more make a step longer in proportion
_SHARE = 0.7  # of the free memory: the estimate leaves out activations and what an allocator cannot use


def batch_that_fits(
    sampler: TorchSampler, questions: Sequence[Question], decoding: Decoding, style: PromptStyle
) -> int:
    """A number of questions by the memory that is free on the GPU now, with the model on it; on a CPU `ON_CPU`.

    An estimate (`device.memory_needed` at the longest prompt and the token limit). Where it is too bold, the engine
    halves the batch. Of several GPUs the fullest one decides.
    """
    import torch

    gpus = {weight.device for weight in sampler.model.parameters() if weight.device.type == "cuda"}
    if not gpus:
        return ON_CPU
    sizes = [weight.numel() for weight in sampler.model.parameters()]
    numbers = model_numbers(sampler.model.config.to_dict(), sum(sizes))
    if numbers is None:  # the engine halves what is too much
        return min(MOST, len(questions))
    longest = max(len(Encoded.of(sampler, question, decoding, style).ids) for question in questions)
    free = min(torch.cuda.mem_get_info(gpu)[0] for gpu in gpus)
    value = sampler.model.dtype.itemsize
    most = largest_batch(numbers, int(_SHARE * free), decoding.n_samples + 1, longest + decoding.max_new_tokens, value)
    return min(most, len(questions))


def largest_batch(
    numbers: ModelNumbers, free_bytes: int, rows_per_question: int, tokens: int, bytes_per_value: int
) -> int:
    """The largest power of two up to `MOST` whose rows of so many tokens fit into `free_bytes`; 1 if none does."""
    weights = memory_needed(numbers, 0, 0, bytes_per_value)  # which are in memory already
    n_questions = MOST
    while n_questions > 1:
        needed = memory_needed(numbers, n_questions * rows_per_question, tokens, bytes_per_value) - weights
        if needed <= free_bytes:
            break
        n_questions //= 2
    return n_questions
