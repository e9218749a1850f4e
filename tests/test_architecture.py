"""The rooms of the house: what may import what, which library has one door, and what stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
ADVISOR = """
    __main__ commands
    live
    mending
    backtest
    doctor demo catalogue labelling people prediction schemas
    audits export
    session
    contest
    advise remarks planning investigation measuring aim
    ablation
    hub reporting report next_steps improvements outlook
    interview questions confirmation cells
    way
    other_data
    ledger alternative
    run_folder answers_template answers_file columns
    decision forecast learning_curve estimate strategy recommendation data_sheet factors licences
    measurements audit
    rulebook step_rules rule_records records errors
"""
PIPELINE = """
    __main__ ablation run retention arm pilot apart reload model_card onnx_card onnx_export
    tasks training predictors word_head heads evaluation
    embeddings data models preparation storage memory energy precision
    task metric live_results results findings records sentences extras errors
"""
BACKTEST = "session table fitting accuracy judgement trial material suite"
COMMANDS = "assessments data results runs serving setup start options door"
REPORT = """
    terminal page ablation sections sequels evaluation examination forgetting diagrams findings listings contests plots contents
    recipes blocks scale wording safe_text
"""
MEASUREMENTS = "similarity rivals prospects pilot dataset hardware bench"
AUDIT = """
    inspection label_noise coverage limits clutter languages giveaways drift annotators copies labels spelling privacy
    lengths profiles explanation material noise counts
"""
MENDING = "session preparation partition record removal survey cells source output records positions mends"
DATA = """
    dataset gathering census reading preview recognition formats decoding compression places splitting duplicates
    label_variants mojibake personal_data identity_numbers columns agreement roles evidence profiles values
"""
FORMATS = "hub database excel image_folder text_folder delimited json_document json_lines parquet arrow"
LABELLING = "asking prompts summary handover session belief second_opinion pool ranking target markup labelled_file"
LIVE = "server service gate answering gauges trial neighbourhood arrival served evaluation verdict newcomers typed"
PREDICTORS = "costed fine_tuned anchored zero_shot probe tfidf majority linear"
EVALUATION = """
    drift examination robustness slices suspects neighbours forgetting perplexity probing agreement comparison calibration coverage
    costs intervals
    probability_metrics number_metrics metrics
"""
TRAINING = """
    search seeds train overfitting rate_test validation strategies averaging frozen_features freezing regularisation
    vocabulary dropout adjustments lora parameter_groups tracking batches sampling computing job callbacks checkpoints
    progress pace phases journal cadence block
