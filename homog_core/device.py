"""The device that models run on: which it is, what fits on it, and its memory. Knows no model, only its size."""

import contextlib
import gc
from dataclasses import dataclass

import numpy as np

_SPACE = 1.2  # times the weights: a fifth more for the cache and activations


@dataclass(frozen=True, slots=True)
class Device:
    """Where models would run, and how much room there is."""

    name: str  # as a person knows it
    free_bytes: int
    bytes_per_parameter: int  # bf16 on a GPU, fp32 on a CPU

    def needs(self, n_parameters: int) -> int:
        """Bytes that a model takes, with its cache and activations."""
        return int(n_parameters * self.bytes_per_parameter * _SPACE)


def probe_device() -> Device:
    """The device of this machine. Imports torch, which takes seconds."""
    import psutil
    import torch

    if torch.cuda.is_available():
        devices = range(torch.cuda.device_count())
        name = ", ".join(torch.cuda.get_device_name(i) for i in devices)
        return Device(name, sum(torch.cuda.mem_get_info(i)[0] for i in devices), 2)
    return Device(f"CPU, {torch.get_num_threads()} threads", psutil.virtual_memory().available, 4)


def choose_placement(n_parameters: int | None) -> str:
    """Where to load a model of that size: "cpu", a GPU such as "cuda:0", or "auto", which is all GPUs together.

    Of several GPUs the one with most free memory is taken. A model of unknown size is taken to fit.
    """
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    free = [torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())]
    best = int(np.argmax(free))
    return f"cuda:{best}" if 2 * (n_parameters or 0) * _SPACE <= free[best] else "auto"  # 2 bytes a parameter: bf16


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a device ran out of memory (CUDA's own class, or the CPU allocator's message)."""
    import torch

    words = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)
    )


def free_memory() -> None:
    """Give back what nothing refers to any more, on the device too."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def keep_freed_memory() -> None:
    """Let the process keep the memory that it frees, where the C library is glibc.

    A step over a large vocabulary frees hundreds of megabytes and asks for them again. Handed back to the system, they
    are paged in again each time, which on a CPU is a quarter of the sampling and most of the training time.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):  # another system or C library
        mallopt = ctypes.CDLL(None).mallopt
        mmap_max, trim_threshold, top_pad = -4, -1, -2  # their names in malloc.h
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 2**28)
