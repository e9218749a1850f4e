"""The reports that people read, as text and as page.

To renew the texts under tests/snapshots/ after a wanted change, run
`UPDATE_SNAPSHOTS=1 pytest tests/advisor/test_report.py` and read the difference before committing it.
"""

import dataclasses
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from advisor.doctor import Check
from advisor.ledger import RunLine
from advisor.records import Alternative, Answers
from advisor.report import wording
from advisor.report.contents import compare_forecast, confused_pairs, costs, money, questions, title_of
from advisor.report.page import write_page
from advisor.report.safe_text import clip, visible
from advisor.report.scale import Scale, draw_whisker
from advisor.report.terminal import ASCII, Terminal
from advisor.rule_records import Community, Fact, ModelEntry, Package
from advisor.rulebook import say_way
from pipeline.errors import DataError, PipelineError, StorageError
from pipeline.evaluation.metrics import MACRO_F1
from pipeline.records import EpochLog, NextSteps, Outcome
from pipeline.results import Neighbour
from tests.advisor import decisions
from tests.advisor.decisions import HOSTILE, Sample
from tests.scores import MEAN_ERROR

SNAPSHOTS = Path(__file__).resolve().parent.parent / "snapshots"
SAMPLES: dict[str, Callable[[], Sample]] = {
    "go": decisions.go,
    "ratings": decisions.ratings,
    "not_yet": decisions.not_yet,
    "no_go": decisions.no_go,
    "hostile": decisions.hostile,
}
PAGE = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"


def assert_matches_snapshot(text: str, name: str) -> None:
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def show(sample: Sample, *, quiet: bool = False, width: int = 80) -> None:
    terminal = Terminal(quiet=quiet, width=width)
    terminal.show_decision(sample.answers, sample.measurements, sample.decision)
    if sample.result is not None:
        terminal.show_result(sample.result)
    terminal.show_next_steps(sample.next_steps)


