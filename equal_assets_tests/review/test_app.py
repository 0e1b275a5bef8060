import shutil

import duckdb
import pytest
from starlette.testclient import TestClient

from equal_assets.records import QAPair
from equal_assets.resources.warehouse import Warehouse
from equal_assets.review.app import new_token, review_app
from equal_assets.review.pairs import Reviewing

TOKEN, PORT = "token", 8123
HOST = f"127.0.0.1:{PORT}"
FROM_PAGE = {"Origin": f"http://{HOST}"}


@pytest.fixture
def client(reviewing):
    app = review_app(reviewing, token=TOKEN, port=PORT)
    return TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)


def say(client, pair, verdict, headers=FROM_PAGE, **more):
    return client.post(
        f"/{TOKEN}/verdicts", json={"pair": pair, "verdict": verdict, **more}, headers=headers
    )


def standing(reviewing):
    return {v.pair.question: v.said for v in reviewing.standing().values()}


def test_page_needs_nothing_of_others_and_runs_nothing_but_its_script(client):
    page = client.get(f"/{TOKEN}/")
    assert page.status_code == 200
    assert '<script src="review.js" defer></script>' in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    for file in ("review.js", "review.css"):
        found = client.get(f"/{TOKEN}/{file}")
        assert found.status_code == 200
        assert "http://" not in found.text.replace("http://www.w3.org", "")
        assert "innerHTML" not in found.text


@pytest.mark.parametrize("path", ["/", "/pairs", "/other/pairs", "/toke/", "/token2/pairs"])
def test_without_the_token_nothing_is_told(client, path):
    refused = client.get(path)
    assert (refused.status_code, "equal review" in refused.text) == (404, True)


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:1", ""])
def test_page_that_was_rebound_to_this_address_is_refused(client, host):
    assert client.get(f"/{TOKEN}/pairs", headers={"Host": host}).status_code == 421
    assert client.get(f"/{TOKEN}/pairs", headers={"Host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"}],
)
def test_verdict_from_another_page_is_refused(client, reviewing, headers):
    assert say(client, "a100", "accepted", headers=headers).status_code == 403
    assert client.post(f"/{TOKEN}/undo", json={}, headers=headers).status_code == 403
    assert standing(reviewing) == {}


def test_form_of_another_kind_and_a_large_one_are_refused(client):
    path = f"/{TOKEN}/verdicts"
    plain = client.post(path, content="{}", headers={**FROM_PAGE, "Content-Type": "text/plain"})
    assert plain.status_code == 403
    assert say(client, "a100", "edited", new_answer="x" * 1_000_001).status_code == 413


def test_tokens_are_long_and_differ():
    assert len({new_token() for _ in range(10)}) == 10
    assert len(new_token()) >= 32


def test_pairs_that_the_data_set_leaves_out_for_other_reasons_are_not_shown(client):
    found = client.get(f"/{TOKEN}/pairs").json()
    assert sorted(pair["id"] for pair in found["pairs"]) == ["a100", "b200"]
    assert found["pairs"][0].keys() == {"id", "cluster", "source", "score", "round", "is_left_out"}
    assert found["pairs"][0]["cluster"] == "0: numpy"


def test_pair_stands_beside_its_document(client):
    shown = client.get(f"/{TOKEN}/pairs/b200").json()
    assert (shown["question"], shown["answer"]) == ("question b200", "answer b200")
    assert (shown["title"], shown["place"]) == ("Page 2", "web: pages.jsonl, row 2, chunk 2 of 2")
    assert "".join(piece["text"] for piece in shown["pieces"]) == "text 2"
    assert client.get(f"/{TOKEN}/pairs/zzz").json()["error"].startswith("pair = 'zzz': must be one")


