"""What a server keeps in memory for everybody who looks: runs, questions, the queue of live jobs, compiled UMAP."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from dashboard.once import once
from dashboard.serving import rest, served_with
from homog_core import files
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.encoders import DEFAULT_ENCODER, ENCODERS
from homog_core.catalogue.servers import Server
from homog_core.device import pass_over_what_is_loaded
from homog_core.errors import HomogError
from homog_core.live import LiveQueue
from homog_core.measures.encoders import SentenceEncoder
from homog_core.records import ModelSpec, Question
from homog_core.runs import store
from homog_core.runs.sentences import sentences_folder
from homog_core.runs.shipped import ships

_WARM_UP_AFTER = 3.0  # seconds


class Version(NamedTuple):
    """A run as its files are now: the key of everything that is cached about it."""

    run_id: str
    files: int  # which files it has, and how each of them is now


def version(run: store.Run) -> Version:
    """The version of a run. The file of its dataset counts too, since a stripped run has its sentences from there."""
    from homog_core.runs.dataset_files import dataset_file

    kept, spec = sentences_folder(run.id), DATASETS.get(run.identity.dataset)
    paths = [run.folder / "manifest.json", *run.folder.glob("*.parquet"), *kept.glob("*.parquet")]
    paths += [path for path in [spec and dataset_file(spec)] if path]
    return Version(run.id, hash(frozenset(map(_now, paths))))


def load_run(run_id: str) -> ScoredRun:
    """A stored run, read again when its files have changed. Raises `HomogError`."""
    return loaded(version(store.open_run(run_id)))


@st.cache_resource(max_entries=64, show_spinner="Reading the run …")
def loaded(found: Version) -> ScoredRun:
    """The run of a version, whose files are not looked at again. Raises `HomogError`."""
    return ScoredRun(store.open_run(found.run_id))


def shipped_first(runs: list[store.Run]) -> list[store.Run]:
    """Runs in the order they are offered: shipped ones, then the others, newest first; runs of one question last."""
    return sorted(
        runs,
        key=lambda run: (run.identity.n_questions == 1, not ships(run.folder)),
    )


@st.cache_data(max_entries=16, show_spinner="Reading the questions …")
def dataset_questions(name: str) -> list[Question]:
    """The questions of a catalogue dataset."""
    from homog_core.runs.questions import load_questions

    return load_questions(name)


def local_datasets() -> list[str]:
    """Catalogue datasets whose file is on this machine."""
    from homog_core.runs.dataset_files import dataset_file

    return [key for key, spec in DATASETS.items() if dataset_file(spec)]


@once
def live_queue() -> LiveQueue:
    """The one queue of live jobs of this server."""
    from homog_core.sampling.load import load_sampler
    from homog_core.sampling.weights import local_weights

    encoders = [sentence_encoder(key) for key in ENCODERS]
    return served_with(LiveQueue(load_sampler, encoders, is_connected=is_connected, prepare=local_weights))


class ServedModels(NamedTuple):
    """What the servers of models.toml have, and what they complain."""

    models: list[ModelSpec]
    complaints: list[str]


@st.cache_data(ttl=60, show_spinner="Asking the servers for their models …")
def served_models(servers: tuple[Server, ...]) -> ServedModels:
    """The models behind some servers, asked for at most once a minute."""
    from homog_core.sampling import remote

    found, complaints = [], []
    for server in servers:
        try:
            found += remote.served_models(server)
        except HomogError as error:
            complaints.append(str(error))
    return ServedModels(found, complaints)


@once
def sentence_encoder(key: str) -> SentenceEncoder:
    """One of the included encoders, loaded once for the whole server, when it first reads something."""
    return SentenceEncoder(key)


def session_id() -> str:
    """Who is looking."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    return context.session_id if context else ""


class WarmUp:
    """Something that takes seconds, done in the background some seconds after a page has been served."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.ready = threading.Event()
        threading.Thread(target=self._work, args=(work,), name="warm-up", daemon=True).start()

    def _work(self, work: Callable[[], object]) -> None:
        time.sleep(_WARM_UP_AFTER)
        work()
        self.ready.set()
        pass_over_what_is_loaded()


@once
def encoders_warm_up() -> WarmUp:
    """Begin to load the encoders, if that has not begun."""
    return WarmUp(_load_encoders)


def _load_encoders() -> None:
    for key in ENCODERS:
        with suppress(HomogError):  # whoever encodes with it meets the same error and shows it
            sentence_encoder(key).load()


@once
def umap_warm_up() -> WarmUp:
    """Begin to compile UMAP when no live job is at work, if that has not begun; `ready` says whether it is quick now.

    It holds Python's lock for some ten seconds, in which a job says a tenth of what it could.
    """
    return WarmUp(_compile_umap)


def _compile_umap() -> None:
    from homog_core.measures.projection import warm_up

    with suppress(HomogError):  # as above; whoever needs a map encodes with this one
        sentence_encoder(DEFAULT_ENCODER).load()
    rest()
    warm_up()


def _now(path: Path) -> tuple[str, tuple[int, ...]]:
    try:
        return path.name, files.version_of(path)
    except OSError:  # a shard that has just been merged, or a run that has just been deleted
        return path.name, ()


def is_connected(session: str) -> bool:
    """Whether a session is that of a page that is open now."""
    from streamlit import runtime

    return runtime.exists() and runtime.get_instance().is_active_session(session)
