"""A live job on the screen: what it will take, its answers while they arrive, and what it ended with.

The page Live lab chooses what is sampled; the queue samples, and knows nothing of the screen.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import blocks, draws
from dashboard.cache import live_queue, session_id, umap_warm_up
from dashboard.question.answers import answer_list, inspector, traces
from dashboard.question.clusters import clusters, strip
from dashboard.question.picture import Picture, computed_map, map_method
from dashboard.text import plain
from dashboard.tree import trees
from homog_core.analysis.draws import count_named
from homog_core.figures.html import answer_cards
from homog_core.figures.question import answer_name
from homog_core.live import ModelSnapshot, Request, Snapshot
from homog_core.measures.clustering import Clusterer, by_size
from homog_core.records import GREEDY, Response
from homog_core.runs import store
from homog_core.wording import numbers, recipes
from homog_core.wording.run_names import prompt_title

POLL_SECONDS = 0.5


@st.fragment(run_every=2.0)
def forecast(request: Request | None) -> None:
    """On what device, whether it fits, and roughly how long."""
    if request is None:
        st.caption("Choose a model and a question first.")
        return
    device = live_queue().device()
    if device is None:
        st.caption("Looking at the device …")
        return
    room = "size unknown"
    if sizes := [spec.n_parameters for spec in request.models if spec.n_parameters]:
        needed, free = device.needs(max(sizes)) / 1e9, device.free_bytes / 1e9
        fits = "fits" if needed <= free else "**does not fit**: choose a smaller model"
        room = f"needs about {numbers.tenth(needed)} GB of {numbers.whole(free)} GB free, {fits}"
    tokens = (request.decoding.n_samples + 1) * request.decoding.max_new_tokens
    speeds = [
        live_queue().tokens_per_second(spec.key) or _stored_speed(spec.key, device.name) for spec in request.models
    ]
    duration = "duration not known yet"
    if all(speeds):
        seconds = math.ceil(sum(tokens / speed for speed in speeds))
        duration = f"at most about {numbers.duration(seconds)} for {len(speeds) * tokens:,} tokens"
    st.caption(f"{plain(device.name)} · {room} · {duration}, plus a few seconds to load the model the first time")


def job(job_id: str, clusterer: Clusterer) -> None:
    """A job, going on or over. Raises `HomogError` where it is not known any more."""
    snapshot = live_queue().snapshot(job_id, session_id())
    if snapshot.is_over:
        _finished(snapshot, clusterer)
    else:
        _watch(job_id, clusterer)


# While it goes on


@st.fragment(run_every=POLL_SECONDS)
def _watch(job_id: str, clusterer: Clusterer) -> None:
    """Look again and again; when the job is over, leave by a rerun of the page."""
    queue = live_queue()
    snapshot = queue.snapshot(job_id, session_id())
    if snapshot.is_over:
        st.rerun()
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.markdown(f"**{_status(snapshot)}**")
    right.button(
        "Stop",
        icon=":material/stop:",
        on_click=queue.stop,
        args=(job_id,),
        disabled=snapshot.stopping,
        width="stretch",
        key=f"stop-{job_id}",
    )
    _exact(snapshot)
    for position, part in enumerate(snapshot.models):
        picture = _picture(snapshot, part, clusterer, position)
        if part.result and part is not snapshot.models[-1]:
            strip(picture, heading=part.model.key)
        else:
            _cards(part)
            _drawn(picture, part)
            if picture.responses:
                traces(picture, None)


def _status(snapshot: Snapshot) -> str:
    if snapshot.stopping:
        return "Stopping …"
    if snapshot.state == "queued" and snapshot.position == 0:
        return "Starting …"
    if snapshot.state == "queued":
        others = "1 job is" if snapshot.position == 1 else f"{snapshot.position} jobs are"
        return f"Somebody else is sampling: {others} ahead of yours, which starts by itself."
    if snapshot.state != "sampling" or not snapshot.models:
        return plain(snapshot.message) + " …"
    part = snapshot.models[-1]
    ended = sum(answer.finish_reason is not None for answer in part.answers.values())
    speed = f" · {numbers.whole(part.n_tokens / part.seconds)} tokens/s" if part.seconds > 1 else ""
    return f"{plain(snapshot.message)}: {ended} of {snapshot.request.decoding.n_samples + 1} answers finished{speed}"


def _cards(part: ModelSnapshot) -> None:
    """The N answers while tokens arrive, the greedy one last."""
    rows = []
    for index in sorted(part.answers, key=lambda i: (i == GREEDY, i)):
        answer = part.answers[index]
        going = answer.finish_reason is None
        mean = np.mean(answer.entropies) if answer.entropies else 0.0
        state = "…" if going else {"stop": "finished", "length": "cut by the token limit"}.get(answer.finish_reason, "")
        text = answer.text.strip() + (" ▍" if going else "")
        rows.append((answer_name(index), text, f"token {len(answer.tokens)} · {numbers.number(mean)} nats · {state}"))
    st.html(answer_cards(rows))


# When it is over


def _finished(snapshot: Snapshot, clusterer: Clusterer) -> None:
    """Everything it said, and what can be done with it."""
    if snapshot.state == "failed":
        st.error(plain(snapshot.message), icon=":material/error:")
    elif snapshot.state == "stopped":
        st.warning("Stopped. The answers so far are below; those that were cut off are not clustered.")
    if not snapshot.models:
        return
    if any(part.result for part in snapshot.models):
        _keep_button(snapshot)
    st.markdown(f"#### {plain(snapshot.request.question.text)}")
    _exact(snapshot)
    pictures = [_picture(snapshot, part, clusterer, i) for i, part in enumerate(snapshot.models)]
    position = _side_by_side(snapshot, pictures) if len(snapshot.request.models) > 1 else 0
    with st.expander("The exact prompt", icon=":material/terminal:"):
        st.code(snapshot.models[position].prompt, language=None, wrap_lines=True)
    _drawn(pictures[position], snapshot.models[position])
    names = " / ".join(keys := [part.model.key for part in snapshot.models])
    decoding, styles = snapshot.request.decoding, dict.fromkeys(part.style for part in snapshot.models)
    trees(
        [(key, _ended(part)) for key, part in zip(keys, snapshot.models, strict=True)],
        recipes.recipe(names, decoding, " / ".join(styles), None, 1),
        f"tree-{snapshot.id}",
    )
    answer_list(pictures[position])
    inspector(pictures[position])


def _keep_button(snapshot: Snapshot) -> None:
    """Keep what has been finished as runs. Raises `HomogError` where it cannot be stored or scored."""
    left, right = st.columns([1, 3], vertical_alignment="center")
    kept: dict[str, list[store.Run]] = st.session_state.setdefault("kept", {})  # by job
    if left.button(
        "Keep as a run", icon=":material/save:", disabled=snapshot.id in kept, width="stretch", key="keep-run"
    ):
        kept[snapshot.id] = live_queue().keep(snapshot.id)
    for run in kept.get(snapshot.id, []):
        right.page_link(
            "pages/questions.py",
            label=f"Kept. Open {plain(run.identity.model)} under Questions",
            icon=":material/bubble_chart:",
            query_params={"run": run.id},
        )


def _side_by_side(snapshot: Snapshot, pictures: Sequence[Picture]) -> int:
    """One strip a model, and which of them to look at more closely."""
    keys = [part.model.key for part in snapshot.models]
    if all(part.result for part in snapshot.models):
        counts = " → ".join(_different(picture) for picture in pictures)
        st.markdown(f"**{counts} different answers** along {' → '.join(map(plain, keys))}")
    for key, picture in zip(keys, pictures, strict=True):
        strip(picture, heading=key)
    st.divider()
    return st.segmented_control(
        "Look more closely at",
        range(len(keys)),
        default=len(keys) - 1,
        format_func=keys.__getitem__,
        required=True,
        key=f"closer-{snapshot.id}",
    )


def _different(picture: Picture) -> str:
    """K of N, the number of different answers among those that are not empty; undefined below two."""
    n = len(picture.clustered)
    return f"{len(set(picture.labels))} of {n}" if n > 1 else "undefined"


# In both


def _exact(snapshot: Snapshot) -> None:
    """Of a question with a closed list: how likely each answer is, and which have been drawn."""
    parts = [part for part in snapshot.models if part.draw]
    if not parts:
        return
    ended = [[a.answer for i, a in part.answers.items() if i != GREEDY and a.finish_reason] for part in parts]
    counts = [count_named(answers, part.draw.options) for part, answers in zip(parts, ended, strict=True)]
    styles = " / ".join(dict.fromkeys(prompt_title(part.style) for part in parts))
    draws.bars(
        [(part.model.key, part.draw) for part in parts],
        f"{' / '.join(part.model.key for part in parts)} · exact next-token probabilities, temperature 1 · {styles}",
        f"exact-{snapshot.id}",
        counts,
    )


def _picture(snapshot: Snapshot, part: ModelSnapshot, clusterer: Clusterer, position: int) -> Picture:
    """What there is to show of one model so far; the answers that have ended are clustered."""
    ended = sorted(part.vectors)
    found = [part.vectors[i].get(clusterer.encoder, {}) for i in ended]
    evidence = {view: [views[view] for views in found] for view in (found[0] if found else ())}
    answers = [part.answers[i].answer for i in ended]
    similarity = clusterer.similarity(snapshot.request.question.text, answers, evidence) if ended else np.zeros((0, 0))
    return Picture(
        key=f"{snapshot.id}-{position}",
        responses={index: answer.response() for index, answer in part.answers.items()},
        clustered=ended,
        similarity=similarity,
        labels=by_size(clusterer.labels(similarity)),
        clusterer=clusterer,
        recipe=recipes.recipe(part.model.key, snapshot.request.decoding, part.style, clusterer, 1),
        color=blocks.model_color(position),
    )


def _ended(part: ModelSnapshot) -> dict[int, Response]:
    """The answers that have ended, by sample index."""
    return {index: answer.response() for index, answer in part.answers.items() if answer.finish_reason}


def _drawn(picture: Picture, part: ModelSnapshot) -> None:
    """Strip, map and matrix of the answers that have ended, from two on."""
    if len(picture.clustered) < 2:
        return
    method = map_method() if umap_warm_up().ready.is_set() else "mds"
    over = {i: response for i, response in picture.responses.items() if part.answers[i].finish_reason}
    clusters(replace(picture, responses=over), computed_map(picture.similarity, method), method)


def _stored_speed(model: str, device: str) -> float | None:
    """Tokens per second of a stored run of this model on a device of this name, if there is one."""
    for run in store.list_runs():
        provenance = run.provenance
        if run.identity.model == model and provenance.device == device and provenance.wall_seconds:
            return provenance.n_tokens / provenance.wall_seconds
    return None
