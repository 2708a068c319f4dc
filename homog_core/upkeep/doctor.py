"""How this machine stands: device, memory, disk, versions, models, runs. It changes nothing and loads no model."""

import shutil
from collections import Counter
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from homog_core import files
from homog_core.catalogue.models import MODELS
from homog_core.device import Device, free_on_cpu, probe_device
from homog_core.errors import CorruptRun
from homog_core.runs.manifest import read_manifest
from homog_core.runs.store import runs_by_id
from homog_core.sampling.weights import availability
from homog_core.typed import typed
from homog_core.upkeep.clean import Leftover, is_unlocked, leftovers, size

PACKAGES = ("homog-core", "torch", "transformers", "peft", "sentence-transformers", "streamlit", "numpy", "pandas")
LITTLE_DISK = 5 * 10**9  # bytes; unpacking the included weights takes 2


@dataclass(frozen=True, slots=True)
class Health:
    """How the machine stands."""

    device: Device
    free_memory: int  # bytes of the machine itself
    free_disk: int  # bytes where the cache is
    cache: Path
    sizes: dict[str, int]  # bytes, by folder of the cache
    versions: dict[str, str]  # by package; "" for one that is not installed
    models: dict[str, int]  # how many of the catalogue are in each state of `availability`
    runs: dict[str, int]  # how many have each status
    damaged: list[str]  # ids of runs whose manifest does not read
    unfinished: list[str]  # ids of runs that were broken off, and that nobody writes
    leftovers: list[Leftover]

    @property
    def problems(self) -> list[str]:
        """What somebody should do something about, as sentences."""
        found = [
            f"Run {run_id} is damaged: `{typed('verify', run_id)}` says how, and `{typed('delete', run_id)}` takes it "
            "away."
            for run_id in self.damaged
        ]
        found += [
            f"Run {run_id} was broken off: the command that began it goes on with it, and `{typed('delete', run_id)}` "
            "takes it away."
            for run_id in self.unfinished
        ]
        if self.free_disk < LITTLE_DISK:
            found.append(f"{self.free_disk / 1e9:.1f} GB are free at {self.cache}: make room, or move HOMOG_CACHE.")
        return found


def examine() -> Health:
    """Look at everything. Imports torch, which takes seconds."""
    cache, statuses, damaged, unfinished = files.cache(), Counter(), [], []
    for run_id, folder in runs_by_id().items():
        try:
            status = read_manifest(folder).provenance.status
            statuses[status] += 1
            if status != "complete" and is_unlocked(folder / ".lock"):
                unfinished.append(run_id)
        except CorruptRun:
            damaged.append(run_id)
    there = next(path for path in (cache, *cache.parents) if path.is_dir())
    return Health(
        device=probe_device(),
        free_memory=free_on_cpu(),
        free_disk=shutil.disk_usage(there).free,
        cache=cache,
        sizes={path.name: size(path) for path in sorted(cache.glob("[!.]*/"))},
        versions={name: _version(name) for name in PACKAGES},
        models=dict(Counter(availability(spec).state for spec in MODELS.values())),
        runs=dict(statuses),
        damaged=damaged,
        unfinished=unfinished,
        leftovers=leftovers(),
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