"""
LADDERS = {
    "advisor": ADVISOR,
    "advisor.backtest": BACKTEST,
    "advisor.commands": COMMANDS,
    "advisor.report": REPORT,
    "advisor.measurements": MEASUREMENTS,
    "advisor.audit": AUDIT,
    "advisor.mending": MENDING,
    "advisor.labelling": LABELLING,
    "advisor.live": LIVE,
    "pipeline": PIPELINE,
    "pipeline.data": DATA,
    "pipeline.data.formats": FORMATS,
    "pipeline.predictors": PREDICTORS,
    "pipeline.evaluation": EVALUATION,
    "pipeline.training": TRAINING,
}
"""For each package its modules from top to bottom: one imports only from those to its right or below."""

MODULES = sorted(path.relative_to(HOUSE) for room in ("advisor", "pipeline") for path in (HOUSE / room).rglob("*.py"))
LONGEST = 400
LISTS_OF_FACTS = {Path("advisor/records.py"), Path("advisor/rule_records.py"), Path("pipeline/records.py")}
"""Longer than the others: they hold records and no logic, and most of them is the help that the questionnaire shows."""


def name_of(module: Path) -> str:
    return ".".join(module.with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse((HOUSE / module).read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only the type checker sees."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from statements(child)


@cache
def imports(module: Path) -> frozenset[str]:
    """Dotted names that a module imports, anywhere in it; `from a import b` counts as `a.b`."""
    found: set[str] = set()
    for node in statements(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def users(library: str) -> set[str]:
    """Modules that import a library or something of it."""
    return {
        module.as_posix()
        for module in MODULES
        if any(name == library or name.startswith(f"{library}.") for name in imports(module))
    }


def test_the_pipeline_never_imports_the_advisor() -> None:
    assert {user for user in users("advisor") if user.startswith("pipeline/")} == set()


@pytest.mark.parametrize("package", LADDERS)
def test_every_module_has_its_place_in_the_ladder(package: str) -> None:
    folder = HOUSE / Path(*package.split("."))
    inside = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert sorted(LADDERS[package].split()) == sorted(inside - {"__init__"})


@pytest.mark.parametrize("package", LADDERS)
def test_imports_go_only_downwards(package: str) -> None:
    ladder = LADDERS[package].split()
    upwards = []
    for module in MODULES:
        name = name_of(module)
        if not name.startswith(f"{package}."):
            continue
        rung = name.removeprefix(f"{package}.").split(".")[0]
        for imported in imports(module):
            target = imported.removeprefix(f"{package}.").split(".")[0]
            below = target not in ladder or target == rung or ladder.index(target) > ladder.index(rung)
            if imported.startswith(f"{package}.") and not below:
                upwards.append(f"{name} imports {imported}")
    assert upwards == []


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("rich", {"advisor/report/terminal.py", "pipeline/training/progress.py"}),
        ("questionary", {"advisor/interview.py"}),
        ("evaluate", {"pipeline/evaluation/metrics.py"}),
        ("transformers.Trainer", {"pipeline/training/train.py"}),
        ("datasets", {"pipeline/data/formats/hub.py", "pipeline/evaluation/metrics.py"}),
        ("sqlalchemy", {"pipeline/data/formats/database.py"}),
        ("peft", {"pipeline/training/lora.py"}),
        ("onnxruntime", {"pipeline/onnx_export.py"}),
        ("fastapi", {"advisor/live/server.py", "advisor/live/service.py"}),
        ("uvicorn", {"advisor/live/server.py"}),
        ("openpyxl", {"pipeline/data/formats/excel.py"}),
        ("charset_normalizer", {"pipeline/data/decoding.py"}),
        ("typer", {f"advisor/commands/{name}.py" for name in COMMANDS.split()}),
        ("advisor.rulebook.RULES_FOLDER", set()),
    ],
)
def test_a_library_has_its_doors_and_no_other(library: str, doors: set[str]) -> None:
    assert users(library) == doors


def test_only_training_names_the_trainer() -> None:
    found = {
        module.as_posix()
        for module in MODULES
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and node.attr == "Trainer")
        or (isinstance(node, ast.Name) and node.id == "Trainer")
    }
    assert found == {"pipeline/training/train.py"}


def test_only_the_rulebook_reads_the_rules() -> None:
    found = {
        module.as_posix()
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and node.value == "rules"
    }
    assert found == {"advisor/rulebook.py"}


def test_the_rules_are_data_only() -> None:
    files = [path for path in (HOUSE / "rules").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".toml"}


def test_no_module_is_too_long_to_read_at_once() -> None:
    lines = {module: len((HOUSE / module).read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {module for module, length in lines.items() if length > LONGEST} <= LISTS_OF_FACTS


def test_what_runs_before_the_last_question_does_not_wait_for_torch() -> None:
    light = ["pipeline.records", "pipeline.task", "advisor.records", "advisor.__main__", "advisor.interview"]
    code = f"import importlib, sys; [importlib.import_module(name) for name in {light}]; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE)
    assert not {"torch", "transformers", "pandas", "rich"} & set(done.stdout.splitlines())


def test_nothing_heavy_stands_between_a_person_and_the_first_question() -> None:
    script = (
        "import sys, advisor.__main__, advisor.interview, advisor.run_folder\n"
        "print([name for name in ('torch', 'transformers', 'pandas', 'numpy', 'scipy', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
