"""The page in a real browser: a person types, sees the answer, marks it, by keyboard, and nothing that was typed acts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor.live.served import ServedFile
from advisor.live.server import Wish
from tests import tiny
from tests.advisor.live.services import Served, serving
from tests.chromium import Browser, find_chromium
from tests.finished_runs import FinishedRun

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here")
GLAD = " ".join([*tiny.CLASS_WORDS["glad"][:3], *tiny.OTHER_WORDS[:6]])
HOSTILE = f"<img src=x onerror=document.title='owned'><script>document.title='owned'</script>\u202e {GLAD}"
READY = "!document.getElementById('ask').hidden"
FOUND = "!document.getElementById('found').hidden"
KEPT = "document.getElementById('kept').textContent !== ''"
TOKEN = "a-token-of-enough-letters"


@pytest.fixture(scope="module")
def served(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("page") / "run"
    with serving(finished_run("text-classification"), folder) as running:
        yield running


def text(browser: Browser, id_: str) -> str:
    return str(browser.run(f"document.getElementById('{id_}').textContent"))


def test_a_person_tries_and_marks_by_keyboard_and_what_is_typed_stays_text(served: Served, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open(served.service.address)
        browser.wait(READY)
        assert browser.run("document.activeElement.id") == "field-text"
        browser.type(HOSTILE)
        browser.press("Enter", ctrl=True)
        browser.wait(FOUND)
        assert text(browser, "answer") in tiny.CLASSES
        assert browser.run("document.querySelectorAll('#chances progress').length") == 3
        browser.run("document.activeElement.blur()")
        browser.press("r")
        browser.wait(KEPT)
        listed = text(browser, "list")
        assert "<script>" in listed
        assert "\\u202e" in listed
        assert browser.run("document.title") == "Try the model"
        assert browser.run("document.querySelectorAll('img, #list script').length") == 0
        assert browser.complaints() == []
        assert all(address.startswith(served.service.address) for address in browser.asked())
    row = ServedFile(served.folder / "served.sqlite").newest(1)[-1]
    assert (row.cells["text"], row.is_right) == (HOSTILE, True)


def ask_glad(browser: Browser) -> None:
    """Type a glad text, and wait for its answer."""
    browser.type(GLAD)
    browser.press("Enter", ctrl=True)
    browser.wait(FOUND)


def test_a_wrong_answer_is_mended_with_the_right_one(served: Served, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open(served.service.address)
        browser.wait(READY)
        ask_glad(browser)
        browser.run("document.activeElement.blur()")
        browser.press("w")
        browser.wait("!document.getElementById('truth').hidden")
        browser.run("document.getElementById('truth-field').value = 'upset'")
        browser.run("document.querySelector('#truth button').click()")
        browser.wait(KEPT)
    row = ServedFile(served.folder / "served.sqlite").newest(1)[-1]
    assert (row.answer, row.is_right, row.truth) == ("glad", False, "upset")


def test_nearest_training_rows_are_shown_as_text_when_they_are_asked_for(served: Served, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open(served.service.address)
        browser.wait(READY)
        ask_glad(browser)
        assert not any(address.endswith("/nearest") for address in browser.asked())
        browser.run("document.activeElement.blur()")
        browser.press("n")
        browser.wait("document.querySelectorAll('#rows li').length === 3")
        assert "similarity" in text(browser, "rows")
        browser.run("document.getElementById('field-text').value = '<b>other</b>'")
        browser.run("document.getElementById('ask').requestSubmit()")
        browser.wait("document.getElementById('near').dataset.of === current.id && current.row.given.text !== ''")
        browser.wait("document.querySelectorAll('#rows li').length === 3")
        assert browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground_by_day_and_by_night(served: Served, tmp_path: Path, dark: bool) -> None:
    """WCAG 2.2 AA asks a contrast of 4.5: https://www.w3.org/TR/WCAG22/#contrast-minimum."""
    contrast = """(() => {
        const light = (colour) => {
            const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((each) => each / 255);
            const [r, g, b] = parts.map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (element) => {
            const colour = getComputedStyle(element).backgroundColor;
            return /, 0\\)$/.test(colour) ? ground(element.parentElement) : colour;
        };
        document.querySelectorAll('[hidden]').forEach((each) => { each.hidden = false; });
        return Math.min(...[...document.querySelectorAll('h1, h2, p, label, button, caption, summary, textarea')].map((each) => {
            const ends = [light(getComputedStyle(each).color), light(ground(each))].sort((a, b) => b - a);
            return (ends[0] + 0.05) / (ends[1] + 0.05);
        }));
    })()"""
    with Browser(tmp_path / "profile", dark=dark) as browser:
        browser.open(served.service.address)
        browser.wait(READY)
        assert browser.run(contrast) >= 4.5
        shade = browser.run("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0] * 1")
        assert (shade < 128) == dark


def test_a_token_is_asked_for_and_then_used(finished_run: FinishedRun, tmp_path: Path) -> None:
    with (
        serving(finished_run("text-classification"), tmp_path / "run", Wish("127.0.0.1", 0, TOKEN)) as served,
        Browser(tmp_path / "profile") as browser,
    ):
        browser.open(served.service.address)
        browser.wait("!document.getElementById('entry').hidden")
        browser.run(f"document.getElementById('token').value = '{TOKEN}'")
        browser.run("document.querySelector('#entry button').click()")
        browser.wait(READY)
        ask_glad(browser)
        assert text(browser, "answer") == "glad"


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("text-pair-classification", 2),
        ("multi-label-classification", 1),
        ("text-regression", 1),
        ("token-classification", 1),
    ],
)
def test_the_page_serves_every_other_task(key: str, fields: int, finished_run: FinishedRun, tmp_path: Path) -> None:
    with serving(finished_run(key), tmp_path / "run") as served, Browser(tmp_path / "profile") as browser:
        browser.open(served.service.address)
        browser.wait(READY)
        assert browser.run("document.querySelectorAll('#fields textarea').length") == fields
        browser.run("document.querySelectorAll('#fields textarea').forEach((each) => { each.value = 'one two'; })")
        browser.press("Enter", ctrl=True)
        browser.wait(FOUND)
        browser.run("document.activeElement.blur()")
        browser.press("w")
        browser.wait("!document.getElementById('truth').hidden")
        browser.run(
            "(() => { const f = document.getElementById('truth-field'); if (f.type === 'number') f.value = '1'; })()"
        )
        browser.run("document.querySelector('#truth button').click()")
        browser.wait(f"{KEPT} || !document.getElementById('fault').hidden")
        assert text(browser, "fault") == ""
        assert browser.complaints() == []
    assert ServedFile(tmp_path / "run" / "served.sqlite").newest(1)[-1].is_right is False