def test_document_is_called_by_its_title_or_its_place_below_the_corpus(
    filled, tmp_path, monkeypatch
):
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(tmp_path / "campaigns.yaml"))
    (tmp_path / "campaigns.yaml").touch()
    database = shutil.copy(filled, tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "update documents set file = 'data/pages/db/a.txt', source = 'a.txt', chunk = 3, "
            "row = 1, metadata = '{}' where document_id = 'd1'"
        )
        connection.execute(
            "update documents set file = 'data/rows.jsonl', source = 'rows.jsonl', row = 5 "
            "where document_id = 'd2'"
        )
    made = Reviewing(
        Warehouse(database=str(database)),
        campaign="a",
        target="t",
        reviewer="anna",
        paths=[str(tmp_path / "data/pages"), str(tmp_path / "data/*.jsonl")],
    )
    app = review_app(made, token=TOKEN, port=PORT)
    client = TestClient(app, base_url=f"http://{HOST}")
    found = {pair["id"]: pair["source"] for pair in client.get(f"/{TOKEN}/pairs").json()["pairs"]}
    assert found == {"a100": "db/a.txt", "b200": "rows.jsonl"}
    first, second = (client.get(f"/{TOKEN}/pairs/{qa_id}").json() for qa_id in ("a100", "b200"))
    assert (first["title"], first["place"]) == ("data/pages/db/a.txt, chunk 3 of 3", "")
    assert (second["title"], second["place"]) == ("Page 2", "data/rows.jsonl, chunk 2 of 3")


def test_verdict_is_on_the_disk_when_the_page_is_told(client, reviewing):
    said = say(client, "a100", "rejected", reason=" wrong\n number ").json()["verdicts"]
    assert said["a100"]["said"] == "rejected"
    other = Reviewing(reviewing._warehouse, campaign="a", target="t", reviewer="ben")
    [verdict] = other.standing().values()
    assert (verdict.reviewer, verdict.reason) == ("anna", "wrong number")
    assert client.get(f"/{TOKEN}/pairs").json()["verdicts"] == said


def test_edit_undo_and_undo_again(client, reviewing):
    say(client, "a100", "accepted")
    say(client, "a100", "edited", new_question="", new_answer="  better\n")
    [verdict] = reviewing.standing().values()
    assert verdict.edited == QAPair("question a100", "better")
    undone = client.post(f"/{TOKEN}/undo", json={}, headers=FROM_PAGE).json()
    assert (undone["pair"], undone["verdicts"]["a100"]["said"]) == ("a100", "accepted")
    undone = client.post(f"/{TOKEN}/undo", json={}, headers=FROM_PAGE).json()
    assert undone == {"pair": "a100", "verdicts": {"a100": None}}
    undone = client.post(f"/{TOKEN}/undo", json={}, headers=FROM_PAGE).json()
    assert undone == {"pair": None, "verdicts": {}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"pair": "a100", "verdict": "good"}, "verdict = 'good': must be accepted, edited or"),
        ({"pair": "x", "verdict": "accepted"}, "pair = 'x': must be one of the campaign"),
        ({"pair": "a100", "verdict": "edited"}, "one must differ"),
        ({"pair": "a100", "verdict": "rejected", "reason": "x" * 201}, "must be at most 200"),
        ({"pair": "a100", "verdict": "edited", "new_answer": "\0"}, "must be text without NUL"),
        ({"pair": "a100"}, "must be an object of texts"),
        ({"pair": ["a100"], "verdict": "accepted"}, "must be an object of texts"),
        ({"pair": "a100", "verdict": "accepted", "more": "x"}, "must be an object of texts"),
        ([], "must be an object of texts"),
    ],
)
def test_what_is_no_verdict_is_refused_and_says_why(client, reviewing, given, told):
    refused = client.post(f"/{TOKEN}/verdicts", json=given, headers=FROM_PAGE)
    assert refused.status_code == 400
    assert told in refused.json()["error"]
    assert standing(reviewing) == {}


def test_verdicts_are_taken_and_pairs_shown_while_a_campaign_writes(client, reviewing):
    with duckdb.connect(reviewing._warehouse.database):  # no process reads meanwhile
        assert say(client, "a100", "accepted").status_code == 200
        assert client.get(f"/{TOKEN}/pairs/a100").status_code == 200
    assert standing(reviewing) == {"question a100": "accepted"}


def test_pairs_of_later_rounds_come_with_the_next_load(client, reviewing):
    with duckdb.connect(reviewing._warehouse.database) as connection:
        connection.execute("delete from removed_qa where qa_id = 'a101'")
    assert len(reviewing.pairs) == 2
    assert len(client.get(f"/{TOKEN}/pairs").json()["pairs"]) == 3


def test_full_disk_is_told_and_nothing_counts_as_said(client, reviewing):
    reviewing.verdicts.path.mkdir()
    refused = say(client, "a100", "accepted")
    assert refused.status_code == 400
    assert "cannot be used" in refused.json()["error"]
