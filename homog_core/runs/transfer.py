"""A run → a copy of it elsewhere, and back, with all its tables; `export` is for other programs.

Elsewhere a run is a folder of its name, as here. Its manifest goes last, and without it nothing there is a run. What
comes back is checked in a folder that nobody sees: every file by the manifest's hash, then all of them together. Only
then does the folder get its name, in one step.
"""

import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from homog_core import files
from homog_core.errors import CorruptRun, HomogError, InvalidInput, NotFound
from homog_core.progress import OnProgress
from homog_core.records import StoredFile
from homog_core.runs.contents import check
from homog_core.runs.manifest import manifest_json, read_manifest
from homog_core.runs.storage import CHUNK, Storage, storage
from homog_core.runs.store import Run, open_run, runs_by_id
from homog_core.runs.verify import damage_of
from homog_core.typed import typed

_RUN_ID = re.compile(r"[a-z0-9-][a-z0-9.-]*")
_MOST_MANIFEST = 16 << 20  # bytes
_SHOWN = 8


def push_run(run_id: str, target: str, on_progress: OnProgress = lambda what, done, total: None) -> str:
    """Copy a run to `target`, a folder or an address; return the address of the copy.

    What is there under its name is replaced. Raises `InvalidInput` for a run that is not complete and for the folder
    that it lies in, `CorruptRun` for a damaged one, `HomogError` where the target cannot be written to or the run
    changes meanwhile.
    """
    run, place = open_run(run_id), storage(target)
    if run.provenance.status != "complete":
        raise InvalidInput(f"Run {run.id} is {run.provenance.status}; a run can be pushed when it is complete.")
    if run.manifest.files is None:
        raise InvalidInput(f"Run {run.id} has no hashes to be checked by; add them with `{typed('seal', run.id)}`.")
    if "://" not in target and Path(place.root, run.id).resolve() == run.folder.resolve():
        raise InvalidInput(f"Run {run.id} lies in {target} already; name another folder.")
    manifest = f"{run.id}/manifest.json"
    if place.read(manifest, _MOST_MANIFEST) is not None:
        place.remove(manifest)  # so that nobody takes old and new files for one run
    for number, (name, entry) in enumerate(sorted(run.manifest.files.items())):
        on_progress(name, number, len(run.manifest.files))
        place.write(f"{run.id}/{name}", _unchanged(run, name, entry))
    place.write(manifest, [manifest_json(run.manifest).encode()])
    return f"{target.rstrip('/')}/{run.id}"


def pull_run(source: str, on_progress: OnProgress = lambda what, done, total: None) -> Run:
    """Copy a run from its folder or address to this machine.

    One that is here already stays as it is, if it is the same. Raises `NotFound` where there is no run,
    `InvalidInput` where another state of it is here, `CorruptRun` for a damaged or foreign one.
    """
    above, mark, name = source.rstrip("/").rpartition("/")
    place = storage(above or ("/" if mark else "."))
    content = place.read(f"{name}/manifest.json", _MOST_MANIFEST) if _RUN_ID.fullmatch(name) else None
    if content is None:
        raise NotFound(_no_run(source))
    runs = files.make_folder(files.cache() / "runs")
    hidden = files.make_folder(runs / f".pulled-{uuid.uuid4().hex[:8]}")
    try:
        folder = files.make_folder(hidden / name)
        with files.replacing(folder / "manifest.json", "manifest.json") as stream:
            stream.write(content)
        manifest = read_manifest(folder)
        if manifest.run_id != name:
            raise CorruptRun(f"{source} holds the run {manifest.run_id[:100]}; give its folder that name.")
        if name in runs_by_id():
            return _the_same(name, manifest_json(manifest))
        if manifest.files is None or manifest.provenance.status != "complete":
            raise InvalidInput(f"{source} is not complete, or of an older version; push it again from where it is.")
        _require_room(runs, sum(entry.n_bytes for entry in manifest.files.values()))
        for number, (file, entry) in enumerate(sorted(manifest.files.items())):
            on_progress(file, number, len(manifest.files))
            _fetch(place, f"{name}/{file}", entry, folder / file)
        if problems := damage_of(Run(folder, manifest)):
            raise CorruptRun(f"{source} is not a run that fits together: {problems[0]}")
        _show(folder, runs / name)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return open_run(name)


def _no_run(source: str) -> str:
    runs = [name for name in storage(source).folders() if _RUN_ID.fullmatch(name) and "--" in name]
    more = " …" if len(runs) > _SHOWN else ""
    there = f"there are {', '.join(runs[:_SHOWN])}{more}" if runs else "name the folder of a run"
    return f"There is no run at {source}; {there}."


def _the_same(run_id: str, manifest: str) -> Run:
    """The run that is here. Raises `InvalidInput` where its manifest is another one."""
    run = open_run(run_id)
    if manifest_json(run.manifest) != manifest:
        raise InvalidInput(
            f"Run {run_id} is here already, in another state. To have the one from there, delete yours first: "
            f"`{typed('delete', run_id)}`."
        )
    return run


def _require_room(folder: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise HomogError(f"The run has {n_bytes / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; make room.")


def _unchanged(run: Run, name: str, entry: StoredFile) -> Iterator[bytes]:
    """A file of the run, piece by piece. Raises `HomogError` at its end where it is another than the manifest says."""
    digest = hashlib.sha256()
    with check(run.folder, name, entry).open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != entry.sha256:
        raise HomogError(f"Run {run.id} has changed meanwhile; give the same command again.")


def _fetch(place: Storage, path: str, entry: StoredFile, target: Path) -> None:
    """Write a file from there to `target`. Raises `CorruptRun` where it is another than the manifest says."""
    digest, state = hashlib.sha256(), "not what the run's manifest says"
    try:
        with files.replacing(target, target.name) as stream:
            for chunk in place.chunks(path, entry.n_bytes):
                digest.update(chunk)
                stream.write(chunk)
    except NotFound:
        state = "missing"
    if state == "missing" or digest.hexdigest() != entry.sha256:
        raise CorruptRun(
            f"{place.address.rstrip('/')}/{path} is {state}. Either somebody is pushing the run right now, or it is "
            "damaged and must be pushed again. Nothing was kept."
        )


def _show(folder: Path, target: Path) -> None:
    """Give the folder its name, in one step."""
    try:
        folder.rename(target)
        files.flush_folder(target.parent)
    except OSError as error:
        raise HomogError(f"{target} could not be made ({files.reason(error)}): {files.remedy(error)}.") from error
