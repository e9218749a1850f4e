"""Which columns could fill each role of a reading, and what speaks for and against each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from pipeline.data.evidence import Filling, Piece, Signs, listed, quoted
from pipeline.data.profiles import MOSTLY, Profile
from pipeline.data.values import as_list, is_missing

FEWEST_SCORES = 3
"""Different numbers from which they can be scores."""
FEWEST_TAGS, LARGEST_TAG_SHARE = 10, 0.1
"""A column of tags holds at most so many different ones, or so many for each word."""
MANY_NUMBERS = 20
FEW_CLASSES = 0.25
"""Different values for each row up to which they are few."""
OFTEN_EMPTY = 0.7
"""Share of filled rows below which a text is often empty."""
SPEAKERS = ({"role", "content"}, {"from", "value"})
"""Keys of a message: who speaks, and what."""


class Seen(NamedTuple):
    """A column that may fill a role, with what is known beside it."""

    profile: Profile
    usual: bool
    """Whether its name is a usual one for the role."""
    columns: Mapping[str, Profile]
    signs: Signs

    def piece(self, sign: str, note: str = "") -> Piece:
        """Evidence about this column."""
        return Piece(sign, quoted(self.profile.name) + note)


def fillings(role: str, columns: Mapping[str, Profile], signs: Signs) -> list[Filling]:
    """Each column that could fill a role; for several labels also all columns that say yes or no, together."""
    found = [filling for profile in columns.values() if (filling := _filling(role, profile, columns, signs))]
    if role == "labels" and (flags := _flags(columns.values(), signs)):
        found.append(flags)
    return found


def named_filling(role: str, named: Any, columns: Mapping[str, Profile], signs: Signs) -> Filling:
    """The column, or columns, that a person named for a role, whatever they hold."""
    filling = _filling(role, columns[named], columns, signs) if isinstance(named, str) and named in columns else None
    return Filling({**(filling.columns if filling else {}), role: named}, filling.pieces if filling else [])


def means_something_else(profile: Profile, signs: Signs) -> bool:
    """Whether a column says something about the rows, by its name or by all of its values, and is not their answer."""
    last = profile.plain_name.rpartition("_")[2]
    by_name = {profile.plain_name, last} & set(signs.words.other_meanings)
    return bool(by_name) or (bool(profile.classes) and profile.classes <= set(signs.words.not_classes))


def _filling(role: str, profile: Profile, columns: Mapping[str, Profile], signs: Signs) -> Filling | None:
    named = _name_pieces(role, profile, signs)
    seen = Seen(profile, any(piece.sign == "usual_name" for piece in named), columns, signs)
    empty = not profile.filled and seen.usual and role != "input"
    held = [seen.piece("empty")] if empty else HOLDS.get(role, _holds_text)(seen)
    if held is None:
        return None
    if role in ("label", "score", "labels") and not seen.usual and means_something_else(profile, signs):
        named.append(seen.piece("another_meaning"))
    delimited = role == "labels" and not profile.lists and profile.parts[0]
    return Filling({role: profile.name, **({"label_delimiter": profile.parts[0]} if delimited else {})}, named + held)


def _name_pieces(role: str, profile: Profile, signs: Signs) -> list[Piece]:
    names = signs.names[role]
    if profile.plain_name in names.usual:
        return [Piece("usual_name", quoted(profile.name))]
    return [Piece("near_name", quoted(profile.name))] if profile.words & set(names.near) else []


def _holds_text(seen: Seen) -> list[Piece] | None:
    """Texts, which are long and differ; what bears a usual name may look odd."""
    profile = seen.profile
    if not profile.texts or not (profile.is_free_text or seen.usual):
        return None
    odd = "constant" if len(profile.counts) == 1 else "odd_text"
    found = [seen.piece("free_text" if profile.is_free_text else odd)]
    if profile.filled_fraction < OFTEN_EMPTY:
        found.append(seen.piece("often_empty"))
    if not seen.usual and profile.plain_name.rpartition("_")[2] in seen.signs.words.side_texts:
        found.append(seen.piece("side_text"))
    return found


def _holds_other_text(seen: Seen) -> list[Piece] | None:
    """A text beside another: that it is one says nothing, what speaks against it counts."""
    found = _holds_text(seen)
    return None if found is None else [piece for piece in found if piece.sign != "free_text"]


def _holds_questions(seen: Seen) -> list[Piece] | None:
    found = _holds_text(seen)
    asking = sum(text.strip().endswith(("?", "？", "؟")) for text in seen.profile.texts)
    return found if found is None or asking < 0.5 * len(seen.profile.texts) else [*found, seen.piece("asks")]


def _holds_named_text(seen: Seen) -> list[Piece] | None:
    """What nothing but its name tells from other texts, whether it is filled everywhere or not."""
    profile = seen.profile
    return [] if seen.usual and (profile.texts or profile.lists or not profile.filled) else None


def _holds_classes(seen: Seen) -> list[Piece] | None:
    profile, different = seen.profile, len(seen.profile.counts)
    if not profile.texts or not (profile.is_classes or seen.usual):
        return None
    if not profile.is_classes:
        decimals = bool(profile.numbers) and not profile.is_whole
        odd = "constant" if different == 1 else "odd_classes"
        return [seen.piece("decimals_as_classes" if decimals else odd)]
    few = different <= max(2, FEW_CLASSES * len(profile.texts))
    counted = f" ({different} different in {len(profile.texts)} rows)"
    found = [seen.piece("few_values" if few else "values_come_again", counted)]
    if not profile.is_flags and profile.classes <= set(seen.signs.words.classes):
        found.append(seen.piece("known_classes"))
    if profile.is_whole and different >= FEWEST_SCORES and profile.plain_name in seen.signs.names["score"].usual:
        found.append(seen.piece("rating_as_classes"))
    twins = (other for other in seen.columns.values() if other is not profile and other.classes == profile.classes)
    if not profile.is_flags and any(twins):
        found.append(seen.piece("same_classes"))
    return found


def _holds_numbers(seen: Seen) -> list[Piece] | None:
    profile, different = seen.profile, len(set(seen.profile.numbers))
    if different < FEWEST_SCORES or profile.names_rows or profile.is_dates:
        return [seen.piece("odd_score")] if seen.usual and profile.texts and not profile.is_flags else None
    if not profile.is_whole:
        return [seen.piece("decimals")]
    counted = f" ({different} different in {len(profile.numbers)} rows)"
    return [seen.piece("many_numbers" if different > MANY_NUMBERS else "few_whole_numbers", counted)]


def _holds_several_labels(seen: Seen) -> list[Piece] | None:
    profile = seen.profile
    odd = [seen.piece("odd_labels")] if seen.usual else None
    if profile.lists:
        return _holds_lists(seen, odd)
    if not profile.texts or profile.numbers:
        return None
    if not profile.parts[0]:
        return odd
    return [seen.piece("comma_classes" if profile.parts[0] == "," else "delimited_classes")]


def _holds_lists(seen: Seen, odd: list[Piece] | None) -> list[Piece] | None:
    """Lists of values that come again, mostly each but once in a row."""
    profile = seen.profile
    if _holds_structures(profile.entries):
        return None
    entries = [str(entry) for entry in profile.entries]
    found = [seen.piece("lists_of_classes")] if len(set(entries)) <= max(2, 0.5 * len(entries)) else odd
    twice = sum(len(set(map(str, each))) < len(each) for each in profile.lists)
    return found if found is None or twice <= 0.2 * len(profile.lists) else [*found, seen.piece("repeats_in_a_row")]


def _flags(columns: Iterable[Profile], signs: Signs) -> Filling | None:
    """All columns that say yes or no of every row, as one column for each label."""
    flags = [each for each in columns if each.is_flags and not means_something_else(each, signs)]
    if len(flags) < 2:
        return None
    names = [each.name for each in flags]
    labels = [each.name for each in flags if each.plain_name in signs.names["label"].usual]
    found = [Piece("flags", listed(names)), *(Piece("flag_is_the_label", quoted(name)) for name in labels[:1])]
    return Filling({"labels": names}, found)


def _holds_spans(seen: Seen) -> list[Piece] | None:
    if _all_have(seen.profile.entries, {"start", "end", "label"}):
        return [seen.piece("spans")]
    return [seen.piece("odd_spans")] if seen.usual and not seen.profile.texts else None


def _holds_messages(seen: Seen) -> list[Piece] | None:
    spoken = any(_all_have(seen.profile.entries, keys) for keys in SPEAKERS)
    return [seen.piece("messages")] if spoken else None


def _holds_answers(seen: Seen) -> list[Piece] | None:
    if _all_have(seen.profile.mappings or seen.profile.entries, {"text", "answer_start"}):
        return [seen.piece("answers_with_places")]
    return [] if seen.profile.texts and not seen.profile.is_flags else None


def _holds_translations(seen: Seen) -> list[Piece] | None:
    languages = set(seen.signs.words.languages)
    both = bool(seen.profile.mappings) and all(
        len(each) == 2 and {str(key).casefold() for key in each} <= languages for each in seen.profile.mappings
    )
    return [seen.piece("translations")] if both else None


def _holds_pictures(seen: Seen) -> list[Piece] | None:
    return [seen.piece("pictures")] if seen.profile.is_images else None


def _all_have(entries: Sequence[Any], keys: set[str]) -> bool:
    found = [entry for entry in entries if isinstance(entry, Mapping)]
    return bool(found) and len(found) >= MOSTLY * len(entries) and all(keys <= set(entry) for entry in found)


def _holds_structures(entries: Iterable[Any]) -> bool:
    return any(isinstance(entry, Mapping | list | tuple) for entry in entries)


HOLDS: Mapping[str, Callable[[Seen], list[Piece] | None]] = {
    "text_pair": _holds_other_text,
    "label": _holds_classes,
    "labels": _holds_several_labels,
    "score": _holds_numbers,
    "spans": _holds_spans,
    "question": _holds_questions,
    "prompt": _holds_questions,
    "context": _holds_other_text,
    "answers": _holds_answers,
    "summary": _holds_other_text,
    "target": _holds_other_text,
    "answer": _holds_other_text,
    "input": _holds_named_text,
    "chosen": _holds_named_text,
    "rejected": _holds_named_text,
    "messages": _holds_messages,
    "translation": _holds_translations,
    "image": _holds_pictures,
}
"""What each role asks of the values; any other role asks for texts."""


def tagged_words(columns: Mapping[str, Profile], signs: Signs) -> list[Filling]:
    """Columns with as many parts in every row, of which one has few different ones: words and their tags.

    Rows whose lengths differ by a fault still say by their names what they are.
    """
    parts = {name: found for name, profile in columns.items() if (found := _all_parts(profile))}
    filled: list[Filling] = []
    for one, other in combinations(parts, 2):
        usual = [
            (words, tags)
            for words, tags in ((one, other), (other, one))
            if columns[words].plain_name in signs.names["tokens"].usual
            and columns[tags].plain_name in signs.names["tags"].usual
        ]
        if _as_many(parts[one], parts[other]):
            words, tags = usual[0] if usual else sorted((one, other), key=lambda name: -_different(parts[name]))
            if _different(parts[tags]) <= max(FEWEST_TAGS, LARGEST_TAG_SHARE * sum(map(len, parts[tags]))):
                filled.append(_tagged(columns[words], columns[tags], "as_many_parts", signs))
        elif usual:
            filled.append(_tagged(columns[usual[0][0]], columns[usual[0][1]], "odd_tags", signs))
    return filled


def _as_many(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> bool:
    """Whether both have as many parts in every row in which both have any, and mostly more than one."""
    both = [(len(first), len(second)) for first, second in zip(one, other, strict=True) if first and second]
    several = sum(first > 1 for first, _ in both)
    return several > 0.5 * len(both) and all(first == second for first, second in both)


def _tagged(words: Profile, tags: Profile, sign: str, signs: Signs) -> Filling:
    named = [*_name_pieces("tokens", words, signs), *_name_pieces("tags", tags, signs)]
    letters = {part for row in _all_parts(tags) for part in row if part[1:2] == "-"}
    scheme = (
        [Piece("tag_letters", quoted(tags.name))] if letters and all(each[0] in "BIMELSU" for each in letters) else []
    )
    pieces = [*named, Piece(sign, listed([words.name, tags.name])), *scheme]
    return Filling({"tokens": words.name, "tags": tags.name}, pieces)


def _all_parts(profile: Profile) -> list[list[str]]:
    """The parts of every cell as text, or nothing when a cell is neither a list nor a text."""
    if profile.lists:
        flat = not _holds_structures(profile.entries)
        return [[str(part) for part in as_list(cell) or []] for cell in profile.cells] if flat else []
    if not profile.texts or profile.numbers:
        return []
    return [[] if is_missing(cell) else str(cell).split() for cell in profile.cells]


def _different(parts: Iterable[Sequence[str]]) -> int:
    return len({part for row in parts for part in row})
