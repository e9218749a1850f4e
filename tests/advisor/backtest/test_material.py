"""The cells of a suite and the rows that they are made of."""

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from advisor.backtest.material import Material, draw, read_material, save_material
from advisor.backtest.suite import CONTROLS, REAL, Cell, Suite, answers_of, cells_of, load_suite
from advisor.errors import AnswersError
from pipeline.errors import PipelineError

LABELS = ["fruit", "tool", "bird"]


def write_set(folder: Path, name: str = "things", rows: int = 120) -> str:
    for side, many in (("train", rows), ("test", 90)):
        lines = [{"text": f"{side} thing number {place}", "kind": LABELS[place % 3]} for place in range(many)]
        (folder / f"{name}-{side}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return (
        f'[[set]]\nname = "{name}"\n'
        f'data = {{ train = "{name}-train.jsonl", test = "{name}-test.jsonl", text = "text", label = "kind" }}\n'
    )


def write_suite(folder: Path, *sets: str, head: str = "sizes = [60, 30]\n") -> Path:
    path = folder / "suite.toml"
    path.write_text(head + "\n".join(sets), encoding="utf-8")
    return path


def table(rows: int, prefix: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"text": [f"{prefix} {row}" for row in range(rows)], "kind": [LABELS[row % 3] for row in range(rows)]}
    )


MATERIAL = Material(table(120, "learn"), table(300, "score"), ["kind"])


def cell(control: str = REAL, size: int = 60, seed: int = 0) -> Cell:
    return Cell(set_name="things", group="things", size=size, control=control, seed=seed, fingerprint="")


def drawn(control: str = REAL, size: int = 60, seed: int = 0) -> Material:
    found = draw(MATERIAL, cell(control, size, seed), 200)
    assert found is not None
    return found


def changed_share(found: Material, side: str) -> float:
    before: list[str] = getattr(drawn(), side)["kind"].tolist()
    after: list[str] = getattr(found, side)["kind"].tolist()
    return sum(one != other for one, other in zip(before, after, strict=True)) / len(before)


def test_the_smallest_real_cells_come_first_and_every_seed_draws_anew(tmp_path: Path) -> None:
    head = 'sizes = [60, 30]\ncontrol_sizes = [30]\ncontrols = ["codes"]\n'
    suite = load_suite(write_suite(tmp_path, write_set(tmp_path), head=head))
    keys = [each.key for each in cells_of(suite, 2)]
    one = ["things-30-real", "things-30-codes", "things-60-real"]
    assert keys == [f"{key}-{seed}" for seed in (0, 1) for key in one]


def test_a_larger_cell_holds_the_rows_of_a_smaller_one() -> None:
    small, large = drawn(size=30), drawn(size=60)
    assert large.train["text"].tolist()[:30] == small.train["text"].tolist()


def test_real_rows_stay_as_they_are() -> None:
    found = drawn()
    pd.testing.assert_frame_equal(found.train, MATERIAL.train.iloc[:60])
    assert len(found.held_out) == 200


@pytest.mark.parametrize(
    ("control", "least", "most"),
    [
        ("random_labels", 0.5, 0.8),
        ("half_shuffled", 0.2, 0.45),
        ("noise_20", 0.2, 0.2),
        ("noise_40", 0.4, 0.4),
        ("codes", 1.0, 1.0),
    ],
)
def test_a_control_changes_so_many_answers_among_training_and_held_out_rows_alike(
    control: str, least: float, most: float
) -> None:
    found = drawn(control)
    for side in ("train", "held_out"):
        assert least <= changed_share(found, side) <= most
        assert getattr(found, side)["text"].tolist() == getattr(drawn(), side)["text"].tolist()


def test_every_control_is_one_that_rows_can_be_made_for() -> None:
    assert set(CONTROLS) == {"random_labels", "half_shuffled", "noise_20", "noise_40", "codes", "zero_shot"}


def test_random_labels_keep_how_often_each_occurs() -> None:
    assert Counter(drawn("random_labels").train["kind"]) == Counter(drawn().train["kind"])


def test_codes_say_the_same_thing_in_other_words_everywhere() -> None:
    found = drawn("codes")
    pairs = set(zip(drawn().train["kind"], found.train["kind"], strict=True))
    assert pairs == set(zip(drawn().held_out["kind"], found.held_out["kind"], strict=True))
    assert len(pairs) == 3


