"""What a request will take: on which device, whether it fits, and how long. It samples nothing."""

import streamlit as st

from dashboard.cache import live_queue
from dashboard.live import words
from dashboard.text import plain
from homog_core.catalogue.models import MODELS
from homog_core.catalogue.servers import is_served
from homog_core.live import Request
from homog_core.records import ModelSpec
from homog_core.runs import store
from homog_core.sampling.weights import availability, memory_of
from homog_core.wording import numbers

_PROMPT_TOKENS = 200  # about, with the examples or the template around a question


@st.fragment(run_every=2.0)
def estimate(request: Request | None) -> None:
    """On what device, whether it fits, how long it takes and what that includes; nothing without a request."""
    if request is None:
        return
    device = live_queue().device()
    if device is None:
        st.caption("Looking at the device …")
        return
    if all(is_served(spec.source) for spec in request.models):
        st.caption(f"By its server, not on this machine · {_duration(request)}")
        return
    st.caption(f"{plain(device.name)} · {_room(request)} · {_duration(request)}")


def seconds_of(model: ModelSpec, n_tokens: int) -> float | None:
    """How long a model takes for so many tokens, by the fastest measurement of its weights; None without one."""
    queue = live_queue()
    device = queue.device()
    same = [model.key, *(key for key, spec in MODELS.items() if spec.source == model.source and key != model.key)]
    measured = next((speed for key in same if (speed := queue.tokens_per_second(key))), None)
    if measured is None and device is not None:
        measured = next((speed for key in same if (speed := stored_speed(key, device.name))), None)
    return n_tokens / measured if measured else None


@st.cache_data(ttl=30, show_spinner=False)
def stored_speed(model: str, device: str) -> float | None:
    """Tokens per second of the slowest stored run of a model on a device of this name; None if there is none."""
    found = [
        run.provenance.n_tokens / run.provenance.wall_seconds
        for run in store.list_runs()
        if run.identity.model == model and run.provenance.device == device and run.provenance.wall_seconds
    ]
    return min(found, default=None)


def _room(request: Request) -> str:
    device = live_queue().device()
    rows, tokens = request.decoding.n_samples + 1, _PROMPT_TOKENS + request.decoding.max_new_tokens
    here = [spec for spec in request.models if not is_served(spec.source)]
    sizes = [size for spec in here if (size := memory_of(spec, device, rows, tokens))]
    if not sizes:
        return "size unknown"
    needed, free = max(sizes) / 1e9, device.free_bytes / 1e9
    fits = "fits" if needed <= free else "**does not fit**: choose a smaller model"
    return f"needs about {numbers.tenth(needed)} GB of {numbers.whole(free)} GB free, {fits}"


def _duration(request: Request) -> str:
    tokens = words.n_tokens(request.decoding)
    each = [seconds_of(spec, tokens) for spec in request.models]
    total = None if None in each else sum(each)
    by_source = {spec.source: spec for spec in request.models}
    loading = [live_queue().load_seconds(spec) for spec in by_source.values()]
    said = words.takes(total, f"{len(each) * tokens:,} tokens", loading)
    found = {spec.key: availability(spec) for spec in request.models}
    going_on = {spec.key: live_queue().prepare(spec) for spec in request.models}
    sentences = {key: going_on[key] or one.sentence for key, one in found.items() if one.state != "ready"}
    missing = {sentence: key for key, sentence in reversed(sentences.items())}  # the first of alike
    first = "; ".join(f"{plain(key)}: {sentence}" for sentence, key in reversed(missing.items()))
    has_list = request.question.answer_type == "draw" and not all(is_served(spec.source) for spec in request.models)
    exact = " The exact probabilities of the list come on top." if has_list else ""
    return said + exact + (f" **Before that**: {first}." if first else "")
