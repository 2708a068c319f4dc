"""Pages under AppTest, opened as a visitor does."""

import time

from fakes import SHIPPED_RUNS, TIMEOUT
from streamlit.testing.v1 import AppTest

from dashboard.background import tasks
from homog_core import files

APP = str(files.PROJECT / "app.py")
SHIPPED = [run_id for run_id in SHIPPED_RUNS if "--starter--" in run_id]


def open_page(page: str, **params: str) -> AppTest:
    """A page by the name of its file, with these parameters in its URL."""
    app = AppTest.from_file(APP, default_timeout=4 * TIMEOUT)
    if page != "start":
        app.switch_page(f"pages/{page}.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def settled(app: AppTest) -> AppTest:
    """The page, once what it computes in the background is there."""
    deadline = time.monotonic() + 2 * TIMEOUT
    while any(bar.proto.text.startswith("Computing") for bar in app.get("progress")):
        for task in list(tasks()._tasks.values()):
            while not task.over.wait(1):
                task.look()  # otherwise nobody waits for it any more
                assert time.monotonic() < deadline, app.get("progress")[0].proto.text
        app.run()
    return app


def words(app: AppTest) -> str:
    """What a page says, without the escapes of Markdown, with its tooltips."""
    kinds = (app.markdown, app.caption, app.text, app.warning, app.error, app.info, app.title, app.metric)
    shown = [text for kind in kinds for one in kind for text in (getattr(one, "value", ""), getattr(one, "help", ""))]
    return "\n".join(map(str, shown)).replace("\\", "")


def html(app: AppTest) -> str:
    """The HTML of a page."""
    return "\n".join(element.proto.body for element in app.get("html"))


def button(app: AppTest, label: str):
    """The first button whose label has these words."""
    return next(one for one in app.button if label in one.label)


def in_url(app: AppTest, param: str) -> str:
    """What the URL holds of a parameter; "" where it does not have it."""
    value = app.query_params.get(param, "")
    return value if isinstance(value, str) else value[0]