def test_held_out_rows_whose_answer_no_drawn_row_has_are_left_out() -> None:
    few = Material(MATERIAL.train[MATERIAL.train["kind"] != "bird"].reset_index(drop=True), MATERIAL.held_out, ["kind"])
    found = draw(few, cell(size=40), 200)
    assert found is not None
    assert set(found.held_out["kind"]) == {"fruit", "tool"}


def test_a_set_with_too_few_rows_makes_no_cell() -> None:
    assert draw(MATERIAL, cell(size=121), 200) is None


def test_rows_are_read_in_an_order_of_the_seed_without_those_that_lack_an_answer(tmp_path: Path) -> None:
    suite = load_suite(write_suite(tmp_path, write_set(tmp_path)))
    file = tmp_path / "things-train.jsonl"
    file.write_text(file.read_text(encoding="utf-8") + '\n{"text": "nobody knows", "kind": null}\n', encoding="utf-8")
    one, again, other = (read_material(suite.sets[0], seed) for seed in (0, 0, 1))
    assert len(one) == 120
    assert one.train["text"].tolist() == again.train["text"].tolist() != other.train["text"].tolist()


def test_a_cell_has_the_answers_that_a_person_with_its_rows_would_give(tmp_path: Path) -> None:
    given = write_set(tmp_path).replace("\ndata", "\ngoal = { good_enough = 0.9 }\ndata")
    suite = load_suite(write_suite(tmp_path, given))
    paths = save_material(MATERIAL, tmp_path / "cell")
    answers = answers_of(suite, suite.sets[0], cell(seed=4), *paths)
    assert (answers.seed, answers.goal.good_enough, answers.data.columns) == (4, 0.9, {"text": "text", "label": "kind"})
    assert (answers.data.train, answers.data.test) == tuple(map(str, paths))
    assert len(paths[0].read_text(encoding="utf-8").splitlines()) == 120


@pytest.mark.parametrize(
    ("head", "change", "said"),
    [
        ("sizes = [60]\nsize = 3\n", {}, "size is not a known key (did you mean 'sizes'?)"),
        ("sizes = []\n", {}, "sizes: list should have at least 1 item"),
        ("sizes = [60]\ncontrols = ['shuffled']\n", {}, "controls.0: input should be 'random_labels'"),
        ("sizes = [60]\n", {"name": "names"}, "set.0.names is not a known key"),
        ("sizes = [60]\n", {', test = "things-test.jsonl"': ""}, "the set 'things' has no `test` under data"),
        ("sizes = [60]\n", {"label =": "lable ="}, "data.lable is not a key of [data]"),
        ("sizes = [60]\n", {"things-train.jsonl": "nothing.jsonl"}, "nothing.jsonl"),
    ],
)
def test_a_suite_that_cannot_be_used_is_refused_with_the_place(
    tmp_path: Path, head: str, change: dict[str, str], said: str
) -> None:
    given = write_set(tmp_path)
    for old, new in change.items():
        given = given.replace(old, new, 1)
    with pytest.raises(PipelineError) as caught:
        load_suite(write_suite(tmp_path, given, head=head))
    assert said in caught.value.problem
    assert caught.value.fix


def test_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match="two sets called 'things'"):
        load_suite(write_suite(tmp_path, write_set(tmp_path), write_set(tmp_path)))


def test_what_was_done_with_other_rows_or_another_goal_is_told_apart(tmp_path: Path) -> None:
    def prints(suite: Suite) -> set[str]:
        return {each.fingerprint for each in cells_of(suite, 1)}

    path = write_suite(tmp_path, given := write_set(tmp_path))
    first = prints(load_suite(path))
    assert len(first) == 1
    assert prints(load_suite(path)) == first
    write_suite(tmp_path, given, head="sizes = [30]\ncontrol_sizes = [30]\n")
    assert prints(load_suite(path)) == first
    write_suite(tmp_path, given.replace("\ndata", "\ngoal = { good_enough = 0.9 }\ndata"))
    other = prints(load_suite(path))
    assert other != first
    (tmp_path / "things-test.jsonl").write_text('{"text": "one", "kind": "bird"}\n', encoding="utf-8")
    assert prints(load_suite(path)) not in (first, other)


def test_sets_that_share_rows_are_one_group(tmp_path: Path) -> None:
    grouped = write_set(tmp_path, "other").replace("\ndata", '\ngroup = "things"\ndata')
    suite = load_suite(write_suite(tmp_path, write_set(tmp_path), grouped))
    assert {each.group for each in suite.sets} == {"things"}
