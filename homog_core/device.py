"""The device that models run on: which it is, what fits on it, and its memory.

It knows the numbers of a model, not its weights.
"""

import contextlib
import ctypes
import gc
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from homog_core.errors import OutOfMemory

# Held while transformers makes a model. It replaces functions of its own classes meanwhile (`no_tie_weights`). Where
# two threads do so at once, what one has put in their place stays for good: no tied model loads any more.
LOADING = threading.RLock()
_FOR_GOOD = threading.Event()  # set once this process is to keep what it frees
_PASSES_OVER = threading.Event()  # set once collections of garbage are to pass over what is loaded
_COLLECTING = threading.RLock()

_SPACE = 1.2  # times the weights, where only their size is known: a fifth more for the cache and activations
_LOGIT_COPIES = 4  # of (rows, vocabulary): the logits, their log-probabilities and two for the entropy and the draw
_FLOAT32 = 4  # bytes
_NO_MEMORY = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed")
_CONTAINER = Path("/sys/fs/cgroup")  # of Linux, version 2
_BF16 = (8, 0)  # the compute capability from which a card computes in bf16: NVIDIA's Ampere
# Families whose activations exceed what fp16 can hold (65,504). vLLM refuses fp16 for gemma2, gemma3, plamo2, glm4 (its
# _FLOAT16_NOT_SUPPORTED_MODELS); transformers issues 36822 and 39972 show it for Gemma 3, 4586 and 9295 for T5.
_OVERFLOW_IN_FP16 = ("gemma2", "gemma3", "gemma3n", "plamo2", "glm4", "t5", "mt5", "umt5", "longt5")


@dataclass(frozen=True, slots=True)
class Device:
    """Where models would run, and how much room there is."""

    name: str  # as a person knows it
    free_bytes: int
    bytes_per_parameter: int  # bf16 or fp16 on a GPU, fp32 on a CPU

    def needs(self, n_parameters: int) -> int:
        """Bytes that a model takes, with its cache and activations, where no more is known than its size.

        `memory_needed` is exact about the cache.
        """
        return int(n_parameters * self.bytes_per_parameter * _SPACE)


@dataclass(frozen=True, slots=True)
class ModelNumbers:
    """What the memory of a model depends on."""

    n_parameters: int
    vocabulary: int
    windows: tuple[int | None, ...]  # tokens that each caching layer keeps; None: all of them
    kv_heads: int
    head_dim: int


class Placement(NamedTuple):
    """Where a model goes."""

    device_map: str  # "cpu", a GPU such as "cuda:0", or "auto": all GPUs together
    free_bytes: int  # that its weights may take there
    max_memory: dict[int, int] | None = None  # of "auto": bytes by GPU


def probe_device() -> Device:
    """The device of this machine. Imports torch, which takes seconds."""
    import torch

    free = _free_on_gpus()
    if free:
        return Device(", ".join(torch.cuda.get_device_name(i) for i in range(len(free))), sum(free), 2)
    return Device(f"CPU, {torch.get_num_threads()} threads", free_on_cpu(), _FLOAT32)


