"""Live lab: what would it say to my question? Ask base and aligned model now and watch their answers cluster."""

import streamlit as st

from dashboard import access, ask, page, url
from dashboard.access import Access
from dashboard.cache import encoders_warm_up, served_models
from dashboard.live.estimate import estimate
from dashboard.live.job import job, start
from dashboard.live.settings import settings
from dashboard.text import plain
from homog_core.catalogue.encoders import ENCODERS
from homog_core.catalogue.models import MODELS, training_chain
from homog_core.catalogue.servers import SERVERS
from homog_core.errors import InvalidInput
from homog_core.live import Request
from homog_core.measures.clustering import Clusterer
from homog_core.measures.report_cards import default_clusterers
from homog_core.records import ModelSpec
from homog_core.sampling.weights import find_model
from homog_core.wording.labels import STAGE_TITLES, model_title

OTHER = "another model"
MOST_MODELS = 4


def main() -> None:
    page.start_page("Live lab", "Ask models the same question many times, now, and watch the answers cluster.")
    found = access.access()
    if found.may_sample:
        clusterer = ask_models(found)
    else:
        st.info(access.why_not(found, "Asking models"))
        clusterer = default_clusterers(list(ENCODERS))[0]
    if job_id := url.get("job"):
        job(job_id, clusterer)
    encoders_warm_up()


def ask_models(found: Access) -> Clusterer:
    """What is asked and how, and the button; returns the clusterer that is chosen beside."""
    with st.container(border=True, gap="small"):
        served = served_models(tuple(SERVERS.values()))
        behind = {spec.key: spec for spec in served.models if spec.key not in MODELS}
        models = models_control(found, access.models(found) | behind, served.complaints if found.may_add else [])
        asked = ask.question()
        row = st.container(horizontal=True, vertical_alignment="center")
        with row:
            chosen = settings(models, asked.source)
            chain_button(models)
        is_whole = bool(models) and asked.question is not None
        request = Request(models, asked.question, chosen.decoding, chosen.style) if is_whole else None
        with row:
            estimate(request)
    if asked.is_pressed and request:
        with page.errors_shown():
            start(request, behind)
    elif asked.is_pressed:
        st.warning("Write a question first." if models else "Choose a model first.")
    elif not url.get("job"):
        st.info("Press Sample. The answers of all models appear here side by side, while they are generated.")
    return chosen.clusterer


def models_control(found: Access, known: dict[str, ModelSpec], complaints: list[str]) -> tuple[ModelSpec, ...]:
    """Models that are known, and for those who may a typed one, which is not in the URL: it may be a path."""
    chain = training_chain(next(iter(MODELS.values())))
    first = list(dict.fromkeys((chain[0].key, chain[-1].key)))
    keys = url.choices(
        "Models, side by side",
        [*known, *([OTHER] if found.may_add else [])],
        "model",
        access.most(found, "models", MOST_MODELS),
        [key for key in first if key in known],
        lambda key: model_title(key) if key in MODELS else key,
        help="Models with the same weights in memory, as the stages of one base, take turns at every token. Others "
        "follow when these are done.",
    )
    for complaint in complaints:
        st.caption(f":material/cloud_off: {plain(complaint)}")
    chosen = [known[key] for key in keys if key != OTHER]
    if OTHER in keys and (other := other_model()):
        chosen.append(other)
    return tuple(chosen)


def chain_button(chosen: tuple[ModelSpec, ...]) -> None:
    """Offer to sample, instead of what is chosen, all stages of the chain that the last chosen model stands in."""
    chain = training_chain(chosen[-1]) if chosen else ()
    if len(chain) < 2 or set(chain) <= set(chosen):
        return
    stages = " → ".join(STAGE_TITLES[spec.stage] for spec in chain)
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


main()
