"""The page of `equal review`, clicked and typed through: wide and narrow, light and dark."""

import socket
import threading
import time

import pytest

from equal_assets.resources.warehouse import Warehouse
from equal_assets_tests.traced import fill

pytestmark = pytest.mark.browser

TOKEN = "the-token-of-this-test"
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}
PAINTED = "element => getComputedStyle(element).backgroundColor"
EVIL = "<img src=x onerror=\"document.title='run'\"><b>bold</b>"
ANSWER = "Rope is twisted from strands, and strands from yarn."


@pytest.fixture(scope="module")
def reviewing(tmp_path_factory):
    """A campaign with three pairs, one of which is HTML."""
    from equal_assets.review.pairs import Reviewing

    folder = tmp_path_factory.mktemp("reviewed")
    warehouse = Warehouse(database=str(folder / "warehouse.duckdb"))
    fill(warehouse)
    with warehouse.get_connection() as connection:
        connection.execute("delete from removed_qa where qa_id = 'a101'")
        connection.execute("update extracted_qa set question = $1 where qa_id = 'a101'", [EVIL])
        connection.execute("update extracted_qa set answer = $1 where qa_id = 'b200'", [ANSWER])
        text = f"{'How ropes are made. ' * 200}\n{ANSWER} {EVIL}\n{'More on ropes. ' * 200}"
        connection.execute("update documents set text = $1 where document_id = 'd2'", [text])
    return Reviewing(warehouse, campaign="a", target="t", reviewer="anna")


@pytest.fixture(scope="module")
def served(reviewing):
    """Return the address of the page."""
    import uvicorn

    from equal_assets.review.app import review_app

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        app = review_app(reviewing, token=TOKEN, port=port)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/{TOKEN}/"
        server.should_exit = True
        thread.join()


@pytest.fixture
def opened(page, served, reviewing):
    """Return the tab on the page, with nothing reviewed, and what its console said."""
    reviewing.verdicts.path.unlink(missing_ok=True)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(served)
    ready(page)
    yield page
    assert said == []


def ready(page):
    """Wait until a pair can be judged."""
    page.locator("#actions:not([inert])").wait_for()


def told(reviewing):
    return {v.pair.question: (v.said, v.reason) for v in reviewing.standing().values()}


def go_to(page, text):
    """Press `next` until a pair with this text is shown."""
    for _ in range(4):
        if text in page.locator("#pair").inner_text():
            return
        before = page.locator("#place").inner_text()
        page.keyboard.press("n")
        page.wait_for_function(
            "text => document.getElementById('place').innerText !== text", arg=before
        )


def progress(page, text):
    page.locator("#progress", has_text=text).wait_for()


@pytest.mark.parametrize("scheme", BACKGROUNDS)
@pytest.mark.parametrize("width", [1280, 400])
def test_page_fits_has_its_colors_and_shows_pair_and_document(opened, scheme, width):
    opened.emulate_media(color_scheme=scheme)
    opened.set_viewport_size({"width": width, "height": 800})
    go_to(opened, ANSWER)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.locator("body").evaluate(PAINTED) == BACKGROUNDS[scheme]
    pair, source = (opened.locator(found).bounding_box() for found in ("#pair", "#source"))
    assert (source["x"] >= pair["x"] + pair["width"]) == (width == 1280)
    for key in ("Accept", "Edit", "Reject", "Undo", "Back", "Next"):
        box = opened.get_by_role("button", name=key).bounding_box()
        assert 0 <= box["y"] <= 800 - box["height"]


def test_answer_is_marked_in_its_document_and_in_sight(opened, pictures):
    go_to(opened, ANSWER)
    marks = opened.locator("#text mark")
    assert "".join(marks.all_inner_texts()).replace(" ", "") == ANSWER.replace(" ", "")
    assert 0 < marks.first.bounding_box()["y"] < 800
    pictures.take("review", opened)


def test_keys_alone_accept_edit_reject_and_undo(opened, reviewing):
    progress(opened, "0 of 3 reviewed, 0 rejected")
    go_to(opened, ANSWER)
    opened.keyboard.press("r")
    opened.keyboard.press("2")
    progress(opened, "1 of 3 reviewed, 1 rejected")
    assert told(reviewing) == {"question b200": ("rejected", "the document does not say so")}
    opened.keyboard.press("u")
    progress(opened, "0 of 3 reviewed, 0 rejected")
    assert ANSWER in opened.locator("#answer").inner_text()
    opened.keyboard.press("e")
    opened.keyboard.type(" By hand.")
    opened.keyboard.press("Control+Enter")
    progress(opened, "1 of 3 reviewed, 0 rejected, 1 edited")
    [verdict] = reviewing.standing().values()
    assert verdict.edited.answer == f"{ANSWER} By hand."
    opened.keyboard.press("a")
    progress(opened, "2 of 3 reviewed")
    opened.reload()
    progress(opened, "2 of 3 reviewed, 0 rejected, 1 edited")


