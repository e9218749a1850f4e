"""The service over a real socket: what it answers, what it keeps, and whom and what it refuses."""

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import AnswersError
from advisor.live.gate import Access, Limits
from advisor.live.neighbourhood import PERSONAL, Nearby, Neighbourhood, Unheard
from advisor.live.served import ServedFile
from advisor.live.server import Service, Wish, check
from advisor.live.typed import Told
from advisor.run_folder import RunFolder
from advisor.way import open_way
from pipeline.data.dataset import Dataset, load_dataset
from pipeline.errors import StorageError
from pipeline.predictors.fine_tuned import load_fine_tuned
from pipeline.records import Plan
from pipeline.storage import load_record
from pipeline.task import TASKS, Rows, task_of
from tests import tiny
from tests.advisor.conftest import Advisor
from tests.advisor.live.services import Served, serving
from tests.finished_runs import Finished, FinishedRun

TEXTS = "text-classification"
TOKEN = "a-token-of-enough-letters"
ROWS = tiny.make_rows(60, seed=9)
HOSTILE = [
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "\u202eabc\u2066",
    "=1+1",
    "'; DROP TABLE requests; --",
    "\x00",
    "𝕏" * 50,
]


@pytest.fixture(scope="module")
def finished(finished_run: FinishedRun) -> Finished:
    return finished_run(TEXTS)


