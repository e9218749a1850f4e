"""Sides of rows: grouped, stratified, seeded, sticky; and ids, folds and what is saved of them."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.duplicates import Groups, group
from pipeline.data.splitting import (
    Side,
    SplitRequest,
    folds,
    load_splits,
    row_ids,
    rows_checksum,
    save_splits,
    split,
    test_share,
)
from pipeline.errors import DataError
from tests.tiny import make_rows

LABELS = ["common"] * 70 + ["usual"] * 25 + ["rare"] * 5


def labels(count: int) -> list[str]:
    return [LABELS[place * 37 % 100] for place in range(count)]


def texts(count: int) -> list[str]:
    return [str(given) for given in make_rows(count, seed=3).inputs]


def alone(count: int) -> Groups:
    """Groups of one row each, quicker than comparing texts."""
    keys = [f"{random.Random(place).getrandbits(64):016x}" for place in range(count)]
    return Groups(keys, keys, compared_texts=len(set(keys)))


def sides_of(count: int, seed: int = 0, earlier: pd.DataFrame | None = None) -> list[Side]:
    return split(SplitRequest(alone(count), labels(count), [None] * count, seed, earlier))


def free_then(free: int, side: Side, given: int) -> list[Side | None]:
    """So many rows without a side, then so many that a file fixes."""
    return [*[None] * free, *[side] * given]


def saved(path: Path, groups: Groups, sides: Sequence[Side]) -> pd.DataFrame:
    save_splits(path, [str(place) for place in range(len(sides))], groups, sides)
    return load_splits(path)


def test_nearly_the_same_texts_are_one_group_and_others_are_not() -> None:
    first = "the parcel came two weeks late and the box was open when it got here"
    found = group([first, first.upper() + "  ", first.replace("two", "six"), "the parcel came early", "", " "])
    assert found.compared_texts == 4
    assert len(set(found.keys[:3])) == 1
    assert len(set(found.keys)) == 3
    assert found.text_hashes[0] == found.text_hashes[1] != found.text_hashes[2]
    assert found.keys[0] == min(found.text_hashes[:3])


@pytest.mark.parametrize(("dropped", "fewest", "most"), [(1, 100, 100), (10, 95, 100), (20, 0, 0)])
def test_texts_that_share_four_fifths_are_found_and_others_are_not(dropped: int, fewest: int, most: int) -> None:
    draw = random.Random(0)
    texts = [[f"{draw.randrange(10**8):08}" for _ in range(60)] for _ in range(100)]
    pairs = [group([" ".join(words), " ".join(words[dropped:])]) for words in texts]
    assert fewest <= sum(pair.keys[0] == pair.keys[1] for pair in pairs) <= most


def test_too_many_texts_are_compared_in_a_sample_and_the_same_ones_are_grouped_all_the_same() -> None:
    draw = random.Random(1)
    texts = [" ".join(f"{draw.randrange(10**6)}" for _ in range(12)) for _ in range(200)]
    inputs = [*texts, *(f"{text} more" for text in texts), texts[7].upper() + " "]
    found = group(inputs, most=200)
    assert found.compared_texts == 200
    assert found.keys[-1] == found.keys[7]
    paired = sum(found.keys[place] == found.keys[200 + place] for place in range(200))
    assert 25 <= paired <= 80  # a pair is found when both are drawn: one in four
    whole = group(inputs)
    assert sum(whole.keys[place] == whole.keys[200 + place] for place in range(200)) >= 195


def test_groups_do_not_depend_on_the_order_of_rows() -> None:
    given = texts(60)
    given += [text + " too" for text in given[:20]]
    there, back = group(given), group(given[::-1])
    assert there.keys == back.keys[::-1]


def test_a_group_never_stands_on_two_sides() -> None:
    given = texts(500)
    given += [text[:-1] + "!" for text in given[:200]] + given[100:250]
    groups = group(given)
    assert len(set(groups.keys)) == 500
    sides = split(SplitRequest(groups, labels(len(given)), [None] * len(given), 0))
    found = {(key, side) for key, side in zip(groups.keys, sides, strict=True)}
    assert len(found) == 500
    assert {side for _, side in found} == {"train", "validation", "test", "reserve"}


def test_classes_have_the_same_shares_on_every_side() -> None:
    strata, sides = labels(3000), sides_of(3000)
    for side, share in (("test", 0.2), ("validation", 0.8 * 0.95 * 0.15)):
        for stratum, count in Counter(strata).items():
            found = sum(row == (stratum, side) for row in zip(strata, sides, strict=True))
            assert found / count == pytest.approx(share, abs=0.02)


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    assert sides_of(600, seed=4) == sides_of(600, seed=4)
    same = sum(one == other for one, other in zip(sides_of(600, seed=4), sides_of(600, seed=5), strict=True))
    assert same < 0.75 * 600


def test_a_row_keeps_its_side_wherever_it_stands_in_the_file() -> None:
    groups, strata = alone(700), labels(700)
    order = random.Random(1).sample(range(700), 700)
    moved = Groups([groups.text_hashes[place] for place in order], [groups.keys[place] for place in order], True)
    there = split(SplitRequest(groups, strata, [None] * 700, 0))
    back = split(SplitRequest(moved, [strata[place] for place in order], [None] * 700, 0))
    assert [there[place] for place in order] == back


def test_test_rows_never_train_when_more_rows_come() -> None:
    fewer, more = sides_of(1500), sides_of(3000)
    tested = [place for place, side in enumerate(fewer) if side == "test"]
    assert len(tested) == pytest.approx(300, abs=3)
    assert {more[place] for place in tested} <= {"test", "reserve"}


def test_few_test_rows_never_train_later_when_the_earlier_split_is_given(tmp_path: Path) -> None:
    fewer = sides_of(400)
    earlier = saved(tmp_path / "splits.parquet", alone(400), fewer)
    more = sides_of(3000, earlier=earlier)
    for place, side in enumerate(fewer):
        assert more[place] == side
    assert more.count("test") == pytest.approx(133 + 0.2 * 2600, abs=5)


def test_a_new_row_joins_the_earlier_side_of_its_group(tmp_path: Path) -> None:
    given = texts(400)
    groups = group(given)
    sides = split(SplitRequest(groups, labels(400), [None] * 400, 0))
    earlier = saved(tmp_path / "splits.parquet", groups, sides)
    both = given + [text[:-1] + "!" for text in given]
    found = split(SplitRequest(group(both), labels(800), [None] * 800, 0, earlier))
    assert found[:400] == sides
    assert found[400:] == sides


@pytest.mark.parametrize(
    ("rows", "test_rows"),
    [(30, 10), (300, 100), (600, 200), (900, 200), (1000, 200), (1500, 300), (10_000, 2000), (40_000, 2000)],
)
def test_a_fifth_is_tested_at_least_200_at_most_2000_never_over_a_third(rows: int, test_rows: int) -> None:
    assert test_share(rows) * rows == pytest.approx(test_rows)


@pytest.mark.parametrize(("rows", "test_rows"), [(300, 100), (900, 200), (3000, 600)])
def test_as_many_rows_are_drawn_as_are_wanted(rows: int, test_rows: int) -> None:
    sides = sides_of(rows)
    rest = rows - sides.count("test") - sides.count("reserve")
    assert sides.count("test") == pytest.approx(test_rows, rel=0.05, abs=1)
    assert sides.count("validation") == pytest.approx(0.15 * rest, rel=0.05, abs=1)


def test_copies_of_given_test_rows_are_left_out_of_training() -> None:
    given = texts(60)
    test_file = [given[3], given[7][:-1] + "!", *texts(70)[60:]]
    both = [*given, *test_file]
    fixed = free_then(60, "test", len(test_file))
    sides = split(SplitRequest(group(both), labels(len(both)), fixed, 0))
    assert sides[60:] == ["test"] * len(test_file)
    assert [place for place, side in enumerate(sides) if side == "left_out"] == [3, 7]
    assert "test" not in sides[:60]
    assert "reserve" not in sides


def test_copies_of_given_validation_rows_are_left_out_of_training() -> None:
    given = texts(100)
    fixed = free_then(90, "validation", 10)
    sides = split(SplitRequest(group([*given[:90], *given[:10]]), labels(100), fixed, 0))
    assert set(sides[:10]) <= {"left_out", "reserve", "test"}
    assert "validation" not in sides[:90]
    assert all(
        side == ("left_out" if sides[place] == "test" else "validation") for place, side in enumerate(sides[90:])
    )


def test_a_given_test_file_stays_the_only_one_beside_an_earlier_split(tmp_path: Path) -> None:
    groups = alone(660)
    fixed = free_then(600, "test", 60)
    first = split(SplitRequest(groups, labels(660), fixed, 0))
    earlier = saved(tmp_path / "splits.parquet", groups, first).iloc[:500]
    again = split(SplitRequest(groups, labels(660), fixed, 0, earlier))
    assert "test" not in again[:600]
    assert again[:500] == first[:500]


def test_ids_follow_from_text_label_and_occurrence() -> None:
    ids = row_ids(["a", "b", "a", "a"], ["x", "x", "x", "y"])
    assert len(set(ids)) == 4
    assert [name.rpartition("-")[2] for name in ids] == ["0", "0", "1", "0"]
    assert ids[0].rpartition("-")[0] == ids[2].rpartition("-")[0] != ids[3].rpartition("-")[0]
    assert row_ids(["b", "a"], ["x", "x"]) == (ids[1], ids[0])


def test_folds_keep_groups_together_and_hold_every_row_out_once() -> None:
    groups = [f"group {place // 2}" for place in range(60)]
    strata = ["a" if place < 40 else "b" for place in range(60)]
    found = folds(groups, strata, most=5, seed=0)
    assert len(found) == 5
    assert sorted(int(place) for held_out in found for place in held_out) == list(range(60))
    for held_out in found:
        assert not {groups[place] for place in held_out} & {
            groups[place] for place in range(60) if place not in held_out
        }
    assert len(folds(["a", "b", "c", "d", "d"], ["x", "x", "x", "y", "y"], most=5, seed=0)) == 2


def test_splits_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "splits.parquet"
    with pytest.raises(DataError, match="cannot be read as splits"):
        load_splits(path)
    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read as splits"):
        load_splits(path)
    pd.DataFrame({"row_id": ["a"], "side": ["train"]}).to_parquet(path)
    with pytest.raises(DataError) as caught:
        load_splits(path)
    assert caught.value.problem == f"'{path}' lacks the columns group, text_hash."
    assert caught.value.fix == "Give the splits.parquet of an earlier run."


def test_the_checksum_knows_rows_sides_and_order() -> None:
    first = rows_checksum(["a", "b"], ["train", "test"])
    assert first == rows_checksum(["a", "b"], ["train", "test"])
    others = [rows_checksum(["a", "b"], ["train", "train"]), rows_checksum(["b", "a"], ["test", "train"])]
    assert first not in others


def test_large_groups_train_as_often_as_rows_that_stand_alone() -> None:
    keys = [f"{random.Random(place // 10).getrandbits(64):016x}" for place in range(3000)]
    hashes = [f"{random.Random(5000 + place).getrandbits(64):016x}" for place in range(3000)]
    sides = split(SplitRequest(Groups(hashes, keys, compared_texts=3000), ["one"] * 3000, [None] * 3000, seed=1))
    counts = Counter(sides)
    assert counts["train"] + counts["validation"] > 0.65 * 3000
    assert counts["reserve"] < 0.15 * 3000
