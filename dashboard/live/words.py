"""What is said of a live job, in sentences. Texts of models, ids and messages in them are to be escaped."""

from collections.abc import Callable, Sequence

from homog_core.live import ModelSnapshot, Snapshot
from homog_core.records import Decoding
from homog_core.wording import numbers

WAITS = "Not asked yet."
NEVER = "Was not asked."


def status(snapshot: Snapshot, seconds_left: float | None) -> str:
    """What a job is doing; `seconds_left` are those that sampling takes at most, None where that is not known."""
    since = f" · {numbers.duration(snapshot.seconds)}" if snapshot.seconds >= 1 else ""
    if snapshot.stopping:
        return f"Stopping …{since}"
    if snapshot.state == "queued" and snapshot.position == 0:
        return "Starting …"
    if snapshot.state == "queued":
        others = "1 job is" if snapshot.position == 1 else f"{snapshot.position} jobs are"
        return f"Somebody else is sampling: {others} ahead of yours, which starts by itself."
    if snapshot.state != "sampling" or seconds_left is None:
        return f"{snapshot.message} …{since}"
    return f"{snapshot.message} · about {numbers.duration(max(seconds_left, 1))} left, if answers reach the token limit"


def seconds_left(snapshot: Snapshot, seconds_of: Callable[[ModelSnapshot], float | None]) -> float | None:
    """How long sampling still takes at most, in seconds: every model goes on to the token limit as fast as it does now.

    `seconds_of` estimates a model that has hardly begun. None where some model's speed is not known.
    """
    limit = snapshot.request.decoding.max_new_tokens
    total = 0.0
    for part in snapshot.models:
        if part.result is not None:
            continue
        n_steps = max((answer.n_tokens for answer in part.answers.values()), default=0)
        pace = (part.seconds - part.first_seconds) / (n_steps - 1) if n_steps > 1 else None
        own = seconds_of(part) if pace is None else pace * (limit - n_steps)
        if own is None:
            return None
        total += own
    return total


def stopped(snapshot: Snapshot) -> str:
    """That a job was stopped, and whether it had said anything."""
    said = any(answer.text.strip() for part in snapshot.models for answer in part.answers.values())
    return "Stopped. Answers so far are below." if said else "Stopped before the first answer."


def n_tokens(decoding: Decoding) -> int:
    """The most tokens that a model says: N samples and the greedy answer."""
    return (decoding.n_samples + 1) * decoding.max_new_tokens


def progress(part: ModelSnapshot, n_samples: int) -> str:
    """How far a model is while it is asked."""
    if not part.is_asked:
        return WAITS
    speed = f" · {numbers.whole(part.n_tokens / part.seconds)} tokens/s" if part.seconds > 1 else ""
    return f"{part.n_finished} of {n_samples} answers finished{speed}"


def outcome(part: ModelSnapshot, n_samples: int) -> str:
    """How far a model came."""
    if not part.is_asked:
        return NEVER
    if part.result is not None:
        return f"All {n_samples} answers finished."
    return f"{part.n_finished} of {n_samples} answers finished; the others were cut off and are in no cluster."


def not_kept(parts: Sequence[ModelSnapshot]) -> str:
    """Why some models cannot be kept as runs; "" where there is none of them."""
    cut = [part.model.key for part in parts if part.is_asked and part.result is None]
    if not cut:
        return ""
    return (
        f"{' and '.join(cut)} cannot be kept as {'a run' if len(cut) == 1 else 'runs'}: the answers that finish first "
        "are the short ones, so a rate over them would be biased."
    )


def takes(seconds: float | None, request_size: str, loading: Sequence[float | None]) -> str:
    """How long a request takes and what that includes; `loading` are the seconds of its weights, None if unknown."""
    if seconds is None:
        return f"Duration not known yet, for at most {request_size}."
    known = [one for one in loading if one is not None]
    load = f" and about {numbers.duration(max(sum(known), 1))} to load the weights" if sum(known) else ""
    unknown = " Loading the weights comes on top." if len(known) < len(loading) else ""
    return (
        f"About {numbers.duration(max(seconds, 1))} for at most {request_size}{load}, as fast as measured before; "
        f"longer while this machine is busy.{unknown}"
    )
