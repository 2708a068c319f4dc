"""Do damage to copies of runs, and count what went unnoticed or was lost.

python -m benchmarks.reliability flips --n 2000      # single bits of a small run with all tables
python -m benchmarks.reliability flips --n 200 --run gemma-3-270m-dpo--facts--2493e7c049
python -m benchmarks.reliability foreign             # files of other runs, and damage that leaves valid Parquet
python -m benchmarks.reliability kills --n 300       # SIGKILL at random moments
python -m benchmarks.reliability kills --n 40 --kinds train
python -m benchmarks.reliability fuzz --n 100000     # malformed inputs to everything that reads
python -m benchmarks.reliability guided --seconds 30 # the same, led by the lines that an input reaches; needs atheris
"""

import argparse
from collections import Counter
from pathlib import Path

from benchmarks.reliability.flips import flips
from benchmarks.reliability.foreign import damaged, foreign
from benchmarks.reliability.fuzz.guided import all_guided, require_atheris
from benchmarks.reliability.fuzz.inputs import HEAD, Tally, all_tried, keep, row
from benchmarks.reliability.fuzz.targets import with_pages
from benchmarks.reliability.kills import KINDS, kills
from benchmarks.reliability.scenes import copied, own_folder, scored_run
from homog_core import files

FACTS = ("gemma-3-270m-sft--facts--34ca93b917", "gemma-3-270m-dpo--facts--2493e7c049")


def main() -> None:
    """Run one of the experiments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("flips", "foreign", "kills", "fuzz", "guided"))
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="of work that is killed")
    parser.add_argument("--run", help="id of a shipped run whose bits are flipped")
    parser.add_argument("--seconds", type=float, default=30.0, help="of processor time for each reader that is led")
    parser.add_argument("--jobs", type=int, default=1, help="processes that fuzz")
    parser.add_argument("--only", nargs="+", default=[""], help="how the names begin of what is fuzzed")
    parser.add_argument("--keep", type=Path, help="folder for the shortest input of each failure")
    options = parser.parse_args()
    if options.what in ("fuzz", "guided"):
        _fuzz(options)
        return
    shipped = files.SHIPPED / "runs"
    with own_folder() as cache:
        if options.what == "flips":
            run = copied(shipped / options.run, cache) if options.run else scored_run("flipped", 12)
            found = flips(run, options.n, options.seed)
            print(f"{options.n} flips of {run.id}: {_counts(found)}")
        elif options.what == "foreign":
            runs = [copied(shipped / run_id, cache) for run_id in FACTS]
            small = [scored_run(key, 12) for key in ("one", "other")]
            for name, endings in (("foreign files", [*foreign(runs), *foreign(small)]), ("damage", damaged(small[0]))):
                ends = list(endings)
                missed = [end.what for end in ends if not end.verify]
                read = [end.what for end in ends if not end.reading and not end.is_forged]
                print(f"{len(ends)} of {name}: verify missed {len(missed)} {missed}, reading took {len(read)} {read}")
        else:
            for kind, counts in kills(options.n, options.seed, options.kinds).items():
                print(f"{kind}: {options.n // len(options.kinds)} kills: {_counts(counts)}")


def _fuzz(options: argparse.Namespace) -> None:
    def show(tally: Tally) -> None:
        print(row(tally), flush=True)
        for problem, n in tally.failures.most_common():
            print(f"  {n} × {problem}: {tally.first.get(problem, b'')[:160]!r}", flush=True)

    if options.what == "guided":
        require_atheris()
    with own_folder():
        known = [target for target in with_pages() if target.name.startswith(tuple(options.only))]
    print(HEAD, flush=True)
    if options.what == "fuzz":
        found = all_tried(known, options.n, options.seed, options.jobs, show)
    else:
        found = all_guided(known, options.seconds, options.jobs, show)
    print(f"{sum(tally.inputs for tally in found):,} inputs, {sum(tally.failures.total() for tally in found):,} failed")
    if options.keep:
        keep(found, options.keep)


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{what} {n}" for what, n in found.most_common())


if __name__ == "__main__":
    main()
