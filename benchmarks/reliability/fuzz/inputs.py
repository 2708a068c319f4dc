"""Many inputs for each reader, in processes of their own, and the table of how they ended."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability.fuzz.judged import judged
from benchmarks.reliability.fuzz.mutations import changed
from benchmarks.reliability.fuzz.targets import Target
from benchmarks.reliability.scenes import own_folder
from homog_core import files

BY_HYPOTHESIS = 0.1  # of all inputs; the others are examples that were changed


@dataclass(slots=True)
class Tally:
    """How the inputs of one target ended."""

    target: str
    inputs: int = 0
    taken: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    first: dict[str, bytes] = field(default_factory=dict)  # the shortest input of each failure
    seconds: float = 0.0  # of processor time
    slowest: float = 0.0
    most_megabytes: float = 0.0

    def add(self, content: bytes, target: Target, path: Path) -> None:
        """Give one input to the reader."""
        path.write_bytes(content)
        ending = judged(target.read, path)
        self.inputs += 1
        self.taken += not ending.problem and ending.refusal is None
        self.seconds += ending.seconds
        self.slowest, self.most_megabytes = (
            max(self.slowest, ending.seconds),
            max(self.most_megabytes, ending.megabytes),
        )
        if ending.problem:
            self.failures[ending.problem] += 1
            if len(content) < len(self.first.get(ending.problem, content + b" ")):
                self.first[ending.problem] = content


def warm_up(target: Target, path: Path) -> None:
    """Read the first example, without counting it: what a reader imports only now is no input's fault."""
    path.write_bytes(target.examples[0])
    judged(target.read, path)


def tried(target: Target, n: int, seed: int) -> Tally:
    """N inputs of one target, or its share of them, the same ones for the same seed. Its own examples come first."""
    with own_folder(), TemporaryDirectory(prefix="homog-fuzz-") as folder:
        files.make_folder(files.cache())
        tally, path = Tally(target.name), Path(folder) / "input"
        warm_up(target, path)
        for content in target.examples:
            tally.add(content, target, path)
        if target.takes and tally.taken < tally.inputs:
            tally.failures["an example that is right is not taken"] += 1
        for content in _inputs(target, max(round(n * target.share) - len(target.examples), 0), seed):
            tally.add(content, target, path)
        return tally


def all_tried(
    known: list[Target], n: int, seed: int = 0, jobs: int = 1, show: Callable[[Tally], object] = lambda tally: None
) -> list[Tally]:
    """N inputs, as many for each target; `show` is told of each that is done."""
    _known.update({target.name: target for target in known})
    found = []
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        for tally in pool.map(_tried, _known, [-(-n // len(known))] * len(known), [seed] * len(known)):
            found.append(tally)
            show(tally)
    return found


_known: dict[str, Target] = {}  # a reader cannot be sent to a process, only be there when that begins


def _tried(name: str, n: int, seed: int) -> Tally:
    return tried(_known[name], n, seed)


def keep(tallies: list[Tally], folder: Path) -> None:
    """Write the shortest input of each failure, as the corpus has them: a folder a target, named by their hashes."""
    for tally in tallies:
        for content in tally.first.values():
            path = folder / folder_of(tally.target) / hashlib.sha256(content).hexdigest()[:12]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def folder_of(target: str) -> str:
    """The name of a target's folder in the corpus."""
    return re.sub(r"[^\w.]+", "-", target).strip("-").lower()


def _inputs(target: Target, n: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(f"{seed} {target.name}")
    n_drawn = int(n * BY_HYPOTHESIS)
    for _ in range(n - n_drawn):
        yield changed(target.form, rng.choice(target.examples), rng)
    yield from _drawn(target, n_drawn, seed)


def _drawn(target: Target, n: int, seed: int) -> list[bytes]:
    """Inputs by Hypothesis. It is given no failures to shrink, since one would end its search."""
    import hypothesis
    from hypothesis import HealthCheck, Phase, settings

    from benchmarks.reliability.fuzz.strategies import contents

    found: list[bytes] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=max(n, 1),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(contents(target.form, target.examples))
    def take(content: bytes) -> None:
        found.append(content)

    take()
    return found[:n]


def row(tally: Tally) -> str:
    """One line of the table, in Markdown."""
    return (
        f"| {tally.target} | {tally.inputs:,} | {tally.taken:,} | {tally.failures.total():,} | {tally.seconds:.0f} "
        f"| {tally.slowest * 1000:.0f} | {tally.most_megabytes:.0f} |"
    )


HEAD = (
    "| read | inputs | taken | failed | s of CPU time | slowest, ms | most memory, MB |\n|---|---|---|---|---|---|---|"
)
