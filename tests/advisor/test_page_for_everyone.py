"""The page can be read by everybody: contrast, words for every drawing, keys, paper, and a size that mails."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.report.page import TEMPLATES, write_page
from pipeline.results import ErrorCase, Neighbour, Suspect
from tests.advisor import decisions
from tests.advisor.test_report import SAMPLES, Reader, page_of

CSS = (TEMPLATES / "page.css").read_text(encoding="utf-8")
READABLE = 4.5
"""WCAG 2.2, contrast of text at level AA: https://www.w3.org/TR/WCAG22/#contrast-minimum"""
Colour = tuple[float, float, float]


def variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block))


LIGHT = variables(CSS[: CSS.index("@media")])
THEMES = {
    "light": LIGHT,
    "dark": LIGHT | variables(CSS[CSS.index("@media screen") : CSS.index("* {")]),
    "print": LIGHT | variables(CSS[CSS.index("@media print") :]),
}
ON_CARDS = ["ink", "quiet", "blue", "orange", "red"]
PAIRS = [
    *[(text, "card") for text in ON_CARDS],
    *[
        (text, ground)
        for text in ("ink", "quiet")
        for ground in ("paper", "track", "good-wash", "wait-wash", "bad-wash")
    ],
    *[(tone, f"{tone}-wash") for tone in ("good", "wait", "bad")],
    *[("card", tone) for tone in ("good", "wait", "bad")],
]


def colour(theme: dict[str, str], name: str) -> Colour:
    value = theme[name].strip()
    if value.startswith("var("):
        return colour(theme, value[6:-1])
    if not value.startswith("#"):
        red, green, blue = (float(part) for part in value.split(","))
        return red, green, blue
    digits = value[1:] if len(value) == 7 else "".join(2 * digit for digit in value[1:])
    red, green, blue = (float(int(digits[place : place + 2], 16)) for place in (0, 2, 4))
    return red, green, blue


def luminance(shown: Colour) -> float:
    parts = [part / 255 for part in shown]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_is_counted_as_the_standard_counts_it() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_every_text_stands_out_from_its_ground(name: str, text: str, ground: str) -> None:
    theme = THEMES[name]
    assert contrast(colour(theme, text), colour(theme, ground)) >= READABLE


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("tint", ["heat", "wrong"])
def test_numbers_in_the_confusion_matrix_can_be_read_in_every_cell(name: str, tint: str, tmp_path: Path) -> None:
    theme = THEMES[name]
    page = page_of(decisions.go(), tmp_path)
    shares = [float(share) for share in re.findall(r"--share: ([\d.]+)", page)]
    assert max(shares) > 0.4
    for share in (*shares, 0.54):
        over, under = colour(theme, tint), colour(theme, "card")
        mixed = [share * top + (1 - share) * below for top, below in zip(over, under, strict=True)]
        assert contrast(colour(theme, "ink"), (mixed[0], mixed[1], mixed[2])) >= READABLE


@pytest.mark.parametrize("name", SAMPLES)
def test_every_drawing_says_in_words_what_it_shows_or_is_hidden_from_readers(name: str, tmp_path: Path) -> None:
    found = Reader(page_of(SAMPLES[name](), tmp_path))
    drawings = [attributes for tag, attributes in found.tags if tag == "svg" and "x" not in attributes]
    assert drawings
    for attributes in drawings:
        hidden = attributes.get("aria-hidden") == "true"
        assert hidden or (attributes.get("role") == "img" and attributes.get("aria-label"))


@pytest.mark.parametrize("name", SAMPLES)
def test_what_scrolls_can_be_reached_with_the_keyboard(name: str, tmp_path: Path) -> None:
    found = Reader(page_of(SAMPLES[name](), tmp_path))
    scrolling = [each for tag, each in found.tags if tag == "pre" or each.get("class") == "scroll"]
    assert scrolling
    assert all(each.get("tabindex") == "0" for each in scrolling)
    assert ":focus-visible" in CSS
    anchors = [each["href"] for tag, each in found.tags if tag == "a" and (each.get("href") or "").startswith("#")]
    assert {str(anchor)[1:] for anchor in anchors} <= set(found.sections)


def test_the_learning_curve_says_where_forecast_and_outcome_landed(tmp_path: Path) -> None:
    found = Reader(page_of(decisions.go(), tmp_path))
    (curve,) = [
        each["aria-label"] for tag, each in found.tags if (each.get("aria-label") or "").startswith("Learning curve")
    ]
    assert curve == (
        "Learning curve: 168 rows: 0.741; 336 rows: 0.789; 672 rows: 0.818; 1,344 rows: 0.841; "
        "forecast of the fine-tuned model: 0.894, 0.871 to 0.917; outcome of the fine-tuned model: 0.872, 0.838 to 0.903"
    )
    assert "From 672 to 1,344 rows the linear probe gained +2.3 points" in found.words


def test_a_page_of_two_thousand_test_rows_and_many_classes_stays_under_two_megabytes(tmp_path: Path) -> None:
    sample = decisions.go()
    assert sample.result is not None
    bad = ("<&\"'>" * 120)[:500]
    near = [Neighbour(text=bad[:200], truth=bad[:200], similarity=0.9)] * 3
    case = ErrorCase(row_id="r" * 40, text=bad, truth=bad, answer=bad, confidence=0.9, rival=bad, neighbours=near)
    classes = [f"class <{place}>" for place in range(300)]
    one = sample.result.errors.by_class[0]
    errors = sample.result.errors.model_copy(
        update={
            "confusion": [[6 if truth == answer else 1 for answer in range(300)] for truth in range(300)],
            "by_class": [one.model_copy(update={"label": label}) for label in classes],
            "worst": [case] * 50,
            "mended_rows": [case] * 10,
            "broken_rows": [case] * 10,
            "best": [case] * 5,
            "suspects": [Suspect(row_id="r", text=bad, truth=bad, suggested=bad, margin=1)] * 20,
            "suspected": 20,
        }
    )
    result = sample.result.model_copy(update={"errors": errors, "classes": classes, "test_rows": 2_000})
    path = tmp_path / "report.html"
    measured = sample.measurements.model_copy(update={"dataset": decisions.dataset(rows=10_000, classes=classes)})
    write_page(path, replace(sample.report, measurements=measured, result=result))
    assert 200_000 < path.stat().st_size < 2_000_000
