"""Files of other runs, and damage that leaves valid Parquet: whether `verify` notices, and reading refuses."""

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.reliability.flips import everything
from homog_core.errors import HomogError
from homog_core.runs.manifest import with_checksum
from homog_core.runs.store import TABLES, Run
from homog_core.runs.verify import verify

FILES = ("questions", "responses-merged", *TABLES)


class Ending(NamedTuple):
    """How one piece of damage ended."""

    what: str
    verify: bool  # whether verify named it
    reading: bool  # whether reading refused it, or gave what was stored
    is_forged: bool = False  # whether the manifest was rewritten to fit, which reading alone does not see


def foreign(runs: list[Run]) -> Iterator[Ending]:
    """Every file of every run put into every other one, alone and all tables at once; then tables with their hashes."""
    for source, target in itertools.permutations(runs, 2):
        for names in (*((name,) for name in FILES), TABLES):
            what = f"{' '.join(names)} of {source.id}"
            yield _ending(what, target, lambda run, names=names, source=source: _copy(source, run, names))
        yield _ending(
            f"all tables and their hashes of {source.id}",
            target,
            lambda run, source=source: _forge(source, run),
            is_forged=True,
        )


def damaged(run: Run) -> Iterator[Ending]:
    """Damage within one run that leaves files that open in pandas."""
    for name in FILES:
        yield _ending(f"{name}: deleted", run, lambda run, name=name: _path(run, name).unlink())
        for what, change in _CHANGES.items():
            yield _ending(f"{name}: {what}", run, lambda run, name=name, change=change: _edit(run, name, change))
    for one, other in itertools.combinations(TABLES, 2):
        yield _ending(f"{one} and {other} swapped", run, lambda run, one=one, other=other: _swap(run, one, other))
    for key in run.encoders():
        name = f"embeddings-{key}"
        yield _ending(f"{name}: deleted", run, lambda run, name=name: _path(run, name).unlink())
        yield _ending(f"{name}: a row twice", run, lambda run, name=name: _edit(run, name, _CHANGES["a row twice"]))
    yield _ending("a table of a name that the run has not", run, lambda run: _copy(run, run, ("scores",), "nli-other"))


_CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "written again with other settings": lambda frame: frame,
    "without its rows": lambda frame: frame.iloc[:0],
    "without its last row": lambda frame: frame.iloc[:-1],
    "a row twice": lambda frame: pd.concat([frame, frame.iloc[:1]]),
    "its first two rows in each other's place": lambda frame: frame.iloc[[1, 0, *range(2, len(frame))]],
    "its first column emptied": lambda frame: frame.assign(**{frame.columns[0]: None}),
    "its last column emptied": lambda frame: frame.assign(**{frame.columns[-1]: None}),
    "other columns": lambda frame: frame.rename(columns=lambda name: f"{name}_2"),
    "two columns in each other's place": lambda frame: frame.set_axis([*frame.columns[::-1]], axis=1),
}


def _ending(what: str, run: Run, harm: Callable[[Run], object], is_forged: bool = False) -> Ending:
    """Do harm to a run, look, and put everything back."""
    aside = run.folder.with_name(f".{run.id}")
    shutil.copytree(run.folder, aside)
    stored = everything(run.id)
    try:
        harm(run)
        return Ending(what, bool(verify(run.id)), _refuses(run.id, stored), is_forged)
    finally:
        shutil.rmtree(run.folder)
        aside.rename(run.folder)


def _refuses(run_id: str, stored: list[str]) -> bool:
    try:
        return everything(run_id) == stored
    except HomogError:
        return True


def _path(run: Run, name: str) -> Path:
    return run.folder / f"{name}.parquet"


def _copy(source: Run, target: Run, names: tuple[str, ...], to: str | None = None) -> None:
    for name in names:
        shutil.copy(_path(source, name), _path(target, to or name))


def _edit(run: Run, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_parquet(_path(run, name))).to_parquet(_path(run, name), compression="gzip")


def _swap(run: Run, one: str, other: str) -> None:
    first, second = _path(run, one).read_bytes(), _path(run, other).read_bytes()
    _path(run, one).write_bytes(second)
    _path(run, other).write_bytes(first)


def _forge(source: Run, target: Run) -> None:
    """Copy tables with what their manifest says of them, and a checksum that fits."""
    _copy(source, target, TABLES)
    said, own = (json.loads((run.folder / "manifest.json").read_text()) for run in (source, target))
    own["files"] |= {f"{name}.parquet": said["files"][f"{name}.parquet"] for name in TABLES}
    del own["checksum"]
    (target.folder / "manifest.json").write_text(with_checksum(own))
