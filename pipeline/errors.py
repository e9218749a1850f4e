"""Everything the pipeline can say is wrong.

PipelineError            a person can fix it: says the problem, and the fix
├── DataError            a data file, a column, a label
├── ModelError           a model that is missing, changed or refused
├── PlanError            a plan that is missing, old, or of other data
├── MissingExtra         an optional package that something asked for needs
├── StorageError         a folder or disk that cannot take what must be saved
└── RunFailed            a run that broke after a go; its checkpoints are kept
"""


class PipelineError(Exception):
    """A fault that a person can mend.

    Attributes:
        problem: What is wrong, naming file, row, column or field.
        fix: What to do about it.
    """

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem}\n{self.fix}"


class DataError(PipelineError):
    """The data cannot be read as asked, or cannot be learned from."""


class ModelError(PipelineError):
    """A model is not there, is not what was pinned, or is not safe to load."""


class PlanError(PipelineError):
    """The plan is missing, of another version, or does not fit the data."""


class StorageError(PipelineError):
    """Something could not be written where it has to be."""


class RunFailed(PipelineError):
    """Training or evaluation broke after a go; what was saved so far is kept."""


class MissingExtra(PipelineError):
    """An optional package is not installed."""
