"""Whatever a URL holds, a page shows what it usually shows, and names the ids that there are not."""

import ast
import json
from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler
from page_testing import open_page, settled, words

from benchmarks.reliability.fuzz.addresses import PAGES
from homog_core.analysis import story
from homog_core.analysis.answer_map import make_map
from homog_core.catalogue.datasets import FIRST_DATASET
from homog_core.catalogue.encoders import DEFAULT_ENCODER
from homog_core.files import PROJECT
from homog_core.records import Decoding, Question
from homog_core.runs.answer_maps import write_map
from homog_core.runs.draw_sets import DrawSet, StoredDraw, write_draws
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs

NONSENSE = ["<b>../../etc</b>", "nan", "-1e9"]
LIVE = ("model", "dataset", "question", "n", "t", "p", "l", "seed", "prompt", "clusterer", "tau", "rule")
TAX = ("dataset", "runs", "category", "clusterer", "tau", "rule", "view", "chart")
ABOVE = ["Data set", "Runs", "Category", "Treat answers as the same if", "Assignment"]
CASES = [  # page, parameters that are right, parameters that are not, and of which a sentence is due
    ("start", {}, ("step", "present"), ["Step"]),
    ("start", {"step": "2"}, ("as",), ["Show as"]),
    (
        "questions",
        {},
        ("run", "question", "answer", "single", "clusterer", "tau", "rule", "view"),
        ["Run", "Treat answers as the same if", "Assignment", "Question", "What to show"],
    ),
    (
        "compare",
        {},
        ("runs", "question", "clusterer", "tau", "rule", "entailment", "level", "view"),
        ["Runs to compare (first = baseline)", *ABOVE[3:], "How much", "What to show", "Question"],
    ),
    ("compare", {"level": "all"}, ("chart",), ["What to show"]),
    ("map", {}, ("runs", "color", "encoder", "question"), ["Runs on the map", "Colour by", "Similar by", "Question"]),
    ("live_lab", {}, LIVE, ["Models, side by side", "Question from", "Question", "Prompt", ABOVE[3]]),
    ("alignment_tax", {}, (*TAX, "budget", "band"), [*ABOVE, "Section", "Chart"]),
    ("alignment_tax", {"chart": "samples"}, ("budget",), []),
    ("alignment_tax", {"view": "won", "chart": "cascade"}, ("of", "band"), ["Run to look at closely"]),
    ("alignment_tax", {"chart": "power"}, ("points",), []),
    ("alignment_tax", {"view": "models", "chart": "between"}, ("cells", "order"), ["Shown", "Order"]),
    ("alignment_tax", {"view": "scores", "chart": "aurocs"}, ("of",), ["Run to look at closely"]),
    ("alignment_tax", {"view": "won"}, ("of", "scores", "band"), ["Run to look at closely", "Scores"]),
    ("alignment_tax", {"view": "published"}, ("figure",), ["Figure"]),
    ("fair_draws", {}, ("sets", "draw"), ["Draw", "Models"]),
    ("runs", {}, ("run",), ["Run"]),
    ("methods", {}, ("term", "code"), ["The word"]),
    ("methods", {"term": "auroc"}, ("separation",), []),
    ("methods", {"term": "threshold"}, ("toy-tau",), []),
]
ELSEWHERE = {"job"}  # below
PARAM_AT = {"get": 0, "number": 1} | dict.fromkeys(("selected", "choice", "segments", "several", "choices"), 2)


class MapEncoder(FakeEncoder):
    key = DEFAULT_ENCODER


@pytest.fixture
def two_runs(no_shipped_runs):
    questions = [Question(f"q{i}", FIRST_DATASET, f"What is {i}?", ("red fox",), category="one") for i in range(3)]
    for key, said in {story.BASE: ("red fox", "blue whale", "seal"), story.ALIGNED: ("red fox",)}.items():
        sampler = FakeSampler({question.id: said for question in questions}, replace(FAKE_SPEC, key=key))
        decoding = Decoding(n_samples=3, temperature=1.5)  # at which nothing tells whether they repeat too seldom
        score_run(sample_run(sampler, questions, decoding, "plain").id, [FakeEncoder()])
    coin = StoredDraw("coin", ("heads", "tails"), ("Flip.",), ((0.4, 0.2),), (0.0,))
    write_map(make_map(list_runs(), MapEncoder()))
    write_draws(DrawSet("m", "r", "float32", "plain", "", None, None, "2026-01-01", "CPU", (coin,)))


def chosen(app):
    """What every widget with choices or a range shows."""
    kinds = (app.slider, app.selectbox, app.multiselect, app.toggle, app.segmented_control, app.pills)
    return {widget.label: widget.value for kind in kinds for widget in kind}


def named(app, nonsense):
    """What the warnings say before the nonsense."""
    return [w.value.replace("\\", "").partition(nonsense)[0].rstrip(": ") for w in app.warning]


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(("page", "right", "params", "due"), CASES)
def test_nonsense_in_the_url_is_named_and_changes_nothing(page, right, params, due):
    usual = settled(open_page(page, **right))
    assert not usual.warning
    for nonsense in NONSENSE:
        app = settled(open_page(page, **right, **dict.fromkeys(params, nonsense)))

        assert not app.exception
        assert not app.error
        assert (app.title[0].value, chosen(app)) == (usual.title[0].value, chosen(usual))
        assert named(app, nonsense) == due
        assert not any("<b>" in text.value for kind in (app.warning, app.markdown, app.caption) for text in kind)


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(("page", "right", "params", "due"), CASES)
def test_empty_parameters_are_no_traceback(page, right, params, due):
    app = settled(open_page(page, **right, **dict.fromkeys(params, "")))

    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("job", NONSENSE)
def test_a_job_that_is_not_known_is_an_error_in_words(job):
    app = open_page("live_lab", job=job)

    assert not app.exception
    assert "sample the question again" in words(app)


def test_every_parameter_has_its_nonsense():
    found = set()
    for path in [*PROJECT.glob("pages/*.py"), *PROJECT.glob("dashboard/**/*.py")]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            module, _, name = ast.unparse(call.func).rpartition(".")
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            if module == "url" and name in ("put", "fill"):
                found |= set(keywords)
            elif module == "url" and name in PARAM_AT and len(call.args) > PARAM_AT[name]:
                found.add(call.args[PARAM_AT[name]].value)
            elif "bind" in keywords:
                found.add(keywords["key"].value)
    typed = {"q", "ask", "list", "find"}  # any text is right there
    assert found - typed <= {param for example in PAGES for param in json.loads(example)["params"]}  # of the fuzzer
    assert found - typed == {param for _, _, params, _ in CASES for param in params} | ELSEWHERE
