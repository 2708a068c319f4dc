"""Live lab: what would it say to my question? Sample answers now and watch them fall into clusters."""

from collections.abc import Sequence

import streamlit as st

from dashboard import ask, controls, live, page, url
from dashboard.cache import live_queue, session_id, umap_warm_up
from dashboard.text import plain
from homog_core.catalogue.encoders import ENCODERS
from homog_core.catalogue.models import MODELS, training_chain
from homog_core.errors import InvalidInput
from homog_core.live import Request
from homog_core.measures import report_cards
from homog_core.records import PROMPT_STYLES, Decoding, ModelSpec
from homog_core.sampling.weights import find_model
from homog_core.wording.labels import model_title

OTHER = "another model"
MOST_MODELS = 4
STYLES = {
    "auto": "each model's own",
    "plain": "plain: Q: … A:",
    "few_shot": "few-shot: three examples first",
    "chat": "chat template",
}


def main() -> None:
    page.start_page("Live lab", "Ask a model the same question many times, now, and watch the answers cluster.")
    with st.container(border=True):
        request = request_controls()
        sample_button(request)
    clusterer = controls.clusterer_controls(report_cards.default_clusterers(list(ENCODERS)))
    if job_id := url.get("job"):
        live.job(job_id, clusterer)
    else:
        st.info("Choose a model and a question and press Sample. The answers appear here while they are generated.")
    umap_warm_up()


def request_controls() -> Request | None:
    """What is to be sampled; None while a part of it has not been chosen."""
    models = models_control()  # the whole width: several names stand side by side
    question = ask.question()
    decoding, style = decoding_controls(models)
    return Request(models, question, decoding, style) if models and question else None


def models_control() -> tuple[ModelSpec, ...]:
    """Models of the catalogue, and one that is typed in. A typed one is not taken from the URL: it may be a path."""
    keys = url.choices(
        "Models, one after the other",
        [*MODELS, OTHER],
        "model",
        MOST_MODELS,
        list(MODELS)[:1],
        lambda key: key if key == OTHER else model_title(key),
        help="Adapters of one base model share its weights in memory.",
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
    keys = ",".join(spec.key for spec in chain[-MOST_MODELS:])
    st.button(
        f"Choose the whole chain: {stages}",
        icon=":material/account_tree:",
        type="tertiary",
        on_click=lambda: url.put(model=keys),
    )


def other_model() -> ModelSpec | None:
    """A model outside the catalogue, by its name."""
    name = st.text_input("Hub id, local folder or GGUF file", placeholder="owner/name")
    if not name.strip():
        return None
    try:
        return find_model(name.strip())
    except InvalidInput as error:
        st.warning(plain(str(error)))
        return None


def decoding_controls(models: Sequence[ModelSpec]) -> tuple[Decoding, str | None]:
    """How answers are drawn, and the prompt style; None for each model's own."""
    first, second, third, fourth = st.columns(4, gap="medium")
    with first:
        n = url.number("Answers (N)", "n", 10, 2, 50, 1)
    with second:
        temperature = url.number(
            "Temperature", "t", 1.0, 0.1, 2.0, 0.05, help="The greedy answer (temperature 0) is always generated too."
        )
    with third:
        top_p = url.number("Top-p", "p", 1.0, 0.05, 1.0, 0.05)
    with fourth:
        limit = url.number("Token limit", "l", 32, 4, 256, 4)
    left, right = st.columns(2, gap="large")
    with left:
        style = url.choice("Prompt", list(STYLES), "prompt", lambda key: style_title(key, models))
    with right:
        seed = url.number("Seed", "seed", 0, 0, 99, 1, help="The same seed gives the same answers.")
    decoding = Decoding(n_samples=n, temperature=temperature, top_p=top_p, max_new_tokens=limit, seed=seed)
    return decoding, style if style in PROMPT_STYLES else None


def style_title(key: str, models: Sequence[ModelSpec]) -> str:
    """A prompt style as it stands in the list."""
    own = ", ".join(dict.fromkeys(model.prompt_style for model in models))
    return f"{STYLES[key]} ({own})" if key == "auto" and own else STYLES[key]


def sample_button(request: Request | None) -> None:
    """Hand the request to the queue; beside it, what that will take."""
    left, right = st.columns([1, 4], vertical_alignment="center")
    if left.button("Sample", type="primary", icon=":material/play_arrow:", disabled=request is None, width="stretch"):
        url.put(job=live_queue().submit(request, session_id()))
    with right:
        live.forecast(request)


main()
