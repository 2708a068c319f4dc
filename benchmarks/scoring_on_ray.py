"""How much sooner a scoring ends on Ray, on this machine: `python -m benchmarks.scoring_on_ray [--scale 0.1]`.

The run is `wide` of `benchmarks.scoring`, and everything but NLI is computed: once without Ray and once with a worker
for each core (`--ray --cpus-per-worker 1`), each in a new process with nothing loaded. Prints one JSON document:
seconds of the clock for connecting to Ray, which `homog score --ray` waits for and the scoring that ends `homog sample
--ray` does not, and for scoring; and how many times as long it takes on Ray, with connecting and without.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from benchmarks.scoring import SHAPES, made_run
from homog_core.catalogue.encoders import ENCODERS
from homog_core.files import PROJECT


def main() -> None:
    """Measure both and print them as JSON; with `--run`, score that run in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--ray", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(_scored(options.run, on_ray=options.ray)))
        return
    n_questions, n_samples, _ = SHAPES["wide"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOMOG_CACHE"] = folder
        found = {}
        for name, arguments in (("here", []), ("ray", ["--ray"])):
            run = made_run(name, max(1, round(n_questions * options.scale)), n_samples)
            command = [sys.executable, "-m", "benchmarks.scoring_on_ray", "--run", run.id, *arguments]
            done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
            found[name] = json.loads(done.stdout.splitlines()[-1])
    here, ray = found["here"], found["ray"]
    found["ray_over_here"] = round(sum(ray.values()) / sum(here.values()), 2)
    found["ray_over_here_once_connected"] = round(ray["score_s"] / here["score_s"], 2)
    print(json.dumps(found, indent=1))


def _scored(run_id: str, *, on_ray: bool) -> dict[str, float]:
    """Seconds of the clock for connecting and for scoring."""
    from homog_core.cli.cluster import spread_over
    from homog_core.measures.encoders import SentenceEncoder
    from homog_core.runs.score import score_run
    from homog_core.sampling.cluster import LOCAL, connected

    encoders = [SentenceEncoder(key) for key in ENCODERS]
    started = connected_at = time.perf_counter()
    if on_ray:
        with connected(LOCAL, 1) as cluster:
            connected_at = time.perf_counter()
            score_run(run_id, encoders, spread=spread_over(cluster))
            ended = time.perf_counter()
    else:
        score_run(run_id, encoders)
        ended = time.perf_counter()
    return {"connect_s": round(connected_at - started, 1), "score_s": round(ended - connected_at, 1)}


if __name__ == "__main__":
    main()
