"""A run, or a comparison of runs, as one HTML file that opens offline and prints: numbers, charts, every answer.

It fills the templates and writes the file; what the report says is gathered elsewhere. Texts come from models, datasets
and files of others, so the templates escape every value. The page's own rules forbid it to load anything, and to run
any script but the two that are known by their hash.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.utils import htmlsafe_json_dumps

from homog_core.errors import InvalidInput
from homog_core.files import replacing
from homog_core.progress import OnProgress
from homog_core.reports.html_contents import gather
from homog_core.runs.store import Run
from homog_core.wording.numbers import tenth

_FOLDER = Path(__file__).with_name("templates")


def write_report(runs: Sequence[Run], target: Path, on_progress: OnProgress = lambda what, done, total: None) -> Path:
    """Write the report of one run, or of the comparison of two to four, as one file; return `target`.

    A file of that name is replaced, at once and as a whole. Raises `HomogError` for a run that has not been scored and
    for a file that cannot be written, `InvalidInput` for runs that cannot be compared.
    """
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInput(f"{target} cannot be written; name a file in a folder that exists.")
    content = report_html(runs, datetime.now(UTC), on_progress)
    with replacing(target, str(target)) as stream:
        stream.write(content.encode())
    return target


def report_html(runs: Sequence[Run], made: datetime, on_progress: OnProgress = lambda what, done, total: None) -> str:
    """The report of one run or of a comparison as HTML. Raises as `write_report`."""
    report = gather(runs, on_progress)
    content = template("report.html.j2").render(report=report, made=made)
    drawn = {key: chart.figure for key, chart in report.charts.items() if f'id="chart-{key}"' in content}
    return document(report.title, content, drawn)


def document(title: str, content: str, figures: Mapping[str, dict[str, Any]]) -> str:
    """The whole file: `content`, which is HTML, the figures by the key of their chart, and all that draws them."""
    from plotly.offline import get_plotlyjs

    parts = {
        "content": content,
        "style": (_FOLDER / "style.css").read_text(encoding="utf-8"),
        "figures": htmlsafe_json_dumps(figures, separators=(",", ":")),
        "library": get_plotlyjs(),
        "draw": (_FOLDER / "draw.js").read_text(encoding="utf-8"),
    }
    megabytes = {name: len(part.encode()) / 1e6 for name, part in parts.items()}  # the frame around them is a kilobyte
    return template("page.html.j2").render(
        parts,
        title=title,
        sources=[_source(parts[name]) for name in ("library", "draw")],
        size=tenth(sum(megabytes.values())),
        size_of_library=tenth(megabytes["library"]),
    )


def template(name: str) -> Template:
    """A template of the report: values are escaped, and one that is missing is an error."""
    spacing = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    loader = FileSystemLoader(_FOLDER)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, **spacing).get_template(name)


def _source(script: str) -> str:
    """A script as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
