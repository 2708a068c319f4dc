"""Which models, encoders and question sets there are, what others have published: data files and their readers."""

from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.encoders import ENCODERS, NLI_MODELS
from homog_core.catalogue.models import MODELS
from homog_core.catalogue.published import PUBLISHED

__all__ = ["DATASETS", "ENCODERS", "MODELS", "NLI_MODELS", "PUBLISHED"]
