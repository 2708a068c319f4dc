"""Tables in Markdown documents: what one is, how its cells are written, and how a document gets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homog_core import files
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError, InvalidInput
from homog_core.records import Estimate
from homog_core.typed import first_sample
from homog_core.wording import run_names
from homog_core.wording.labels import dataset_title
from homog_core.wording.numbers import number, with_interval

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its title and a sentence on how to read it; a row is a mapping of column to cell."""

    title: str
    note: str
    rows: list[dict[str, str]]


def markdown(tables: Sequence[Table]) -> str:
    """The tables as Markdown."""
    return "\n".join(f"### {table.title}\n\n{table.note}\n\n{grid(table.rows)}\n" for table in tables)


def update_document(path: Path, tables: Sequence[Table]) -> None:
    """Replace what stands between the two marks of a Markdown file. Raises `InvalidInput` where they are missing."""
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text.") from error
    if BEGIN not in text or END not in text:
        raise InvalidInput(f"{path} needs the lines {BEGIN} and {END}; the tables go between them.")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    with files.replacing(path, str(path)) as stream:
        stream.write(f"{before}{BEGIN}\n\n{markdown(tables)}\n{END}{after}".encode())


# Cells


def names_of(runs: Sequence[ScoredRun]) -> dict[str, str]:
    """Names of runs within their dataset, by id."""
    found: dict[str, str] = {}
    for dataset in dict.fromkeys(scored.run.identity.dataset for scored in runs):
        found |= run_names.names([scored.run for scored in runs if scored.run.identity.dataset == dataset])
    return found


def matrix(cells: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """Rows by score from columns by run."""
    names = dict.fromkeys(name for column in cells.values() for name in column)
    return [{"score": name, **{column: found.get(name, "") for column, found in cells.items()}} for name in names]


def share(found: Estimate) -> str:
    """In per cent, without the sign."""
    return with_interval(found, lambda share: number(100 * share, 1))


def dataset_of(scored: ScoredRun) -> str:
    """The title of a run's question set."""
    return dataset_title(scored.run.identity.dataset)


def bounded(value: float, low: float, high: float) -> str:
    """A value with its interval, to three digits."""
    return with_interval(Estimate(value, low, high, 0, ""), lambda x: number(x, 3))


def p_value(pvalue: float) -> str:
    """A p value in a cell: its size matters down to the smallest."""
    return number(pvalue) if not pvalue < 0.01 else f"{pvalue:.0e}"


def grid(rows: Sequence[dict[str, str]]) -> str:
    """Rows as a table in Markdown."""
    if not rows:
        raise HomogError(f"There are no complete and scored runs to report; run `{first_sample()}` first.")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([row.get(c, "").replace("|", "\\|") for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
