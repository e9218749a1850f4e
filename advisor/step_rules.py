"""What `rules/next_steps.toml` holds, as records. `rulebook.py` reads it."""

from pydantic import Field

from advisor.rule_records import Origin
from pipeline.records import Record


class StepRule(Record):
    """A kind of next step: its sentences, in which `{…}` stands for what was measured."""

    title: str
    because: str
    command: str | None = None


class StepNumber(Record):
    """A constant of what steps cost and bring."""

    value: float
    means: str
    source: Origin


class StepRules(Record):
    """What can be done after a result: `rules/next_steps.toml`."""

    numbers: dict[str, StepNumber] = Field(alias="number")
    steps: dict[str, StepRule] = Field(alias="step")
