"""Fixtures of all tests. What they are made of stands in `fakes`."""

import gc
from pathlib import Path

import pytest
from fakes import (
    ANSWERS,
    CHROMIUM,
    DECODING,
    FAKE_SPEC,
    MODEL_CACHE,
    PATIENCE,
    QUESTIONS,
    STREAMLITS_OWN,
    FakeSampler,
    link_shipped,
    serving,
    tiny_adapter,
    tiny_model,
    tiny_tokenizer,
)

from homog_core import files
from homog_core.catalogue.models import MODELS
from homog_core.records import PromptStyle
from homog_core.runs.sample import sample_run
from homog_core.runs.store import Run
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.weights import find_model


def pytest_collection_finish() -> None:
    """What all tests have imported stays until the end, so that no collection of garbage looks through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of what ships with the project."""
    return link_shipped(files.PROJECT, tmp_path_factory.mktemp("shipped"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's runs, those in the checkout included."""
    monkeypatch.setenv("HOMOG_CACHE", str(tmp_path))
    monkeypatch.setattr(files, "SHIPPED", shipped)
    return tmp_path


@pytest.fixture
def no_shipped_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the runs that ship with the project."""
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "shipped"


@pytest.fixture
def run() -> Run:
    """Sampled, not scored."""
    return sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")


@pytest.fixture(params=["llama", "gemma3", "adapter"])
def tiny_sampler(request: pytest.FixtureRequest, tmp_path: Path) -> TorchSampler:
    """The real engine on tiny models: full attention, a sliding window shorter than the prompts, and an adapter."""
    architecture = "llama" if request.param == "adapter" else request.param
    base = TorchSampler(tiny_model(architecture), tiny_tokenizer(), FAKE_SPEC, "test")
    return base.sibling(tiny_adapter(tmp_path / "adapter")) if request.param == "adapter" else base


@pytest.fixture
def llama_sampler() -> TorchSampler:
    """The real engine on one tiny model, where the architecture makes no difference."""
    return TorchSampler(tiny_model("llama"), tiny_tokenizer(), FAKE_SPEC, "test")


@pytest.fixture(
    scope="session",
    params=[("gemma-3-270m", "plain"), ("gemma-3-270m-dpo", "plain"), ("smollm2-135m-instruct", "chat")],
    ids=lambda param: param[0],
)
def real_sampler(request: pytest.FixtureRequest) -> tuple[TorchSampler, PromptStyle]:
    """A model that comes as a package, and its prompt style, converted at most once per machine."""
    key, style = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMOG_CACHE", MODEL_CACHE)
        return TorchSampler.from_pretrained(MODELS[key]), style


@pytest.fixture(scope="session")
def models():
    """The folder of two models, unpacked once per machine, so that no test waits for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMOG_CACHE", MODEL_CACHE)
        for name in ("smollm2-135m-instruct", "gemma-3-270m"):
            TorchSampler.from_pretrained(find_model(name))
    return Path(MODEL_CACHE) / "models"


@pytest.fixture(scope="session")
def server(tmp_path_factory, shipped, request):
    """A server for all browser tests; it has the models but none of the user's runs."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    own, models = tmp_path_factory.mktemp("cache"), request.getfixturevalue("models")
    (own / "models").symlink_to(models)
    with serving(own, shipped) as (url, _, log):
        yield url
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def bare_server(tmp_path_factory, shipped):
    """A server of stored runs, whose models no test asks: its address."""
    with serving(tmp_path_factory.mktemp("cache"), shipped) as (url, _, _):
        yield url


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def context(browser):
    """A browser that keeps the server's scripts, as a visitor's does: reading them is most of opening a page."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def new_page(context):
    """A function that opens a page; at the end no page may have logged an error, and nothing is left of any."""
    errors, pages = [], []

    def open_page(url: str, width: int = 1280, scheme: str = "light"):
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.evaluate("localStorage.clear()")
        page.close()
    context.clear_cookies()
    context.clear_permissions()
    assert [text for text in errors if not any(own in text for own in STREAMLITS_OWN)] == []
