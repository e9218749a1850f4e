"""What a backtest runs over: data sets, sizes and controls, read from a TOML file, and the cells that they make."""

import difflib
import hashlib
import json
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from advisor.answers_file import check_answers, read_toml
from advisor.errors import AnswersError
from advisor.records import Answers
from pipeline.data.recognition import absolute
from pipeline.records import Record

Control = Literal["random_labels", "half_shuffled", "zero_shot", "codes", "noise_20", "noise_40"]
CONTROLS: tuple[Control, ...] = get_args(Control)
"""Random labels; half of the labels shuffled; only rows that zero-shot answers rightly; codes in place of labels; wrong labels."""
REAL = "real"


class SuiteSet(Record):
    """One data set of a suite."""

    name: str = Field(pattern=r"^[\w.-]+$")
    data: dict[str, Any]
    """As under `[data]` in an answers file, with `test` for the rows that are held out."""
    task: str = "text-classification"
    goal: dict[str, Any] = Field(default_factory=dict)
    """As under `[goal]` in an answers file."""
    group: str = ""
    """Sets with the same one share rows, and are left out together; the set's name when not given."""
    controls: list[Control] | None = None
    """Those of the suite when not given."""
    sizes: list[int] | None = None
    """Those of the suite when not given."""


class Suite(Record):
    """Data sets, training sizes and controls."""

    sizes: list[int] = Field(min_length=1)
    """Training rows of the real cells."""
    control_sizes: list[int] = Field(default_factory=list)
    """Training rows of the controls."""
    controls: list[Control] = Field(default_factory=list)
    held_out_rows: int = Field(default=1000, ge=50)
    """Rows that arms are scored on, at most."""
    models: list[str] = Field(default_factory=list)
    """As `models.candidates` in an answers file; the catalogue when not given."""
    train_minutes: float = 120.0
    """Time budget of each cell, as an answers file has it."""
    sets: list[SuiteSet] = Field(alias="set", min_length=1)


class Cell(Record):
    """One data set at one size, as it is or as a control, drawn with one seed."""

    set_name: str
    group: str
    size: int
    control: str
    """`real`, or the control."""
    seed: int
    fingerprint: str
    """Of the files and of everything that the suite says about it."""

    @property
    def key(self) -> str:
        """Its folder's name."""
        return f"{self.set_name}-{self.size}-{self.control}-{self.seed}"

    @property
    def is_control(self) -> bool:
        """Whether something was changed on purpose."""
        return self.control != REAL


def load_suite(path: Path) -> Suite:
    """Read and check a suite; paths become absolute.

    Raises:
        AnswersError: It is missing, is no TOML, or holds unknown keys or wrong values; all faults at once.
        DataError: A data file is not there.
    """
    values = read_toml(path)
    try:
        suite = Suite.model_validate(values)
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors()]
        raise AnswersError(
            f"'{path.name}': {'; '.join(faults)}.", "The README's section on backtests shows a suite."
        ) from error
    names = [each.name for each in suite.sets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnswersError(f"'{path.name}' has two sets called '{twice[0]}'.", "Give each a name of its own.")
    base = path.resolve().parent
    models = [str(folder) if (folder := (base / name).resolve()).is_dir() else name for name in suite.models]
    sets = [_anchored(each, base, path.name) for each in suite.sets]
    return suite.model_copy(update={"sets": sets, "models": models})


def _fault(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"{place}: {str(fault['msg'])[:1].lower()}{str(fault['msg'])[1:]}"
    known = list((SuiteSet if fault["loc"][0] == "set" else Suite).model_fields)
    near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
    return f"{place} is not a known key" + (f" (did you mean '{near[0]}'?)" if near else "")


def _anchored(given: SuiteSet, base: Path, file: str) -> SuiteSet:
    missing = [name for name in ("train", "test") if name not in given.data]
    if missing:
        raise AnswersError(
            f"'{file}': the set '{given.name}' has no `{missing[0]}` under data.",
            "Name a file of rows to draw from as train, and one of rows to score on as test.",
        )
    paths = {name: absolute(given.data[name], base) for name in ("train", "test")}
    found = given.model_copy(update={"data": {**given.data, **paths}, "group": given.group or given.name})
    check_answers({"task": found.task, "data": found.data, "goal": found.goal}, f"{file}, set {given.name}")
    return found


def cells_of(suite: Suite, seeds: int) -> list[Cell]:
    """All cells, the smallest first; within a size the real ones before the controls, and one seed after the other."""
    found = []
    for each in suite.sets:
        print_ = _fingerprint(suite, each)
        real = [(size, REAL) for size in each.sizes or suite.sizes]
        wanted = suite.controls if each.controls is None else each.controls
        planned = [*real, *((size, control) for size in suite.control_sizes for control in wanted)]
        found += [
            Cell(set_name=each.name, group=each.group, size=size, control=control, seed=seed, fingerprint=print_)
            for size, control in planned
            for seed in range(seeds)
        ]
    return sorted(found, key=lambda cell: (cell.seed, cell.size, cell.is_control))


def _fingerprint(suite: Suite, given: SuiteSet) -> str:
    digest = hashlib.sha256()
    said = given.model_dump(exclude={"controls", "sizes"})
    said["data"] = {name: value for name, value in given.data.items() if name not in ("train", "test")}
    digest.update(json.dumps(said, sort_keys=True).encode())
    digest.update(suite.model_dump_json(include={"held_out_rows", "models", "train_minutes"}).encode())
    for side in ("train", "test"):
        named = given.data[side]
        for name in [named] if isinstance(named, str) else named:
            if Path(name).is_file():
                digest.update(Path(name).read_bytes())
    return digest.hexdigest()[:16]


def answers_of(suite: Suite, given: SuiteSet, cell: Cell, train: Path, test: Path) -> Answers:
    """The answers that a user with the rows of this cell would give.

    Raises:
        AnswersError: The suite says something that no answers file may.
    """
    said = {name: value for name, value in given.data.items() if name not in HOW_FILES_ARE_WRITTEN}
    if cell.control == "codes":
        said.pop("phrases", None)
    values: dict[str, Any] = {
        "name": cell.key,
        "task": given.task,
        "data": {**said, "train": str(train), "test": str(test), "format": "json_lines"},
        "goal": given.goal,
        "budget": {"train_minutes": suite.train_minutes},
        "models": {"candidates": suite.models},
        "seed": cell.seed,
    }
    return check_answers(values, cell.key)


HOW_FILES_ARE_WRITTEN = (
    "format",
    "encoding",
    "delimiter",
    "quote",
    "header",
    "sheet",
    "query",
    "config",
    "revision",
    "max_rows",
    "validation",
    "splits",
)
"""Keys of `[data]` that tell of the suite's files, not of those that a cell writes."""
