"""Live lab: what would it say to my question? Sample answers now and watch them fall into clusters."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import blocks, controls, page, url
from dashboard.cache import dataset_questions, live_queue, local_datasets, session_id, umap_warm_up
from dashboard.question import Picture, answer_list, computed_map, inspector, map_method, strip, traces
from dashboard.question import pictures as pictures_
from dashboard.text import plain
from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.encoders import ENCODERS
from homog_core.catalogue.models import MODELS, training_chain
from homog_core.errors import InvalidInput
from homog_core.figures.html import answer_cards
from homog_core.figures.question import answer_name
from homog_core.live import ModelSnapshot, Request, Snapshot
from homog_core.measures import report_cards
from homog_core.measures.clustering import Clusterer, by_size
from homog_core.records import GREEDY, PROMPT_STYLES, Decoding, ModelSpec, Question
from homog_core.runs import store
from homog_core.runs.questions import typed_question
from homog_core.sampling.weights import find_model
from homog_core.wording import recipes
from homog_core.wording.titles import model_title

PAGE = "live_lab"
POLL_SECONDS = 0.5
OTHER = "another model"
MOST_MODELS = 4
STYLES = {
    "auto": "each model's own",
    "plain": "plain: Q: … A:",
    "few_shot": "few-shot: three examples first",
    "chat": "chat template",
}


def main() -> None:
    page.start_page(PAGE, "Live lab", "Ask a model the same question many times, now, and watch the answers cluster.")
    with st.container(border=True):
        request = request_controls()
        sample_button(request)
    clusterer = controls.clusterer_controls(report_cards.default_clusterers(list(ENCODERS)))
    if job_id := st.query_params.get("job"):
        with page.friendly_errors():
            snapshot = live_queue().snapshot(job_id, session_id())
        if snapshot.is_over:
            finished(snapshot, clusterer)
        else:
            watch(job_id, clusterer)
    else:
        st.info("Choose a model and a question and press Sample. The answers appear here while they are generated.")
    umap_warm_up()


def request_controls() -> Request | None:
    models = models_control()  # the whole width: several names stand side by side
    question = question_control()
    decoding, style = decoding_controls(models)
    if not models or question is None:
        return None
    return Request(models, question, decoding, style)


def models_control() -> tuple[ModelSpec, ...]:
    """Models of the catalogue, and one that is typed in. A typed one is not taken from the URL: it may be a path."""
    keys = url.url_choices(
        "Models, one after the other",
        [*MODELS, OTHER],
        "model",
        most=MOST_MODELS,
        format_func=lambda k: k if k == OTHER else model_title(k),
        help="Stages of one chain that are adapters share one set of weights in memory.",
    )
    chosen = [MODELS[key] for key in keys if key != OTHER]
    if chosen:
        chain_button(chosen)
    if OTHER in keys and (other := other_model()):
        chosen.append(other)
    return tuple(chosen)


def chain_button(chosen: list[ModelSpec]) -> None:
    """Offer to sample, instead of what is chosen, all stages of the chain that the last chosen model stands in."""
    chain = training_chain(chosen[-1])
    if len(chain) == 1 or set(chain) <= set(chosen):
        return
    stages = " → ".join(str(spec.stage) for spec in chain)

    def choose() -> None:
        st.query_params["model"] = ",".join(spec.key for spec in chain[-MOST_MODELS:])

    st.button(f"Choose the whole chain: {stages}", icon=":material/account_tree:", type="tertiary", on_click=choose)


def other_model() -> ModelSpec | None:
    name = st.text_input("Hub id, local folder or GGUF file", placeholder="owner/name")
    if not name.strip():
        return None
    try:
        return find_model(name.strip())
    except InvalidInput as error:
        st.warning(plain(str(error)))
        return None


def question_control() -> Question | None:
    """A question of a set that is on this machine, or a typed one."""
    source = url.url_choice(
        "Question from",
        [*local_datasets(), "typed"],
        "dataset",
        format_func=lambda key: "my own words" if key == "typed" else DATASETS[key].title,
    )
    if source == "typed":
        text = st.text_area(
            "Your question", value=st.query_params.get("ask", ""), max_chars=2000, height=68, key="typed-question"
        )
        st.query_params["ask"] = text
        return typed_question(text) if text.strip() else None
    questions = {question.id: question for question in dataset_questions(source)}
    return questions[url.url_choice("Question", list(questions), "question", format_func=lambda k: questions[k].text)]


def decoding_controls(models: Sequence[ModelSpec]) -> tuple[Decoding, str | None]:
    first, second, third, fourth = st.columns(4, gap="medium")
    with first:
        n = url.url_number("Answers (N)", "n", 10, 2, 50, 1)
    with second:
        temperature = url.url_number(
            "Temperature", "t", 1.0, 0.1, 2.0, 0.05, help="The greedy answer (temperature 0) is decoded beside them."
        )
    with third:
        top_p = url.url_number("Top-p", "p", 1.0, 0.05, 1.0, 0.05)
    with fourth:
        limit = url.url_number("Token limit", "l", 32, 4, 256, 4)
    left, right = st.columns(2, gap="large")
    with left:
        style = url.url_choice("Prompt", list(STYLES), "prompt", format_func=lambda key: style_title(key, models))
    with right:
        seed = url.url_number("Seed", "seed", 0, 0, 99, 1, help="The same seed gives the same answers.")
    decoding = Decoding(n_samples=n, temperature=temperature, top_p=top_p, max_new_tokens=limit, seed=seed)
    return decoding, style if style in PROMPT_STYLES else None


def style_title(key: str, models: Sequence[ModelSpec]) -> str:
    own = ", ".join(dict.fromkeys(model.prompt_style for model in models))
    return f"{STYLES[key]} ({own})" if key == "auto" and own else STYLES[key]


def sample_button(request: Request | None) -> None:
    left, right = st.columns([1, 4], vertical_alignment="center")
    if left.button("Sample", type="primary", icon=":material/play_arrow:", disabled=request is None, width="stretch"):
        st.query_params["job"] = live_queue().submit(request, session_id())
    with right:
        forecast(request)


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
        room = f"needs about {needed:.1f} GB of {free:.0f} GB free, {fits}"
    tokens = (request.decoding.n_samples + 1) * request.decoding.max_new_tokens
    speeds = [
        live_queue().tokens_per_second(spec.key) or stored_speed(spec.key, device.name) for spec in request.models
    ]
    duration = (
        f"at most about {math.ceil(sum(tokens / speed for speed in speeds))} s for {len(speeds) * tokens:,} tokens"
        if all(speeds)
        else "duration not known yet"
    )
    st.caption(f"{plain(device.name)} · {room} · {duration}, and some seconds to load the model the first time")


def stored_speed(model: str, device: str) -> float | None:
    """Tokens per second of a stored run of this model on a device of this name, if there is one."""
    for run in store.list_runs():
        provenance = run.provenance
        if run.identity.model == model and provenance.device == device and provenance.wall_seconds:
            return provenance.n_tokens / provenance.wall_seconds
    return None


@st.fragment(run_every=POLL_SECONDS)
def watch(job_id: str, clusterer: Clusterer) -> None:
    """A job that is going on. Leaves the polling by a rerun of the page when it is over."""
    queue = live_queue()
    snapshot = queue.snapshot(job_id, session_id())
    if snapshot.is_over:
        st.rerun()
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.markdown(f"**{status(snapshot)}**")
    right.button(
        "Stop",
        icon=":material/stop:",
        on_click=queue.stop,
        args=(job_id,),
        disabled=snapshot.stopping,
        width="stretch",
        key=f"stop-{job_id}",
    )
    for position, part in enumerate(snapshot.models):
        picture = picture_of(snapshot, part, clusterer, position)
        if part.result and part is not snapshot.models[-1]:
            strip(picture, heading=part.model.key)
        else:
            cards(part)
            drawn(picture, part)
            if picture.responses:
                traces(picture, None)


def status(snapshot: Snapshot) -> str:
    if snapshot.stopping:
        return "Stopping …"
    if snapshot.state == "queued" and snapshot.position == 0:
        return "Starting …"
    if snapshot.state == "queued":
        others = "1 job is" if snapshot.position == 1 else f"{snapshot.position} jobs are"
        return f"Somebody else is sampling: {others} served before yours. It starts by itself."
    if snapshot.state != "sampling" or not snapshot.models:
        return plain(snapshot.message) + " …"
    part = snapshot.models[-1]
    ended = sum(answer.finish_reason is not None for answer in part.answers.values())
    speed = f" · {part.n_tokens / part.seconds:.0f} tokens/s" if part.seconds > 1 else ""
    return f"{plain(snapshot.message)}: {ended} of {snapshot.request.decoding.n_samples + 1} answers finished{speed}"


def finished(snapshot: Snapshot, clusterer: Clusterer) -> None:
    """A job that is over: everything it said, and what can be done with it."""
    if snapshot.state == "failed":
        st.error(plain(snapshot.message), icon=":material/error:")
    elif snapshot.state == "stopped":
        st.warning("Stopped. What had been said until then is below; answers that were cut are not clustered.")
    if not snapshot.models:
        return
    if any(part.result for part in snapshot.models):
        keep_button(snapshot)
    st.markdown(f"#### {plain(snapshot.request.question.text)}")
    pictures = [picture_of(snapshot, part, clusterer, i) for i, part in enumerate(snapshot.models)]
    position = side_by_side(snapshot, pictures) if len(snapshot.request.models) > 1 else 0
    with st.expander("The exact prompt", icon=":material/terminal:"):
        st.code(snapshot.models[position].prompt, language=None, wrap_lines=True)
    drawn(pictures[position], snapshot.models[position])
    answer_list(pictures[position])
    inspector(pictures[position])


def side_by_side(snapshot: Snapshot, pictures: Sequence[Picture]) -> int:
    """One strip a model, and which of them to look at more closely."""
    keys = [part.model.key for part in snapshot.models]
    if all(part.result for part in snapshot.models):
        counts = " → ".join(different(picture) for picture in pictures)
        st.markdown(f"**{counts} different answers** along {' → '.join(map(plain, keys))}")
    for key, picture in zip(keys, pictures, strict=True):
        strip(picture, heading=key)
    st.divider()
    return st.segmented_control(
        "Look closer at",
        range(len(keys)),
        default=len(keys) - 1,
        format_func=keys.__getitem__,
        required=True,
        key=f"closer-{snapshot.id}",
    )


def different(picture: Picture) -> str:
    """K of N, the number of different answers among those that are not empty; undefined below two."""
    n = len(picture.clustered)
    return f"{len(set(picture.labels))} of {n}" if n > 1 else "undefined"


def keep_button(snapshot: Snapshot) -> None:
    left, right = st.columns([1, 3], vertical_alignment="center")
    done = st.session_state.setdefault("kept", {})
    if left.button(
        "Keep as a run", icon=":material/save:", disabled=snapshot.id in done, width="stretch", key="keep-run"
    ):
        with page.friendly_errors():
            done[snapshot.id] = [(run.identity.model, run.id) for run in live_queue().keep(snapshot.id)]
    for model, run_id in done.get(snapshot.id, []):
        right.page_link(
            "pages/questions.py",
            label=f"Kept. Open {plain(model)} under Questions",
            icon=":material/bubble_chart:",
            query_params={"run": run_id},
        )


def cards(part: ModelSnapshot) -> None:
    """The N answers while tokens arrive."""
    rows = []
    for index in [*(i for i in sorted(part.answers) if i != GREEDY), *([GREEDY] if GREEDY in part.answers else [])]:
        answer = part.answers[index]
        going = answer.finish_reason is None
        mean = np.mean(answer.entropies) if answer.entropies else 0.0
        state = "…" if going else {"stop": "finished", "length": "cut by the token limit"}.get(answer.finish_reason, "")
        text = answer.text.strip() + (" ▍" if going else "")
        rows.append((answer_name(index), text, f"token {len(answer.tokens)} · {mean:.2f} nats · {state}"))
    st.html(answer_cards(rows))


def picture_of(snapshot: Snapshot, part: ModelSnapshot, clusterer: Clusterer, position: int) -> Picture:
    """What there is to show of one model so far; the answers that have ended are clustered."""
    ended = sorted(part.vectors)
    found = [part.vectors[i].get(clusterer.encoder, {}) for i in ended]
    evidence = {view: np.stack([views[view] for views in found]) for view in (found[0] if found else ())}
    answers = [part.answers[i].answer for i in ended]
    similarity = clusterer.similarity(answers, evidence) if ended else np.zeros((0, 0))
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


def drawn(picture: Picture, part: ModelSnapshot) -> None:
    """Strip, map and matrix of the answers that have ended, from two on."""
    if len(picture.clustered) < 2:
        return
    method = map_method() if umap_warm_up().ready.is_set() else "mds"
    over = {i: response for i, response in picture.responses.items() if part.answers[i].finish_reason}
    pictures_(replace(picture, responses=over), computed_map(picture.similarity, method), method)


with page.friendly_errors():
    main()
page.end_page(PAGE)
