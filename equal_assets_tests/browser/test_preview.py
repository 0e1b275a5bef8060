"""The page of `equal preview`, as its reader sees it: wide and narrow, light and dark."""

import re

import pytest

pytestmark = pytest.mark.browser

BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}
PAINTED = "element => getComputedStyle(element).backgroundColor"


@pytest.fixture(scope="module")
def previewed(page, models, tmp_path_factory):
    """Return the tab on the page of a preview, and what it fetched beside the file."""
    from equal_assets_tests.project import Project

    project = Project.make(tmp_path_factory.mktemp("previewed") / "project", models=models)
    done = project.equal("preview", "equal")
    assert done.returncode == 0, done.stdout + done.stderr
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto((project.folder / ".equal" / "previews" / "equal.html").as_uri())
    return page, fetched


@pytest.mark.parametrize("scheme", BACKGROUNDS)
@pytest.mark.parametrize("width", [1280, 400])
def test_page_fits_and_has_its_colors(previewed, scheme, width):
    page, _ = previewed
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("body").evaluate(PAINTED) == BACKGROUNDS[scheme]
    text, pairs = (page.locator(found).first.bounding_box() for found in (".text", "section"))
    is_beside = pairs["x"] >= text["x"] + text["width"]
    assert is_beside == (width == 1280)


def test_headline_says_what_came_out_and_is_on_the_first_screen(previewed):
    page, _ = previewed
    page.set_viewport_size({"width": 1280, "height": 800})
    headline = page.locator(".headline")
    assert re.match(r"5 documents gave \d+ pairs \(\d+ more rejected\)\.", headline.inner_text())
    assert page.get_by_text("Still to come, measured on").bounding_box()["y"] < 800


def test_number_of_a_pair_leads_to_its_passage(previewed, pictures):
    page, _ = previewed
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})
    link = page.locator(".pair a.name").last
    link.click()
    passage = page.locator(link.get_attribute("href"))
    assert 0 <= passage.bounding_box()["y"] < 800
    assert passage.inner_text() == link.inner_text()
    pictures.take("preview", page)


def test_nothing_is_fetched_beside_the_file(previewed):
    page, fetched = previewed
    assert [url for url in fetched if not url.startswith("file:")] == []
    assert page.locator("script, img, iframe, link").count() == 0