def page_of(sample: Sample, folder: Path) -> str:
    path = folder / "report.html"
    write_page(path, sample.report)
    return path.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, its words, and whether every tag was closed."""

    VOID = frozenset({"meta", "br", "line", "rect", "circle", "path"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.words += " "
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data

    @property
    def sections(self) -> list[str]:
        return [attributes["id"] or "" for tag, attributes in self.tags if tag == "section"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_terminal_report_reads_as_before(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(SAMPLES[name]())
    assert_matches_snapshot(capsys.readouterr().out, f"report_{name}")


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"hostile"}))
def test_a_plain_report_has_no_escape_codes_no_trailing_spaces_and_fits_its_width(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(SAMPLES[name]())
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert all(line == line.rstrip() and len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_word_is_lost_at_other_widths(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    show(decisions.go(), width=width)
    text = " ".join(capsys.readouterr().out.split())
    for words in ("not measured here", "0.872", "cancel order", "in your currency", "Were 0.84 good enough for you"):
        assert words in text
    assert "…" not in text


@pytest.mark.parametrize("unit", [0.01, 1, 1000, 1_000_000])
def test_the_scale_of_long_numbers_stays_in_its_line(unit: float, capsys: pytest.CaptureFixture[str]) -> None:
    sample = decisions.ratings()
    rivals = [
        each.model_copy(update={"score": each.score * unit, "low": each.low * unit, "high": each.high * unit})
        for each in sample.decision.rivals
    ]
    show(dataclasses.replace(sample, decision=sample.decision.model_copy(update={"rivals": rivals}), result=None))
    lines = capsys.readouterr().out.splitlines()
    whisker = next(line for line in lines if line.strip().startswith("linear probe  "))
    axis = lines[lines.index(whisker) + 1]
    assert axis.split() == ["0", f"{30 * unit:g}"]
    assert len(axis) <= 80


def test_a_score_of_which_less_is_better_is_said_so_wherever_scores_are_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.ratings()
    show(sample)
    terminal = " ".join(capsys.readouterr().out.split())
    page = " ".join(Reader(page_of(sample, tmp_path)).words.split())
    for words in (terminal, page):
        assert "RMSE (less is better), cross-validated in 5 folds" in words
        assert "RMSE (less is better) on 428 rows" in words
        assert "+0.69 in RMSE over the linear probe (95 % interval -0.1 to +1.48)." in words
        assert "the smallest gain that can be proven is +1.23 in RMSE." in words
        assert "points" not in words.replace("4 points speak", "")
        assert "McNemar" not in words


def test_scores_beside_the_one_that_counts_and_errors_of_the_task_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.ratings()
    show(sample)
    terminal = " ".join(capsys.readouterr().out.split())
    page = " ".join(Reader(page_of(sample, tmp_path)).words.split())
    for words in (terminal, page):
        assert "beside it Spearman mean 0.000 TF-IDF 0.661 linear probe 0.754 " in words
        assert "linear probe 0.749 fine-tuned 0.788" in words
        assert "true score rows answers lie above it by RMSE 0 to 20 84 +8.42 14.1 80 to 100 97 -6.03 12.9" in words
        assert "201 rows answered more closely than by the linear probe, 149 less closely." in words
        assert "91, answered 22.4" in words
        assert "sure" not in words.split("91, answered 22.4")[1][:20]


def test_what_good_enough_and_a_useful_gain_came_to_is_shown_where_they_were_not_asked() -> None:
    sample = decisions.ratings()
    found = {question.key: question for question in questions(sample.answers, sample.decision)}
    assert [found[f"goal.{name}"].answer for name in ("metric", "good_enough", "useful_gain")] == [
        "RMSE",
        "0",
        "0.7443",
    ]
    assert not any(found[f"goal.{name}"].asked for name in ("metric", "good_enough", "useful_gain"))
    assert [found[f"task_options.{name}"].answer for name in ("lowest", "highest")] == ["0", "100"]


def test_the_verdict_comes_first_and_then_why(capsys: pytest.CaptureFixture[str]) -> None:
    show(decisions.no_go())
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].startswith("NO-GO")
    assert lines[1] == "Use the best cheap way instead: linear probe, which scores 0.841."
    assert lines[2] == "Why"


def test_what_the_data_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(decisions.hostile())
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "\u202e" not in text
    for shown in (r"\x1b[31mred", r"\u202eevil", "[bold]x[/bold]", "<script>alert(1)</script>", r"a\nb"):
        assert shown in text


def test_a_quiet_terminal_gives_the_verdict_with_its_reasons_only(capsys: pytest.CaptureFixture[str]) -> None:
    show(decisions.go(), quiet=True)
    text = capsys.readouterr().out
    assert "GO" in text
    assert "72 % likely" in text
    assert "IMPROVED" in text
    assert "five factors" not in text
    assert "Next steps" not in text


def test_everything_can_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    sample = decisions.go()
    terminal = Terminal(stderr=True, width=80)
    terminal.show_decision(sample.answers, sample.measurements, sample.decision)
    with terminal.progress("Measuring") as progress:
        progress.step("reading the data")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Fine-tune all-MiniLM-L6-v2." in captured.err


def test_an_output_that_knows_no_unicode_gets_signs_that_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    sample = decisions.go()
    facts = sample.decision.metric_facts.model_copy(update={"title": "größe"})
    decision = sample.decision.model_copy(update={"metric_facts": facts})
    Terminal(width=80).show_decision(sample.answers, sample.measurements, decision)
    sys.stdout.flush()
    text = raw.getvalue().decode("ascii")
    assert "#########..." in text
    assert r"gr\xf6\xdfe" in text.lower()


def test_an_error_is_its_problem_and_its_fix(capsys: pytest.CaptureFixture[str]) -> None:
    problem = (
        "'reviews.csv' has no column 'body\x1b[2J', and this sentence is longer than eighty columns of a terminal."
    )
    Terminal(quiet=True, width=80).show_error(DataError(problem, "It has: [red]text[/red], label."))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == problem.replace("\x1b", r"\x1b") + "\nIt has: [red]text[/red], label.\n"


def test_next_steps_keep_a_long_command_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    command = "advisor predict " + "runs/a-very-long-name/" * 8 + " new.csv"
    steps = NextSteps.of(decisions.STEPS.steps[0].model_copy(update={"command": command}))
    Terminal(width=80).show_next_steps(steps)
    assert command in capsys.readouterr().out


def entry(name: str, *, package: bool) -> ModelEntry:
    return ModelEntry(
        name=name,
        title=name,
        why="The first to try.",
        hub_id=f"makers/{name}",
        package=Package(distribution="gt-mini", module="gt_mini", folder="model") if package else None,
        kind="sentence-encoder",
        architecture="bert",
        size="small",
        languages=["en"],
        domains=["general"],
        cased=False,
        pooling="mean",
        parameters=Fact(value=22_713_216, source=PAGE),
        max_tokens=Fact(value=256, source=PAGE),
        licence=Fact(value="cc-by-nc-4.0", source=PAGE),
        commercial_use=False,
        pre_training=Fact(value="English Wikipedia.", source=PAGE),
        tuned_on=Fact(value="a billion sentence pairs", source=PAGE),
        community=Community(model_card=PAGE, looked_up="2026-11-01"),
        warnings=["Reads at most 256 tokens."],
    )


def test_models_are_listed_with_why_one_would_pick_each_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    entries = [entry("here", package=True), entry("elsewhere", package=True), entry("on-the-hub", package=False)]
    Terminal(width=80).show_models(entries, {"here"})
    assert_matches_snapshot(capsys.readouterr().out, "models")


def test_runs_are_listed_with_forecasts_beside_outcomes_and_the_space_they_take(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = decisions.result()
    nothing = RunLine(
        name="stopped",
        folder="runs/stopped",
        verdict=None,
        result=None,
        forecast=None,
        outcome=None,
        bytes_on_disk=900,
        bytes_remakable=0,
    )
    done = nothing.model_copy(
        update={
            "name": "support-mail-with-a-name-that-is-quite-long",
            "folder": "runs/support-mail",
            "verdict": "go",
            "result": "improved",
            "forecast": result.forecast,
            "outcome": result.outcome,
            "bytes_on_disk": 412_300_000,
            "bytes_remakable": 380_000_000,
        }
    )
    waiting = done.model_copy(update={"name": "patients", "verdict": "not_yet", "result": None, "outcome": None})
    Terminal(width=80).show_runs([done, waiting, nothing])
    assert_matches_snapshot(capsys.readouterr().out, "runs")


def test_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(width=80)
    terminal.show_runs([])
    terminal.show_models([], set())
    assert capsys.readouterr().out == "No runs yet.\nNo model matches.\n"


def test_checks_are_listed_with_the_command_that_mends_each_fault(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [
        Check(name="Python", works=True, found="3.11.9", mend=None),
        Check(name="torch", works=False, found="not installed", mend="pip install torch"),
    ]
    terminal = Terminal(width=80)
    terminal.show_checks(checks)
    terminal.show_checks(checks[:1])
    expected = "✓  Python  3.11.9\n✗  torch   not installed\n           pip install torch\n1 thing to mend.\n"
    assert capsys.readouterr().out == expected + "✓  Python  3.11.9\nEverything works.\n"


def test_progress_without_a_terminal_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(width=80).progress("Measuring") as progress:
        progress.step("reading [bold]rows")
        for done in range(1, 9):
            progress.advance(done, 8)
        progress.step("deciding")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Measuring"
    assert [line.split(",")[0] for line in lines[1:4]] == [f"  reading [bold]rows: {share} %" for share in (25, 50, 75)]
    assert re.fullmatch(r"✓ reading \[bold\]rows  \d+ ms", lines[4])
    assert re.fullmatch(r"✓ deciding  \d+ ms", lines[5])


def test_progress_on_a_terminal_shows_a_bar_and_leaves_the_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    written.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with Terminal(width=80).progress("Measuring") as progress:
        progress.step("reading [bold]rows")
        progress.advance(1, 2)
    assert "reading [bold]rows" in written.getvalue()
    assert "\x1b[?25h" in written.getvalue(), "the cursor is shown again"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_progress_that_is_interrupted_says_where(
    error: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        with Terminal(width=80).progress("Measuring") as progress:
            progress.step("reading rows")
            raise error

    with pytest.raises(error):
        interrupted()
    assert re.search(r"✗ reading rows  \d+ ms, stopped", capsys.readouterr().out)


def test_progress_of_a_quiet_terminal_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(quiet=True).progress("Measuring") as progress:
        progress.step("reading rows")
        progress.advance(1, 2)
    assert capsys.readouterr().out == ""


def test_the_terminal_is_imported_without_heavy_libraries() -> None:
    heavy = "torch", "transformers", "pandas", "matplotlib", "sklearn", "scipy", "jinja2"
    code = f"import sys, advisor.report.terminal; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


ALWAYS = [
    "factors",
    "rivals",
    "models",
    "forecast",
    "learning",
    "data",
    "findings",
    "questions",
    "cost",
    "reproduce",
    "next",
]


def test_the_page_of_a_go_has_every_section_in_order(tmp_path: Path) -> None:
    found = Reader(page_of(decisions.go(), tmp_path))
    expected = ["verdict", "result", "flips", "factors", "rivals", "models", "forecast", "learning"]
    expected += ["training", "errors", "sureness", "slices", "steady", "rows"]
    assert found.sections == [*expected, "data", "findings", "questions", "cost", "reproduce", "next"]
    assert found.open == []


@pytest.mark.parametrize("name", ["not_yet", "no_go"])
def test_a_page_without_a_result_leaves_its_sections_out(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]()
    expected = [section for section in ALWAYS if section != "learning" or sample.measurements.prospects]
    assert Reader(page_of(sample, tmp_path)).sections == ["verdict", "flips", *expected]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_is_one_file_that_asks_nothing_of_the_network(name: str, tmp_path: Path) -> None:
    page = page_of(SAMPLES[name](), tmp_path)
    found = Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & {tag for tag, _ in found.tags}
    anchors = [attributes["href"] or "" for tag, attributes in found.tags if tag == "a"]
    assert all(anchor.startswith("#") for anchor in anchors)
    assert not any(key in attributes for _, attributes in found.tags for key in ("src", "onload", "onclick"))
    assert {anchor[1:] for anchor in anchors} <= set(found.sections)
    assert "url(" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert len(page) < 1_000_000


def test_the_page_shows_what_the_data_says_as_text(tmp_path: Path) -> None:
    page = page_of(decisions.hostile(), tmp_path)
    words = Reader(page).words
    for raw in ("<script>alert", '<b>"', "\x1b", "\u202e"):
        assert raw not in page
    for shown in (
        r"\x1b[31mred\x1b[0m",
        r"\u202eevil",
        "[bold]x[/bold]",
        "<script>alert(1)</script>",
        "'\"&<b>",
        r"a\nb",
    ):
        assert shown in words


def test_raw_rows_are_left_out_when_the_data_is_personal(tmp_path: Path) -> None:
    sample = decisions.go()
    provenance = sample.answers.provenance.model_copy(update={"personal_data": "yes"})
    answers = sample.answers.model_copy(update={"provenance": provenance})
    personal = dataclasses.replace(sample, answers=answers)
    raw = [text for _, text, *_ in decisions.WORST] + [line for found in decisions.FINDINGS for line in found.examples]
    assert all(text in Reader(page_of(sample, tmp_path)).words for text in raw)
    page = page_of(personal, tmp_path)
    assert not any(text in page for text in raw)
    assert "Left out, because the data is personal." in page


def test_the_page_shows_the_outcome_beside_the_forecast(tmp_path: Path) -> None:
    words = " ".join(Reader(page_of(decisions.go(), tmp_path)).words.split())
    for shown in (
        "Macro F1 0.894 (0.871 to 0.917) 0.872 (0.838 to 0.903) in range",
        "Useful gain 72 % likely yes as expected",
        "Wall time 11 min 42 s 12 min 25 s 6 % more",
        "Processor time 21 min 50 s 21 min 24 s 2 % less",
        "Peak memory 1.2 GB 1.3 GB 6 % more",
        "+4.9 points over the linear probe (95 % interval +1.6 to +8.0, p = 0.004 by McNemar's test of right and wrong rows)",
    ):
        assert shown in words


def test_many_classes_give_a_table_of_pairs_instead_of_a_matrix_and_a_small_page(tmp_path: Path) -> None:
    classes = [f"class {place} " + "x" * 300 for place in range(400)]
    confusion = [[20 if row == column else int(abs(row - column) == 1) for column in range(400)] for row in range(400)]
    sample = decisions.go()
    assert sample.result is not None
    errors = sample.result.errors.model_copy(
        update={"confusion": confusion, "by_class": decisions.by_class(confusion, classes)}
    )
    result = sample.result.model_copy(update={"errors": errors, "classes": classes})
    measured = decisions.measurements(dataset=decisions.dataset(classes=classes))
    page = page_of(Sample(sample.answers, measured, sample.decision, result, sample.next_steps), tmp_path)
    assert 'class="matrix"' not in page
    assert "The 300 weakest of 400 classes." in page
    assert len(page) < 1_000_000


def test_commands_in_sentences_are_set_off_and_odd_backticks_stay(tmp_path: Path) -> None:
    page = page_of(decisions.go(), tmp_path)
    assert "<code>advisor models --get deberta-v3-base</code>" in page
    sample = decisions.no_go()
    flips = [sample.decision.flips[0].model_copy(update={"because": "One ` <i> alone"})]
    changed = sample.decision.model_copy(update={"flips": flips})
    assert "One ` &lt;i&gt; alone" in page_of(
        Sample(sample.answers, sample.measurements, changed, None, sample.next_steps), tmp_path
    )


def test_a_page_is_written_without_rivals_ranking_epochs_or_next_steps(tmp_path: Path) -> None:
    sample = decisions.go()
    assert sample.result is not None
    bare = sample.decision.model_copy(
        update={
            "rivals": [],
            "flips": [],
            "recommendation": sample.decision.recommendation.model_copy(update={"ranking": []}),
            "alternative": Alternative(name="zero_shot", score=None),
            "verdict": "no_go",
            "forecast": None,
        }
    )
    one = EpochLog(epoch=1, loss=0.5, validation_score=0.8)
    result = sample.result.model_copy(update={"epochs": [one], "best_epoch": 1.0})
    changed = Sample(sample.answers, decisions.measurements(rivals=None, models=[]), bare, result, NextSteps.of())
    page = page_of(changed, tmp_path)
    assert "None was measured: the data allows no fit." in page
    assert "Use the best cheap way instead: zero-shot." in page
    assert page_of(dataclasses.replace(changed, result=None), tmp_path)


def test_a_bare_decision_is_shown_on_the_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    sample = decisions.no_go()
    bare = sample.decision.model_copy(
        update={
            "rivals": [],
            "flips": [],
            "recommendation": sample.decision.recommendation.model_copy(update={"ranking": []}),
        }
    )
    measured = decisions.measurements(rivals=None, audit=decisions.audit([]))
    Terminal(width=80).show_decision(sample.answers, measured, bare)
    text = capsys.readouterr().out
    assert "None was measured: the data allows no fit." in text
    assert "flip" not in text


def test_a_folder_that_cannot_take_the_page_is_an_error_with_a_fix(tmp_path: Path) -> None:
    sample = decisions.no_go()
    with pytest.raises(StorageError) as caught:
        page_of(sample, tmp_path / "missing")
    assert isinstance(caught.value, PipelineError)
    assert "report.html" in caught.value.problem
    assert caught.value.fix


def test_a_page_that_is_written_again_replaces_the_old_one(tmp_path: Path) -> None:
    page_of(decisions.go(), tmp_path)
    assert "No-go" in page_of(decisions.no_go(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_question_that_was_not_asked_shows_its_default_as_not_asked(tmp_path: Path) -> None:
    sample = decisions.no_go()
    found = {question.key: question for question in questions(sample.answers, sample.decision)}
    assert found["goal.good_enough"].asked
    assert found["goal.good_enough"].answer == "0.8"
    assert not found["goal.metric"].asked
    assert found["goal.metric"].answer == "macro F1"
    assert found["expertise.evaluation"].answer == "compared models with intervals or tests"
    assert {key for key, question in found.items() if not question.asked} == {
        key for key, _ in sample.answers.not_asked()
    }
    words = " ".join(Reader(page_of(sample, tmp_path)).words.split())
    assert "deployment.max_latency_ms no limit not asked" in words


def test_answers_to_the_tasks_own_questions_and_named_models_are_shown() -> None:
    answers = Answers.model_validate(
        {
            "data": {"train": "a.csv"},
            "task_options": {"label_names": "as they are"},
            "models": {"candidates": ["one", "two"]},
            "launch": {"automatic": False},
        }
    )
    found = {question.key: question.answer for question in questions(answers, decisions.no_go().decision)}
    assert found["task_options.label_names"] == "as they are"
    assert found["models.candidates"] == "one, two"
    assert found["launch.automatic"] == "no"


def test_an_outcome_is_judged_against_its_forecast() -> None:
    result = decisions.result()
    outcome = result.outcome.model_copy(
        update={"probability_of_useful_gain": 0, "train_wall_seconds": 1755.0, "train_cpu_seconds": 1310.0}
    )
    low = outcome.model_copy(update={"score": outcome.score.model_copy(update={"point": 0.8})})
    high = outcome.model_copy(update={"score": outcome.score.model_copy(update={"point": 0.95})})
    against = [line.against for line in compare_forecast(result.forecast, low, result.metric_facts)]
    assert against == ["below range", "unexpected", "2.5 times", "as forecast", "6 % more"]
    assert compare_forecast(result.forecast, high, result.metric_facts)[0].against == "above range"


def test_energy_is_compared_where_the_machine_tells_it() -> None:
    result = decisions.result()
    assert result.forecast is not None
    forecast = result.forecast.model_copy(update={"joules": 45_000.0})
    outcome = result.outcome.model_copy(update={"joules": 900_000.0})

    def told(outcome: Outcome | None) -> list[tuple[str, str, str]]:
        lines = compare_forecast(forecast, outcome, result.metric_facts)
        return [(line.forecast, line.outcome, line.against) for line in lines if line.what == "Processor energy"]

    assert told(None) == told(result.outcome) == [("12.5 Wh", "", "")]
    assert told(outcome) == [("12.5 Wh", "0.25 kWh", "20.0 times")]
    assert "Processor energy" not in [
        line.what for line in compare_forecast(result.forecast, outcome, result.metric_facts)
    ]


def test_the_cost_of_the_run_is_its_time_at_the_users_price() -> None:
    assert money(decisions.go().answers, 7200) == "0.80 in your currency, at 0.4 an hour"
    assert money(decisions.no_go().answers, 7200) is None


def test_costs_name_what_was_measured() -> None:
    names = [what for what, _ in costs(decisions.measurements(rivals=None, prospects=None, pilot=None, models=[]))]
    assert names == ["Reading and checking the data", "Measuring this machine"]


def test_the_most_confused_pairs_come_first() -> None:
    pairs = confused_pairs(decisions.result(), 2)
    assert [(pair.truth, pair.answer, pair.rows, pair.of) for pair in pairs] == [
        ("complaint", "delivery", 6, 63),
        ("refund", "cancel order", 6, 65),
    ]


def test_a_run_is_called_as_the_user_said_else_as_its_file() -> None:
    assert title_of(decisions.go().answers) == "support-mail"
    assert title_of(decisions.no_go().answers) == "support"


NUMBERS: list[tuple[str, str]] = [
    (wording.say_score(0.8119), "0.812"),
    (wording.say_score(-0.25), "-0.250"),
    (wording.say_score(99.9994), "99.999"),
    (wording.say_score(123.456), "123.5"),
    (wording.say_score(-54321.0), "-54,321.0"),
    (wording.say_range(99.5, 100.25), "99.500 to 100.2"),
    (wording.say_improvement(0.0312, MACRO_F1.facts), "+3.1 points"),
    (wording.say_improvement(-0.0004, MACRO_F1.facts), "+0.0 points"),
    (wording.say_improvement_range(-0.012, 0.05, MACRO_F1.facts), "-1.2 to +5.0"),
    (wording.say_improvement(0.74431, MEAN_ERROR.facts), "+0.744 in mean error"),
    (wording.say_improvement(-12.0, MEAN_ERROR.facts), "-12 in mean error"),
    (wording.say_improvement(-0.0, MEAN_ERROR.facts), "+0 in mean error"),
    (wording.say_improvement_range(-0.1, 1.4849, MEAN_ERROR.facts), "-0.1 to +1.48"),
    (wording.say_metric(MACRO_F1.facts), "Macro F1"),
    (wording.say_metric(MEAN_ERROR.facts), "Mean error (less is better)"),
    (wording.say_probability(0.72), "72 %"),
    (wording.say_probability(0.996), "over 99 %"),
    (wording.say_probability(0.004), "under 1 %"),
    (wording.say_probability(1.0), "100 %"),
    (wording.say_share(0.0004), "under 0.1 %"),
    (wording.say_share(0.031), "3.1 %"),
    (wording.say_share(0.31), "31 %"),
    (wording.say_p(0.0004), "p < 0.001"),
    (wording.say_p(0.0041), "p = 0.004"),
    (wording.say_seconds(0.0084), "8 ms"),
    (wording.say_seconds(0.43), "0.4 s"),
    (wording.say_seconds(3.21), "3.2 s"),
    (wording.say_seconds(9.96), "10 s"),
    (wording.say_seconds(59.6), "1 min 0 s"),
    (wording.say_seconds(72), "1 min 12 s"),
    (wording.say_seconds(3599.7), "1 h 0 min"),
    (wording.say_seconds(7500), "2 h 5 min"),
    (wording.say_seconds(200_000), "2 d 7 h"),
    (wording.say_bytes(900), "900 B"),
    (wording.say_bytes(412_300_000), "412 MB"),
    (wording.say_bytes(999_600_000), "1.0 GB"),
    (wording.say_bytes(1_240_000_000), "1.2 GB"),
    (wording.say_bytes(140e9), "140 GB"),
    (wording.say_bytes(3.2e12), "3.2 TB"),
    (wording.say_count(12_345), "12,345"),
    (wording.say_many(1, "row"), "1 row"),
    (wording.say_many(0, "row"), "0 rows"),
    (wording.say_amount(22_713_216), "22.7 million"),
    (wording.say_amount(950), "950"),
    (wording.say_title("macro_f1"), "Macro F1"),
    (say_way("tfidf"), "TF-IDF"),
    (say_way("my_own"), "my own"),
    (wording.explain_rival("my_own"), ""),
    (wording.say_verdict("not_yet"), "Not yet"),
    (wording.say_verdict("some_other"), "some other"),
]


@pytest.mark.parametrize(("shown", "expected"), NUMBERS, ids=[expected for _, expected in NUMBERS])
def test_numbers_and_names_read_well(shown: str, expected: str) -> None:
    assert shown == expected


def test_what_acts_instead_of_being_seen_is_written_as_its_escape() -> None:
    assert visible("a\tb\r\n\x00\x9b\u2028\ufeff\ud800\U000e0041") == r"a\tb\r\n\x00\x9b\u2028\ufeff\ud800\U000e0041"
    kept = "naïve Ελληνικά 中文 👩\u200d💻 می\u200cخواهم"
    assert visible(kept) == kept


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.05, 0.95], [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([0.81, 0.85], [0.81, 0.82, 0.83, 0.84, 0.85]),
        ([0.5], [0.5, 0.51]),
        ([], [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([-0.2, 0.6], [-0.2, 0, 0.2, 0.4, 0.6]),
        ([0.0, 12.2], [0, 2.5, 5, 7.5, 10, 12.5]),
        ([0.0, 10.0], [0, 2, 4, 6, 8, 10]),
        ([24.8, 13.1, 12.2], [10, 15, 20, 25]),
        ([41_000.0, 43_600.0], [41_000, 42_000, 43_000, 44_000]),
        ([1e6, 4e6], [1e6, 2e6, 3e6, 4e6]),
    ],
)
def test_a_scale_has_round_ticks_and_holds_all_values(values: list[float], ticks: list[float]) -> None:
    scale = Scale.over(values)
    assert list(scale.ticks) == pytest.approx(ticks)
    assert scale.share(scale.low - 1) == 0
    assert scale.share(scale.high + 1) == 1


def test_a_whisker_is_drawn_where_its_score_lies() -> None:
    assert draw_whisker(Scale(0, 1, 0.2), 11, (0.5, 0.3, 0.6), 0.9, ASCII) == "   --o-  : "


@pytest.fixture(autouse=True)
def plain_output(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def test_hostile_samples_cover_what_they_should() -> None:
    assert {"<", "\x1b", "\u202e", "[", "\n", '"'} <= set("".join(HOSTILE))


def test_a_gain_without_an_interval_says_why_beside_the_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.go()
    assert sample.result is not None
    first, *others = sample.result.scores
    assert first.difference is not None
    bare = first.difference.model_copy(update={"why_no_interval": "Simulated intervals of such gains held too seldom."})
    line = first.model_copy(update={"difference": bare, "why_no_interval": ""})
    changed = dataclasses.replace(sample, result=sample.result.model_copy(update={"scores": [line, *others]}))
    show(changed)
    said = f"Gain in {first.facts.title}: Simulated intervals of such gains held too seldom."
    assert said in " ".join(capsys.readouterr().out.split())
    assert said in " ".join(Reader(page_of(changed, tmp_path)).words.split())


def test_the_worst_rows_stand_beside_the_training_row_that_is_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.go()
    assert sample.result is not None
    near = Neighbour(text="Please stop my order.", truth="cancel order", similarity=0.873)
    worst = [case.model_copy(update={"neighbours": [near]}) for case in sample.result.errors.worst]
    errors = sample.result.errors.model_copy(update={"worst": worst})
    show(dataclasses.replace(sample, result=sample.result.model_copy(update={"errors": errors})))
    told = " ".join(capsys.readouterr().out.split())
    assert told.count("nearest training row: cancel order, Please stop my order. (similarity 0.87)") == len(worst)
