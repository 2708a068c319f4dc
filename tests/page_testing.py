"""Pages under AppTest, opened as a visitor does."""

from fakes import SHIPPED_RUNS
from streamlit.testing.v1 import AppTest

from homog_core import files

APP = str(files.PROJECT / "app.py")
SHIPPED = [run_id for run_id in SHIPPED_RUNS if "--starter--" in run_id]


def open_page(page: str, **params: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    if page != "pages/start.py":
        app.switch_page(page)
        for name, value in params.items():
            app.query_params[name] = value
        app.run()
    return app


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.text, app.warning, app.error, app.info, app.title, app.metric)
    shown = "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in kind)
    return shown.replace("\\", "")  # Markdown escapes