def test_nothing_can_be_judged_before_a_pair_is_shown(page, served, reviewing):
    reviewing.verdicts.path.unlink(missing_ok=True)
    held = []
    page.route("**/pairs/*", lambda route: held.append(route))
    page.goto(served)
    page.locator("#who", has_text="as anna").wait_for()
    for key in "aerunp":
        page.keyboard.press(key)
    page.keyboard.press("1")
    page.locator("#accept").click(force=True)
    assert page.locator("#question").inner_text() == ""
    for route in held:
        route.continue_()
    page.unroute("**/pairs/*")
    ready(page)
    assert told(reviewing) == {}
    assert page.locator("#reading").is_visible()
    page.keyboard.press("a")
    progress(page, "1 of 3 reviewed")


def test_reason_in_own_words_is_typed_and_one_is_needed(opened, reviewing):
    opened.keyboard.press("r")
    opened.keyboard.press("Enter")
    assert "must say why the pair is rejected" in opened.get_by_role("alert").inner_text()
    opened.keyboard.type("nobody asks this")
    opened.keyboard.press("Enter")
    progress(opened, "1 of 3 reviewed, 1 rejected")
    assert [reason for _, reason in told(reviewing).values()] == ["nobody asks this"]
    assert opened.get_by_role("alert").count() == 0


def test_escape_leaves_an_edit_and_keys_in_a_text_are_letters(opened, reviewing):
    before = opened.locator("#answer").inner_text()
    opened.keyboard.press("e")
    opened.keyboard.type("aeru")
    opened.keyboard.press("Escape")
    assert opened.locator("#answer").inner_text() == before
    assert told(reviewing) == {}


def test_buttons_do_what_the_keys_do(opened, reviewing):
    opened.get_by_role("button", name="Next").click()
    opened.locator("#place", has_text="2 of 3 here").wait_for()
    opened.get_by_role("button", name="Back").click()
    opened.locator("#place", has_text="1 of 3 here").wait_for()
    opened.get_by_role("button", name="Accept").click()
    progress(opened, "1 of 3 reviewed")
    opened.get_by_role("button", name="Undo").click()
    progress(opened, "0 of 3 reviewed")


def test_filters_list_what_fits(opened):
    opened.keyboard.press("a")
    progress(opened, "1 of 3 reviewed")
    opened.locator("summary").click()
    opened.get_by_label("verdict").select_option("accepted")
    opened.locator("#filtered", has_text="1 of 3 pairs").wait_for()
    opened.get_by_label("verdict").select_option("rejected")
    opened.get_by_text("No pair fits this filter.").wait_for()
    opened.get_by_label("verdict").select_option("")
    opened.get_by_label("source").select_option(index=1)
    opened.locator("#filtered", has_text="3 of 3 pairs").wait_for()


def test_html_of_a_pair_or_a_document_stays_text(opened):
    go_to(opened, "onerror")
    assert opened.locator("#question").inner_text() == EVIL
    opened.reload()
    ready(opened)
    go_to(opened, ANSWER)
    assert EVIL in opened.locator("#text").inner_text()
    assert opened.locator("main img").count() == 0
    assert opened.title() == "a: review"


def test_server_that_has_ended_is_told_and_the_pair_stays(page, served, reviewing):
    reviewing.verdicts.path.unlink(missing_ok=True)
    page.goto(served)
    ready(page)
    before = page.locator("#place").inner_text()
    page.route("**/verdicts", lambda route: route.abort())
    page.keyboard.press("a")
    page.get_by_role("alert").filter(has_text="this may not be stored").wait_for()
    assert page.locator("#place").inner_text() == before
    page.unroute("**/verdicts")
    page.keyboard.press("a")
    progress(page, "1 of 3 reviewed")


def test_nothing_is_fetched_from_elsewhere(page, served):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(served)
    ready(page)
    assert [url for url in fetched if not url.startswith((served, "data:"))] == []
