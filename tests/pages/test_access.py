"""What visitors of a shared server may do: by role, within limits, whatever a browser sends."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from fakes import FAKE_SPEC, make_question
from page_testing import button, open_page, words
from streamlit import config
from streamlit.runtime.secrets import Secrets

from dashboard import access, page
from dashboard.access import Access, Limits, Role, Said, check, is_shared, may_stop, user_name
from homog_core.catalogue.models import MODELS
from homog_core.errors import InvalidInput
from homog_core.live import Request
from homog_core.records import Decoding, ModelSpec

VISITOR = Access(Role.SAMPLE, Limits(), is_shared=True)
HERE = "gemma-3-270m"


@pytest.fixture
def shared(monkeypatch):
    """A shared server; the dict is its secrets.toml."""
    secrets = {}
    monkeypatch.setenv("HOMOG_SHARED", "1")
    monkeypatch.setattr(access, "_secrets", lambda: secrets)
    return secrets


def request(spec=MODELS[HERE], text="Why?", **decoding):
    return Request((spec,), make_question("q", text), Decoding(n_samples=2, max_new_tokens=8, **decoding), "plain")


@pytest.mark.parametrize(
    ("said", "address", "headers", "can_log_in", "shared"),
    [
        ("", "localhost", {}, False, False),
        ("", "0.0.0.0", {}, False, True),
        ("", None, {}, False, True),
        ("", "localhost", {"x-forwarded-for": "10.0.0.1"}, False, True),
        ("", "localhost", {}, True, True),
        ("1", "localhost", {}, False, True),
        ("no", "localhost", {}, False, True),
        ("0", "0.0.0.0", {}, False, False),
    ],
)
def test_anything_that_says_shared_makes_it_shared(monkeypatch, said, address, headers, can_log_in, shared):
    monkeypatch.setenv("HOMOG_SHARED", said)
    streamlit = SimpleNamespace(get_option=lambda name: address, context=SimpleNamespace(headers=headers))
    monkeypatch.setattr(access, "st", streamlit)
    assert is_shared(can_log_in) is shared


@pytest.mark.parametrize(
    ("user", "by_proxy", "role"),
    [
        ({}, False, Role.LOOK),
        ({}, True, Role.LOOK),
        ({"email": "ada@lab.org"}, False, Role.LOOK),  # nobody has checked it
        ({"email": "ada@lab.org"}, True, Role.ADD),
        ({"is_logged_in": False, "email": "ada@lab.org"}, False, Role.LOOK),
        ({"is_logged_in": True, "email": "ada@lab.org", "email_verified": False}, False, Role.LOOK),
        ({"is_logged_in": True, "email": "eve@else.org"}, False, Role.SAMPLE),
        ({"is_logged_in": True, "email": "Ada@Lab.org", "email_verified": True}, False, Role.ADD),
        ({"is_logged_in": True, "email": "KAY@lab.org"}, False, Role.ADD),
        ({"is_logged_in": True, "email": "\u212aay@lab.org"}, False, Role.SAMPLE),  # the Kelvin sign
        ({"is_logged_in": True, "email": "ada@lab.org\u200b"}, False, Role.SAMPLE),
        ({"is_logged_in": True, "email": " ada@lab.org"}, False, Role.SAMPLE),
        ({"is_logged_in": True, "email": ["ada@lab.org"]}, False, Role.LOOK),
        ({"is_logged_in": "yes", "email": "ada@lab.org"}, False, Role.LOOK),
    ],
)
def test_a_role_belongs_to_a_verified_address(user, by_proxy, role):
    said = Said.of({"anyone": "look", "roles": {"ADA@lab.org": "add", "kay@lab.org": "add"}})
    assert said.role(user_name(user, by_proxy)) is role


@pytest.mark.parametrize(
    "table",
    [
        {"anyone": "admin"},
        {"everyone": "look"},
        {"roles": {"a@b.c": "root"}},
        {"limits": {"samples": 0}},
        {"limits": {"answers": 5}},
        {"limits": {"tokens": "9"}},
        {"roles": "a@b.c"},
        {"roles": {"A@b.c": "look", "a@b.c": "add"}},
        {"logged_in": ["add"]},
        "add",
    ],
)
def test_a_wrong_secrets_file_opens_nothing(shared, table):
    shared["access"] = table
    app = open_page("live_lab")
    assert "secrets.toml" in words(app)
    assert not app.button


@pytest.mark.parametrize("content", ["[auth", "[access]\nanyone = look"])
def test_a_secrets_file_that_does_not_read_opens_nothing_even_at_home(tmp_path, monkeypatch, content):
    (tmp_path / "secrets.toml").write_text(content)
    usual = config.get_option
    files = lambda name: [str(tmp_path / "secrets.toml")] if name == "secrets.files" else usual(name)
    monkeypatch.setattr(config, "get_option", files)
    monkeypatch.setattr(access.st, "secrets", Secrets())
    with pytest.raises(InvalidInput, match=r"secrets\.toml does not read"):
        access.access()


@pytest.mark.parametrize(
    "asked",
    [
        request(ModelSpec("etc", "/etc")),
        request(ModelSpec("owner--huge", "owner/huge")),
        request(replace(MODELS[HERE], source="owner/other")),
        request(text="x" * 501),
        replace(request(), decoding=Decoding(n_samples=21)),
        replace(request(), decoding=Decoding(max_new_tokens=65)),
        replace(request(), models=(MODELS[HERE],) * 5),
    ],
)
def test_what_a_browser_sends_beyond_the_page_is_refused(asked):
    with pytest.raises(InvalidInput, match="server"):
        check(VISITOR, asked, {})
    check(Access(Role.ADD), asked, {})


def test_what_is_offered_is_accepted():
    check(VISITOR, request(), {})
    check(VISITOR, request(FAKE_SPEC), {FAKE_SPEC.key: FAKE_SPEC})  # behind a server of ours
    with pytest.raises(InvalidInput, match="not open"):
        check(Access(Role.LOOK, Limits(), is_shared=True), request(), {})


def test_a_shared_lab_offers_models_that_are_here_and_no_others(shared):
    app = open_page("live_lab", model=f"{HERE},another model", n="50", l="256")
    offered = app.multiselect(key="widget:model").options
    absent = [key for key, spec in MODELS.items() if access.availability(spec).state not in ("ready", "prepare")]
    assert absent and "another model" not in offered
    assert len(offered) == len(MODELS) - len(absent)
    assert not [one for one in app.text_input if "folder" in one.label]
    assert (app.slider(key="widget:n").max, app.slider(key="widget:l").max) == (20, 64)


def test_who_may_only_look_sees_no_button(shared):
    shared["access"] = {"anyone": "look"}
    app = open_page("live_lab")
    assert "Asking models is not open" in words(app)
    assert not app.button and not app.multiselect


@pytest.mark.parametrize(("role", "there"), [("sample", False), ("add", True)])
def test_runs_are_changed_by_those_who_may(shared, run, role, there):
    shared["access"] = {"anyone": role}
    labels = [one.label for one in open_page("runs", run=run.id).button]
    assert [name in labels for name in ("Import and score", "Score it now", "Verify", "Delete it")] == [there] * 4
    assert "Prepare the file" in labels  # reading is open to all


def test_the_folder_of_a_damaged_run_is_not_told(shared, own_cache):
    (own_cache / "runs" / "broken").mkdir(parents=True)
    (own_cache / "runs" / "broken" / "manifest.json").write_text("{")
    assert str(own_cache) not in words(open_page("runs", run="broken"))


def test_a_limit_ends_what_the_button_starts(shared, monkeypatch):
    shared["access"] = {"limits": {"question": 10}}
    monkeypatch.setattr(page, "_hand_over_to_app", lambda: None)  # it would lose the click
    app = button(open_page("live_lab"), "Sample").click().run()
    assert "characters are more than the 10 that this server allows" in words(app)


@pytest.mark.parametrize(
    ("found", "session", "is_connected", "may"),
    [
        (VISITOR, "mine", True, True),
        (VISITOR, "other", True, False),
        (VISITOR, "other", False, True),  # nobody's any more
        (replace(VISITOR, name="ada@lab.org"), "reloaded", True, True),
        (Access(Role.ADD, None, "eve@lab.org", is_shared=True), "other", True, False),
        (Access(Role.ADD), "other", True, True),
    ],
)
def test_only_ones_own_job_is_stopped(found, session, is_connected, may):
    snapshot = SimpleNamespace(owner=("mine", "user ada@lab.org"))
    assert may_stop(found, snapshot, session, is_connected) is may
