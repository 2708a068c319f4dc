"""Live sampling: jobs in a queue that one worker serves."""

from homog_core.live.job import ModelSnapshot, Request, Snapshot
from homog_core.live.queue import LiveQueue

__all__ = ["LiveQueue", "ModelSnapshot", "Request", "Snapshot"]
