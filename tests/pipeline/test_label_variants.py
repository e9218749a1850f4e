import pytest

from pipeline.data.label_variants import Variants, find_variants, fold, spellings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("spam", "SPAM"),
        ("spam", " spam "),
        ("on hold", "on   hold"),
        ("on hold", "on\u00a0hold"),
        ("spam", "spam\u200b"),
        ("spam", "\ufeffspam"),
        ("café", "cafe\u0301"),
        ("spam", "ｓｐａｍ"),
        ("spam", '"spam"'),
        ("spam", "“spam”"),
        ("spam", "spam."),
        ("spam", "'Spam',"),
        ("Straße", "STRAßE"),
    ],
)
def test_spellings_of_one_label_are_told_to_be_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C", "C#"),
        ("C", "C++"),
        ("+", "-"),
        ("1", "-1"),
        ("yes!", "yes?"),
        ("$,", "$."),  # tags of the STTS set
        ("''", "``"),  # tags of the Penn Treebank
        (".", ","),
        ("1", "1.0"),
        ("Maße", "Masse"),
        ("follow-up", "follow up"),
        ("?", "!"),
    ],
)
def test_labels_that_mean_different_things_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_the_commonest_spelling_is_kept_white_space_and_quotes_apart() -> None:
    assert spellings({"Spam": 4, "spam": 3, " spam": 10, "ham": 9}) == {"Spam": "spam", " spam": "spam"}
    assert spellings({"yes": 2, "Yes": 2}) == {"yes": "Yes"}
    assert find_variants({"a": 1, "A": 2}) == [Variants("A", ["A", "a"])]
    assert spellings({"Ja ": 2, "ja": 2}) == {"Ja ": "ja"}
    assert spellings({" Ja ": 3, "ja": 2}) == {" Ja ": "Ja", "ja": "Ja"}
    assert spellings({"U.S.": 5, "u.s.": 1}) == {"u.s.": "U.S."}


def test_writing_labels_in_their_spelling_leaves_nothing_to_mend() -> None:
    counts = {"a b": 1, "A  B": 2, "a b.": 3, "c": 4, "C ": 5}
    mended: dict[str, int] = {}
    spelling = spellings(counts)
    for label, count in counts.items():
        kept = spelling.get(label, label)
        mended[kept] = mended.get(kept, 0) + count
    assert find_variants(mended) == []