def capability() -> tuple[int, int] | None:
    """The compute capability of the oldest GPU; None where there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    return min(torch.cuda.get_device_capability(i) for i in range(torch.cuda.device_count()))


def choose_dtype(compute: tuple[int, int] | None, model_type: str) -> str:
    """The name of torch's type that a model computes in.

    fp32 on a CPU (`compute` None), bf16 on a GPU of compute capability 8.0 or newer. On an older one fp16, or fp32 for
    a family that overflows in fp16: `model_type` is the one of its config.
    """
    if compute is None:
        return "float32"
    if compute >= _BF16:
        return "bfloat16"
    return "float32" if model_type.removesuffix("_text") in _OVERFLOW_IN_FP16 else "float16"


def model_numbers(config: Mapping[str, Any], n_parameters: int) -> ModelNumbers | None:
    """The numbers of a model by its config.json; None where they are not in it.

    Of a model for pictures too they are those of its text part. Layers of linear attention or a state space keep no
    tokens and are left out. A config without `layer_types` counts every layer as one of full attention, which is the
    most that it can take.
    """
    text = config.get("text_config") or config
    heads, hidden = text.get("num_attention_heads"), text.get("hidden_size")
    kinds = text.get("layer_types") or ["full_attention"] * (text.get("num_hidden_layers") or 0)
    if not (heads and hidden and kinds and text.get("vocab_size")):
        return None
    return ModelNumbers(
        n_parameters=n_parameters,
        vocabulary=text["vocab_size"],
        windows=tuple(_window(kind, text) for kind in kinds if "attention" in kind and "linear" not in kind),
        kv_heads=text.get("num_key_value_heads") or heads,
        head_dim=text.get("head_dim") or hidden // heads,
    )


def cache_bytes(numbers: ModelNumbers, rows: int, tokens: int, bytes_per_value: int) -> int:
    """Bytes of the keys and values of `rows` answers of `tokens` tokens each, their prompts included.

    2 · rows · KV heads · head size · bytes · Σ over layers of the tokens that a layer keeps. A layer with a sliding
    window of w keeps w − 1, since the token at hand is the w-th.
    """
    kept = sum(tokens if window is None else min(tokens, window - 1) for window in numbers.windows)
    return 2 * rows * numbers.kv_heads * numbers.head_dim * bytes_per_value * kept


def memory_needed(numbers: ModelNumbers, rows: int, tokens: int, bytes_per_parameter: int) -> int:
    """Bytes that sampling takes: weights, cache and next-token distributions.

    `rows` answers grow at the same time (questions × (samples + 1)), `tokens` is the length of a prompt with its
    answer. The distributions are four copies of (rows, vocabulary) in fp32. Activations are left out: they are a few
    hidden states per token of a prompt, small beside the distributions. The weights of a quantised model take less.
    """
    weights = numbers.n_parameters * bytes_per_parameter
    distributions = _LOGIT_COPIES * rows * numbers.vocabulary * _FLOAT32
    return weights + cache_bytes(numbers, rows, tokens, bytes_per_parameter) + distributions


def free_on_cpu() -> int:
    """Bytes of the machine's own memory that a program can still take, within its container's limit if it has one."""
    import psutil

    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError, KeyError):  # no container, or a limit of "max"
        limit, used = (int((_CONTAINER / name).read_text()) for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (_CONTAINER / "memory.stat").read_text().splitlines())
        free = min(free, limit - used + int(stat["inactive_file"]))  # a cache of files gives way
    return max(0, free)


def choose_placement(n_bytes: int) -> Placement:
    """Where to load weights of that many bytes.

    Of several GPUs the one with most free memory is taken where it has a fifth more than the weights. Otherwise all
    share them, and each keeps a sixth of its free memory for the cache. `require_room` says whether the weights fit.
    """
    free = _free_on_gpus()
    if not free:
        return Placement("cpu", free_on_cpu())
    best = int(np.argmax(free))
    if len(free) == 1 or n_bytes * _SPACE <= free[best]:
        return Placement(f"cuda:{best}", free[best])
    shares = {i: int(own / _SPACE) for i, own in enumerate(free)}
    return Placement("auto", sum(shares.values()), shares)


def require_room(key: str, n_bytes: int) -> Placement:
    """Where to load the weights of the model `key`. Raises `OutOfMemory` with both sizes where they do not fit.

    Nothing is ever moved to the CPU or the disk beside a GPU: a model would answer, a hundred times slower.
    """
    placement = choose_placement(n_bytes)
    if n_bytes > placement.free_bytes:
        where = "there is no GPU" if placement.device_map == "cpu" else "on the GPU"
        raise OutOfMemory(
            f"The weights of {key} need {n_bytes / 1e9:.1f} GB of memory and {placement.free_bytes / 1e9:.1f} GB are "
            f"free ({where}); choose a smaller model, or end what else uses the memory."
        )
    return placement


def _window(kind: str, text: Mapping[str, Any]) -> int | None:
    return text.get("sliding_window") if kind == "sliding_attention" else None


def _free_on_gpus() -> list[int]:
    import torch

    if not torch.cuda.is_available():
        return []
    return [torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a device ran out of memory.

    That is CUDA's own class, the message of the CPU's allocator, or cuBLAS, which finds no room for its workspace.
    """
    import torch

    words = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(said in words for said in _NO_MEMORY)
    )


def free_memory() -> None:
    """Give back what nothing refers to any more, on the device too."""
    import torch

    _collect(passes_over=_PASSES_OVER.is_set())
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def pass_over_what_is_loaded() -> None:
    """Let Python's own collections of garbage pass over what this server has loaded by now.

    Looking at all of it takes 0.4 s, which would fall into somebody's click. `free_memory` looks at it again; whoever
    gives up something large with cycles in it, as models have, must call that.
    """
    _PASSES_OVER.set()
    _collect(passes_over=True)


def _collect(*, passes_over: bool) -> None:
    with _COLLECTING:  # a collection that another thread begins meanwhile would end at once
        if _PASSES_OVER.is_set():
            gc.unfreeze()
        gc.collect()
        if passes_over:
            gc.freeze()


def avoid_plans_by_shape() -> None:
    """Keep torch from computing attention with cuDNN, which makes a plan for every length of the cache.

    In bf16 on a Hopper GPU torch prefers it. A cache grows at every step, so every step waits for a plan of its own:
    decoding was five times slower than in fp32 (docs/performance.md).
    """
    import torch

    torch.backends.cuda.enable_cudnn_sdp(False)


def keep_freed_memory() -> None:
    """Let the process keep the memory that it frees from now on, where the C library is glibc.

    A step over a large vocabulary frees hundreds of megabytes and asks for them again. Handed back to the system, they
    are paged in again each time, which on a CPU is a quarter of the sampling and most of the training time.
    """
    _FOR_GOOD.set()
    _keep()


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """The same for as long as this is open; then what is free goes back to the system.

    A server that went on keeping it would hold, for as long as it runs, the most that it ever needed. Where somebody
    has called `keep_freed_memory`, what is freed later is kept again.
    """
    _keep()
    try:
        yield
    finally:
        if not _FOR_GOOD.is_set():
            _allocate(mmap_max=2**16, trim_threshold=2**26, top_pad=2**17, mmap_threshold=2**25)
        _collect(passes_over=False)  # an error that is on its way may hold what was loaded
        with contextlib.suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)


def _keep() -> None:
    _allocate(mmap_max=0, trim_threshold=2**31 - 1, top_pad=2**28)


def _allocate(**options: int) -> None:
    """Set options of glibc's allocator, by their names in malloc.h; another system or C library is left as it is."""
    numbers = {"trim_threshold": -1, "top_pad": -2, "mmap_threshold": -3, "mmap_max": -4}
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        for name, value in options.items():
            mallopt(numbers[name], value)
