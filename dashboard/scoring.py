"""Long work that a page waits for: a bar that follows it, and the scoring of a run."""

import threading
import time

from streamlit.delta_generator import DeltaGenerator

from dashboard.cache import sentence_encoder
from homog_core.catalogue.encoders import ENCODERS
from homog_core.errors import HomogError
from homog_core.progress import OnProgress

LOCK = threading.Lock()  # held while a run is scored from a page: one at a time on a server


def score(run_id: str, on_progress: OnProgress) -> None:
    """Score a run with the included encoders. Raises `HomogError`, also while another run is being scored."""
    from homog_core.analysis.ahead import prepare
    from homog_core.runs.score import score_run

    if not LOCK.acquire(blocking=False):
        raise HomogError("Another run is being scored on this machine; try again in a minute.")
    try:
        run = score_run(run_id, [sentence_encoder(key) for key in ENCODERS], on_progress=on_progress)
        prepare([run], on_progress)
    finally:
        LOCK.release()


def progress(place: DeltaGenerator) -> OnProgress:
    """A bar that follows a piece of work; it is drawn at most some times a second."""
    bar, last = place.progress(0.0, text="Starting …"), 0.0

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.15 or done == total:
            last = time.monotonic()
            bar.progress(done / max(total, 1), text=f"{what}: {done:,} of {total:,}")

    return report
