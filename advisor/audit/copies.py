"""Rows that stand more than once: in one file, or in two that should share none."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from advisor.audit.counts import unsealed_positions
from advisor.audit.material import EXAMPLES, Found, Material
from pipeline.data.duplicates import nearly_same
from pipeline.data.splitting import Side
from pipeline.evaluation.intervals import wilson

MOST_COMPARED = 100
"""Rows of a group that one row is compared with."""
FILES: Mapping[Side | None, str] = {None: "training", "validation": "validation", "test": "test"}
"""What the given files are called, in the order in which a row that stands in two belongs to the earlier."""


def find_copies(material: Material) -> list[Found]:
    """Exact copies and near-copies of an earlier row of the same file."""
    groups, given = material.data.groups, _given(material)
    exact = _later(list(zip(given, groups.text_hashes, strict=True)))
    copied = set(exact)
    near = [position for position in _later(list(zip(given, groups.keys, strict=True))) if position not in copied]
    census = material.data.census
    return [
        Found("exact_duplicates", census.exact_copies, census.rows, material.examples(exact)),
        Found("near_duplicates", len(near), len(given), _pairs(material, near)),
    ]


def find_leaks(material: Material) -> list[Found]:
    """Rows of a given file whose text, or nearly so, also stands in a file that is learned from before it."""
    given = _given(material)
    found = []
    sides = [side for side in FILES if side in given]
    for place, later in enumerate(sides):
        for earlier in sides[:place]:
            found += _between(material, given, earlier, later)
    return found


def find_uncompared(material: Material) -> list[Found]:
    """Texts among which near-copies were not looked for, because there are too many, and what the sample says of all.

    A pair is seen only when both its texts are in the sample, so that the share of near-copies there is that of all texts times
    the share that was compared, where near-copies come in pairs.
    """
    census = material.data.census
    compared, different = census.near_compared_texts, census.different_texts
    share = (compared - 1) / max(different - 1, 1)
    seen = wilson(census.near_copies, compared)
    values = {
        "compared": f"{compared:,}",
        "chance": f"{100 * share**2:.2g} %",
        "seen": f"{census.near_copies:,}",
        "low": f"{100 * min(1, seen.low / max(share, 1e-9)):.2g} %",
        "high": f"{100 * min(1, seen.high / max(share, 1e-9)):.2g} %",
    }
    return [Found("near_duplicates_not_compared", different - compared, different, values=values)]


def find_sampled(material: Material) -> list[Found]:
    """Rows that were counted and not kept, because fewer were asked for or fit into memory."""
    census = material.data.census
    return [Found("sampled", census.rows - census.kept_rows, census.rows, values={"kept": f"{census.kept_rows:,}"})]


def _given(material: Material) -> Sequence[Side | None]:
    return material.data.given or [None] * len(material.data.rows)


def _between(material: Material, given: Sequence[Side | None], earlier: Side | None, later: Side | None) -> list[Found]:
    groups = material.data.groups
    here = [position for position, side in enumerate(given) if side == later]
    there = [position for position, side in enumerate(given) if side == earlier]
    texts = {groups.text_hashes[position]: position for position in reversed(there)}
    exact = {position: texts[key] for position in here if (key := groups.text_hashes[position]) in texts}
    members = _members(groups.keys, there)
    near = {
        position: twin
        for position in here
        if position not in exact and (twin := _twin(material, position, members[groups.keys[position]])) is not None
    }
    values = {"earlier": FILES[earlier], "later": FILES[later]}
    counted = material.data.census.leaked_rows.get(f"{later} in {earlier or 'train'}", 0)
    return [
        Found(f"{later}_leaks", counted, len(here), _once(material, exact), values),
        Found(f"{later}_near_leaks", len(near), len(here), _once(material, near), values),
    ]


def _members(keys: Sequence[str], positions: Sequence[int]) -> Mapping[str, list[int]]:
    """The positions of each group, in their order."""
    found: dict[str, list[int]] = defaultdict(list)
    for position in positions:
        found[keys[position]].append(position)
    return found


def _twin(material: Material, position: int, others: Sequence[int]) -> int | None:
    """The first of others in its group that a row is nearly the same as; a group may hold rows that only a chain joins."""
    inputs = material.data.rows.inputs
    alike = (other for other in others[:MOST_COMPARED] if nearly_same(inputs[position], inputs[other]))
    return next(alike, None)


def _once(material: Material, twins: Mapping[int, int]) -> list[str]:
    """The rows of the earlier file that were found again; those of the later one may be sealed."""
    return material.examples(list(dict.fromkeys(twins.values())))


def _pairs(material: Material, near: Sequence[int]) -> list[str]:
    """Near-copies beside a row that each is like, where neither is sealed."""
    data = material.data
    members = _members(data.groups.keys, unsealed_positions(data))
    found = []
    for position in (position for position in near if data.sides[position] != "test"):
        others = [other for other in members[data.groups.keys[position]] if other != position]
        twin = _twin(material, position, others)
        if twin is not None:
            found.append(f"{material.example(position)} ≈ {material.example(twin)}")
        if len(found) == EXAMPLES:
            break
    return found


def _later(keys: Sequence[tuple[Side | None, str]]) -> list[int]:
    """Positions whose key stood before."""
    seen: set[tuple[Side | None, str]] = set()
    found = []
    for position, key in enumerate(keys):
        if key in seen:
            found.append(position)
        seen.add(key)
    return found