@pytest.fixture(scope="module")
def served(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = Limits(body_bytes=20_000, rows=8, characters=500)
    with serving(finished, tmp_path_factory.mktemp("served") / "run", Wish("127.0.0.1", 0, None, limits)) as running:
        yield running


def load_dataset_of(folder: Path) -> Dataset:
    plan = load_record(Plan, folder / "plan.json")
    return load_dataset(plan.data, task_of(plan), folder, 0)


def kept(folder: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(folder / "served.sqlite") as base:
        base.row_factory = sqlite3.Row
        return [dict(row) for row in base.execute("SELECT * FROM requests ORDER BY number")]


def test_answers_are_those_of_the_model_and_are_kept_before_they_are_handed_out(served: Served) -> None:
    rows = ROWS.take(range(8))
    before = len(kept(served.folder))
    reply = served.predict(*({"text": text} for text in rows.inputs))
    expected = load_fine_tuned(served.folder / "model")(Rows(rows.ids, rows.inputs, ()))
    answers = reply.document["answers"]
    assert reply.status == 200
    assert [each["answer"] for each in answers] == list(expected.answers)
    assert [each["confidence"] for each in answers] == pytest.approx(list(expected.confidence))  # type: ignore[arg-type]
    assert all(sum(each["probabilities"].values()) == pytest.approx(1.0) for each in answers)
    lines = kept(served.folder)[before:]
    assert [line["id"] for line in lines] == [each["id"] for each in answers]
    assert [json.loads(line["cells"]) for line in lines] == [{"text": text} for text in rows.inputs]


def test_the_same_text_gets_the_same_answer_alone_and_among_others(served: Served) -> None:
    alone = served.predict({"text": ROWS.inputs[0]}).document["answers"][0]
    together = served.predict(*({"text": text} for text in ROWS.inputs[:8])).document["answers"][0]
    assert together["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-5)


def test_a_mark_is_kept_and_the_last_one_holds(served: Served) -> None:
    (found,) = served.predict({"text": ROWS.inputs[1]}).document["answers"]
    other = next(label for label in tiny.CLASSES if label != found["answer"])
    assert served.ask("/mark", {"id": found["id"], "right": True}).document == {"kept": True}
    assert served.ask("/mark", {"id": found["id"], "right": False, "truth": other}).status == 200
    row = ServedFile(served.folder / "served.sqlite").find(found["id"])
    assert (row.is_right, row.truth, row.answer) == (False, other, found["answer"])
    assert served.ask("/mark", {"id": found["id"], "right": False}).status == 200
    assert ServedFile(served.folder / "served.sqlite").find(found["id"]).truth is None


MARKS = [
    ({"right": True, "id": "nothing"}, "No answer was given under that id."),
    ({"right": False, "truth": "bored"}, "The model has no label 'bored'."),
    ({"right": False, "truth": ["calm"]}, "The right answer is of another kind."),
    ({"right": False, "truth": 3}, "The right answer is of another kind."),
    ({"right": True, "truth": "calm"}, "A right answer needs no other."),
    ({"right": "yes"}, "The body is not as asked: right."),
    ({"right": True, "more": 1}, "The body is not as asked: more."),
]


@pytest.mark.parametrize(("mark", "problem"), MARKS)
def test_a_mark_that_makes_no_sense_is_refused(served: Served, mark: dict[str, Any], problem: str) -> None:
    (found,) = served.predict({"text": ROWS.inputs[2]}).document["answers"]
    reply = served.ask("/mark", {"id": found["id"], **mark})
    assert (reply.status, reply.document["problem"]) == (422, problem)
    assert ServedFile(served.folder / "served.sqlite").find(found["id"]).is_right is None


BODIES = [
    (b"", 422, "The body is not as asked: it is empty."),
    (b"{", 422, "The body is not valid JSON."),
    (b"\xff\xfe", 422, "The body is not valid JSON."),
    (b"[" * 19_000, 400, "The body cannot be read."),
    (b"[]", 422, "The body is not as asked: it is empty."),
    (b'{"rows": []}', 422, "The body is not as asked: rows."),
    (b'{"rows": [{}]}', 422, "'text' is missing."),
    (b'{"rows": [{"text": 3}]}', 422, "The body is not as asked: rows.0.text."),
    (b'{"rows": [{"text": ["a", "b"]}]}', 422, "'text' is a list."),
    (b'{"rows": [{"text": "\\ud800"}]}', 422, "The body is not as asked: rows.0.text."),
    (b'{"rows": [{"text": "a", "label": "b"}]}', 422, "There is no 'label' here."),
    (b'{"rows": [{"text": "a"}], "x": 1}', 422, "The body is not as asked: x."),
    (json.dumps({"rows": [{"text": "a"}] * 9}).encode(), 422, "There are 9 rows; 8 may be asked at once."),
    (json.dumps({"rows": [{"text": "a" * 501}]}).encode(), 422, "A text is longer than 500 characters."),
    (b" " * 20_001, 413, "The body is larger than 20,000 bytes."),
]


@pytest.mark.parametrize(("body", "status", "problem"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_not_as_asked_is_refused_with_the_mend(
    served: Served, body: bytes, status: int, problem: str
) -> None:
    before = len(kept(served.folder))
    reply = served.ask("/predict", body)
    assert (reply.status, reply.document["problem"]) == (status, problem)
    assert reply.document["fix"]
    assert len(kept(served.folder)) == before


def test_a_body_that_comes_in_pieces_without_its_length_is_cut_off_at_the_limit(served: Served) -> None:
    import http.client
    from urllib.parse import urlsplit

    address = urlsplit(served.service.address)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    connection.request(
        "POST", "/predict", iter([b"x" * 1000] * 30), {"Content-Type": "application/json"}, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()


REFUSED = [
    ({"Host": "evil.example"}, 421),
    ({"Host": "evil.example:80"}, 421),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Content_Type": "text/plain"}, 415),
    ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
]


@pytest.mark.parametrize(("headers", "status"), REFUSED)
def test_pages_of_other_sites_get_nothing_through_a_browser(
    served: Served, headers: dict[str, str], status: int
) -> None:
    reply = served.predict({"text": "a"}, **headers)
    assert (reply.status, sorted(reply.document)) == (status, ["fix", "problem"])
    assert "access-control-allow-origin" not in reply.headers


def test_its_own_page_may_ask(served: Served) -> None:
    own = served.service.address.rstrip("/")
    assert served.predict({"text": "a"}, Origin=own).status == 200


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_answered_and_kept_as_it_is(served: Served, text: str) -> None:
    reply = served.predict({"text": text})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert json.loads(kept(served.folder)[-1]["cells"]) == {"text": text}


def test_every_answer_forbids_what_a_page_does_not_need(served: Served) -> None:
    for path in ("/", "/page.js", "/health", "/nothing", "/metrics"):
        headers = served.ask(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert "server" not in headers


def test_the_page_asks_for_nothing_from_elsewhere(served: Served) -> None:
    for path in ("/", "/page.css", "/page.js"):
        reply = served.ask(path)
        assert reply.status == 200
        assert b"http:" not in reply.body
        assert b"https:" not in reply.body
    assert b"innerHTML" not in served.ask("/page.js").body


@pytest.mark.parametrize(
    ("path", "status"), [("/docs", 404), ("/redoc", 404), ("/../answers.toml", 404), ("/mark", 405)]
)
def test_what_is_not_there_says_so(served: Served, path: str, status: int) -> None:
    assert served.ask(path).status == status


def test_the_description_names_what_can_be_asked(served: Served) -> None:
    described = served.ask("/openapi.json").document
    assert set(described["paths"]) == {"/health", "/about", "/predict", "/mark", "/nearest", "/metrics"}
    assert "rows" in described["components"]["schemas"]["Asked"]["properties"]


def test_metrics_count_requests_rows_and_marks_in_the_format_of_prometheus(served: Served) -> None:
    served.ask("/made/up/path")
    (found,) = served.predict({"text": "a"}).document["answers"]
    served.ask("/mark", {"id": found["id"], "right": True})
    lines = served.ask("/metrics").body.decode().splitlines()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    assert values['advisor_requests_total{path="/predict",status="200"}'] >= 1
    assert values['advisor_requests_total{path="other",status="404"}'] >= 1
    assert values['advisor_marks_total{right="true"}'] >= 1
    assert values["process_resident_memory_bytes"] > 1e7
    assert not any("made" in name for name in values)
    counted = [values[f'advisor_request_seconds_bucket{{le="{end}"}}'] for end in ("0.005", "1.0", "+Inf")]
    assert counted == sorted(counted)
    assert counted[-1] == values["advisor_request_seconds_count"]
    helps = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(helps) == len(set(helps))


def test_many_at_once_are_all_answered_rightly_and_none_is_lost(served: Served) -> None:
    before = len(kept(served.folder))
    texts = [str(ROWS.inputs[place % 60]) for place in range(200)]
    found: dict[int, Any] = {}

    def ask(first: int) -> None:
        for place in range(first, 200, 10):
            found[place] = served.predict({"text": texts[place]}).document["answers"][0]

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = {line["id"]: line for line in kept(served.folder)[before:]}
    assert len(lines) == 200
    assert all(json.loads(lines[found[place]["id"]]["cells"]) == {"text": texts[place]} for place in range(200))
    expected = load_fine_tuned(served.folder / "model")(Rows(ROWS.ids, ROWS.inputs, ())).answers
    assert [found[place]["answer"] for place in range(200)] == [expected[place % 60] for place in range(200)]


def test_a_token_is_asked_for_everywhere_but_where_nothing_is_told(finished: Finished, tmp_path: Path) -> None:
    with serving(finished, tmp_path / "run", Wish("127.0.0.1", 0, TOKEN)) as served:
        for path in ("/about", "/metrics", "/openapi.json"):
            assert served.ask(path).status == 401
        for given in ("Bearer wrong", TOKEN, f"bearer {TOKEN}", "Bearer ", "Bearer \xff"):
            assert served.ask("/about", Authorization=given).status == 401
        assert served.predict({"text": "a"}).status == 401
        assert kept(served.folder) == []
        assert served.ask("/about", Authorization=f"Bearer {TOKEN}").status == 200
        assert served.predict({"text": "a"}, Authorization=f"Bearer {TOKEN}").status == 200
        assert [served.ask(path).status for path in ("/", "/page.js", "/health")] == [200, 200, 200]


def test_beyond_this_machine_a_token_is_made(finished: Finished, tmp_path: Path) -> None:
    with serving(finished, tmp_path / "run", Wish("0.0.0.0", 0)) as served:
        assert served.service.token is not None
        assert len(served.service.token) >= 32
        assert served.ask("/about", Host="model.example").status == 401
        assert served.ask("/about", Host="model.example", Authorization=f"Bearer {served.service.token}").status == 200


def test_names_of_this_machine_are_told_from_others() -> None:
    access = Access("127.0.0.1", None)
    good, bad = ("127.0.0.1:8000", "localhost", "[::1]:8000"), ("", "evil.example", "localhost.evil.example", "[::2]")
    assert [access.names(host) for host in good] == [True] * 3
    assert [access.names(host) for host in bad] == [False] * 4


def test_a_short_token_is_refused_and_a_port_in_use_is_said(finished: Finished, tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match="The token has 5 characters"):
        check(Wish("127.0.0.1", 0, "short"))
    with serving(finished, tmp_path / "run") as served:
        port = int(served.service.address.rstrip("/").rpartition(":")[2])
        with pytest.raises(AnswersError, match=f"Nothing can listen at '127.0.0.1', port {port}"):
            Service(open_way(RunFolder(tmp_path / "run")), Wish("127.0.0.1", port))


ASKED: dict[str, Any] = {
    "text-classification": ({"text": "a"}, "calm"),
    "text-pair-classification": ({"text": "a", "text_pair": "b"}, None),
    "multi-label-classification": ({"text": "a"}, ["calm", "glad"]),
    "text-regression": ({"text": "a"}, 2.5),
    "token-classification": ({"tokens": ["a", "b"]}, ["O", "B-calm"]),
}


@pytest.mark.parametrize("key", TASKS)
def test_every_task_is_served_marked_and_evaluated(
    key: str, finished_run: FinishedRun, tmp_path: Path, advisor: Advisor
) -> None:
    finished = finished_run(key)
    given, truth = ASKED[key]
    truth = truth or finished.plan.classes[0]
    with serving(finished, tmp_path / "run") as served:
        first, second = served.predict(given, given).document["answers"]
        assert served.ask("/mark", {"id": first["id"], "right": True}).status == 200
        reply = served.ask("/mark", {"id": second["id"], "right": False, "truth": truth})
        assert reply.status == 200, reply.document
    done = advisor("evaluate", tmp_path / "run", "--served", "--json")
    assert done.code == 0, done.err
    assert (done.document["rows"], done.document["labelled_rows"], done.document["marks"]["marked"]) == (2, 2, 2)
    assert done.document["marks"]["right"]["point"] == 0.5


def test_a_sentence_may_come_as_one_text(finished_run: FinishedRun, tmp_path: Path) -> None:
    with serving(finished_run("token-classification"), tmp_path / "run") as served:
        (found,) = served.predict({"tokens": "Anna, come!"}).document["answers"]
    assert len(found["answer"]) == 4


def test_an_answer_is_shown_beside_the_training_rows_that_are_nearest(served: Served) -> None:
    known = load_dataset_of(served.folder).on("train")
    given = served.predict({"text": known.inputs[0]}).document["answers"][0]
    cached = sorted(path.name for path in (served.folder / "cache").rglob("*.npz"))
    found = served.ask("/nearest", {"id": given["id"]})
    assert found.status == 200
    rows = found.document["rows"]
    assert (rows[0]["text"], rows[0]["answer"]) == (known.inputs[0], known.answers[0])
    assert rows[0]["similarity"] == pytest.approx(1.0, abs=1e-3)
    assert [row["similarity"] for row in rows] == sorted((row["similarity"] for row in rows), reverse=True)
    assert found.document["why_none"] == ""
    first = sorted(path.name for path in (served.folder / "cache").rglob("*.npz"))
    other = served.predict({"text": "never seen before"}).document["answers"][0]
    assert len(served.ask("/nearest", {"id": other["id"]}).document["rows"]) == 3
    assert sorted(path.name for path in (served.folder / "cache").rglob("*.npz")) == first != cached


def test_nearest_rows_of_an_answer_that_was_not_given_are_refused(served: Served) -> None:
    found = served.ask("/nearest", {"id": "none"})
    assert (found.status, found.document["problem"]) == (422, "No answer was given under that id.")


def test_no_training_row_is_shown_where_the_data_is_personal_or_gone(finished: Finished, tmp_path: Path) -> None:
    way = open_way(RunFolder(finished.folder))
    row = ROWS.take([0])
    assert Neighbourhood(replace(way, show_rows=False)).of(row) == Nearby([], PERSONAL)
    shutil.copytree(finished.folder, tmp_path / "run", ignore=shutil.ignore_patterns("cache", "served*"))
    answers = tmp_path / "run" / "answers.toml"
    answers.write_text(re.sub('(?m)^train = ".*"$', 'train = "gone.csv"', answers.read_text()))
    alone = Neighbourhood(open_way(RunFolder(tmp_path / "run")))
    alone.read(Unheard())
    assert alone.of(row).why_none.startswith("No nearest training rows: ")


@pytest.mark.parametrize("key", TASKS)
def test_nearest_rows_of_every_task_are_said(key: str, finished_run: FinishedRun) -> None:
    way = open_way(RunFolder(finished_run(key).folder))
    data = load_dataset_of(way.folder.path).on("train")
    found = Neighbourhood(way).of(data.take([3])).rows
    assert found[0].similarity == pytest.approx(1.0, abs=1e-3)
    assert all(near.text and near.answer for near in found)


def test_what_was_served_and_marked_comes_back_through_evaluate(
    finished: Finished, tmp_path: Path, advisor: Advisor
) -> None:
    with serving(finished, tmp_path / "run", cheap=True) as served:
        for place in range(0, 60, 20):
            found = served.predict(*({"text": text} for text in ROWS.inputs[place : place + 20])).document["answers"]
            for each, truth in zip(found[:15], ROWS.answers[place:], strict=False):
                right = each["answer"] == truth
                served.ask("/mark", {"id": each["id"], "right": right, **({} if right else {"truth": truth})})
        served.ask("/mark", {"id": found[19]["id"], "right": False})
    found = advisor("evaluate", tmp_path / "run", "--served", "--json").document
    assert (found["rows"], found["labelled_rows"], found["way"]) == (60, 45, "fine_tuned")
    assert (found["marks"]["marked"], found["marks"]["without_truth"]) == (46, 1)
    assert found["drift"]["texts"]["new_rows"] == 60
    bare = advisor("evaluate", tmp_path / "run", "--served", "--unlabelled", "--json").document
    assert bare["score"] is None
    both = advisor("evaluate", tmp_path / "run", "--served", "--data", "x.csv")
    assert (both.code, "two kinds of rows" in both.err) == (1, True)


def test_a_run_that_served_nothing_says_so(finished: Finished, advisor: Advisor) -> None:
    done = advisor("evaluate", finished.folder, "--served")
    assert done.code == 1
    assert "This run has served nothing yet." in done.err


def test_what_was_kept_survives_a_second_service_and_a_foreign_file_is_refused(
    finished: Finished, tmp_path: Path
) -> None:
    for _ in range(2):
        with serving(finished, tmp_path / "run") as served:
            served.predict({"text": "a"})
    assert len(kept(tmp_path / "run")) == 2
    (tmp_path / "other.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(StorageError, match="cannot be used"):
        ServedFile(tmp_path / "other.sqlite")


def test_rows_of_one_request_are_kept_all_or_none(tmp_path: Path) -> None:
    file = ServedFile(tmp_path / "served.sqlite")
    told = Told("calm", 0.5, ())
    with pytest.raises(TypeError):
        file.keep("way", [{"text": "a"}, {"text": object()}], [told, told])
    assert file.count() == 0
    assert len(file.keep("way", [{"text": "a"}], [told])) == 1
    file.close()
