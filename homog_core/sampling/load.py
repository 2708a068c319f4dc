"""A `ModelSpec` → the sampler of that model, on this machine or behind a server."""

from homog_core.catalogue.servers import is_served
from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.remote import RemoteSampler


def load_sampler(spec: ModelSpec, say: Say = lambda words: None) -> TorchSampler | RemoteSampler:
    """The sampler of a model. Raises what `TorchSampler.from_pretrained` and `RemoteSampler.connect` raise."""
    return RemoteSampler.connect(spec, say) if is_served(spec.source) else TorchSampler.from_pretrained(spec, say)
