"""What can be chosen when a model is sampled over a dataset: the options of `sample`, the settings of a study file."""

from dataclasses import dataclass

from homog_core.catalogue.datasets import DATASETS, TRAINING_DATASETS
from homog_core.errors import InvalidInput
from homog_core.records import Arithmetic, Decoding, PromptStyle, Question
from homog_core.runs.questions import load_questions


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices, by the names of the options of `sample`; None: what model, dataset or machine suggest."""

    limit: int | None = None  # only the first questions
    shuffle: int | None = None  # seed of the order before `limit` cuts
    samples: int = 10
    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int | None = None
    prompt: PromptStyle | None = None
    seed: int = 0
    dtype: Arithmetic | None = None
    batch_questions: int | None = None  # decoded together

    def __post_init__(self) -> None:
        if self.batch_questions is not None and self.batch_questions < 1:
            raise InvalidInput(f"The number of questions in a batch is {self.batch_questions}; it must be at least 1.")

    def questions(self, dataset: str) -> list[Question]:
        """The questions of a dataset that are asked. Raises what `load_questions` raises."""
        return load_questions(dataset, limit=self.limit, shuffle_seed=self.shuffle)

    def decoding(self, dataset: str) -> Decoding:
        """How answers to a dataset are drawn; it may have a token limit and stop strings of its own."""
        spec = (DATASETS | TRAINING_DATASETS).get(dataset)
        limit = self.max_new_tokens
        if limit is None:
            limit = spec.max_new_tokens if spec else Decoding().max_new_tokens
        return Decoding(
            n_samples=self.samples,
            temperature=self.temperature,
            top_p=self.top_p,
            max_new_tokens=limit,
            stop=spec.stop if spec else (),
            seed=self.seed,
        )
