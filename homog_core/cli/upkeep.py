"""The commands about this machine: `doctor`, `clean` and `prepare`."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from homog_core.cli.output import Bar, confirmed, print_result
from homog_core.wording.numbers import counted

if TYPE_CHECKING:
    from homog_core.upkeep.clean import Leftover
    from homog_core.upkeep.doctor import Health


def doctor(options: argparse.Namespace) -> int:
    """Say how this machine stands; exit status 1 where something should be done."""
    from homog_core.upkeep.doctor import examine

    found = examine()
    if options.json:
        document = asdict(found) | {"cache": str(found.cache), "problems": found.problems}
        print_result(options, document | {"leftovers": [_row(one) for one in found.leftovers]})
    else:
        print_result(options, [{"what": what, "found": words} for what, words in _lines(found)])
        print("\n".join(["", *found.problems] if found.problems else ["", "Nothing needs doing."]))
    return int(bool(found.problems))


def clean(options: argparse.Namespace) -> None:
    """Take away what killed processes have left, after a question."""
    from homog_core.upkeep.clean import leftovers, remove

    found = leftovers()
    if found and not options.json:
        print_result(options, [_row(one) for one in found])
    is_sure = bool(found) and (options.yes or confirmed(f"Take these {len(found)} away for good?"))
    for one in found if is_sure else []:
        remove(one)
    if options.json:
        print_result(options, [_row(one) | {"removed": is_sure} for one in found])
    elif not found:
        print("There is nothing to take away.")
    else:
        print(
            f"{sum(one.n_bytes for one in found) / 1e6:,.1f} MB are free again." if is_sure else "Nothing was changed."
        )


def prepare(options: argparse.Namespace) -> None:
    """Compute what the pages ask of whole runs, so that nobody waits for it."""
    from homog_core.analysis.ahead import prepare as prepared
    from homog_core.runs.store import list_runs, open_run

    runs = [open_run(run_id) for run_id in dict.fromkeys(options.runs)] if options.runs else list_runs()
    with Bar("Preparing") as bar:
        n = prepared(runs, bar.update)
    if options.json:
        print_result(options, {"prepared": n})
    else:
        print(f"{counted(n, 'run')} ready for the pages.")


def _row(found: "Leftover") -> dict[str, Any]:
    return {"path": str(found.path), "why": found.why, "bytes": found.n_bytes}


def _lines(found: "Health") -> list[tuple[str, str]]:
    gb = lambda n_bytes: f"{n_bytes / 1e9:,.1f} GB"
    states = {"ready": "ready", "prepare": "to be unpacked", "download": "to be downloaded", "train": "to be trained"}
    left = sum(one.n_bytes for one in found.leftovers)
    return [
        ("device", f"{found.device.name}, {gb(found.device.free_bytes)} free"),
        ("memory", f"{gb(found.free_memory)} free"),
        ("cache", f"{found.cache}, {gb(found.free_disk)} free on its disk"),
        *((f"cache/{name}", gb(n_bytes)) for name, n_bytes in found.sizes.items()),
        ("versions", ", ".join(f"{name} {number or 'is not installed'}" for name, number in found.versions.items())),
        ("models", ", ".join(f"{n} {states[state]}" for state, n in found.models.items())),
        ("runs", ", ".join(f"{n} {status}" for status, n in found.runs.items()) or "none"),
        ("damaged runs", ", ".join(found.damaged) or "none (`homog verify` reads every file)"),
        ("leftovers", f"{len(found.leftovers)}, {gb(left)}: `homog clean` lists them and asks" if left else "none"),
    ]
