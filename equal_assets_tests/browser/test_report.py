"""The page of `equal report` in a browser: wide and narrow, light and dark."""

import pytest

from equal_assets_tests.browser.conftest import VIEWPORT

pytestmark = pytest.mark.browser

BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}
PAINTED = "element => getComputedStyle(element).backgroundColor"


@pytest.fixture(scope="module")
def report(page, project, finished):
    """Return the tab on the report of campaign `equal`."""
    done = project.equal("report", "equal")
    assert done.returncode == 0, done.stdout + done.stderr
    page.goto((project.folder / ".equal" / "exports" / "equal" / "report.html").as_uri())
    yield page
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(VIEWPORT)


@pytest.mark.parametrize("scheme", BACKGROUNDS)
@pytest.mark.parametrize("width", [1280, 400])
def test_page_fits_and_has_its_colors(report, scheme, width):
    report.emulate_media(color_scheme=scheme)
    report.set_viewport_size({"width": width, "height": 800})
    assert report.evaluate("document.documentElement.scrollWidth") <= width
    assert report.locator("body").evaluate(PAINTED) == BACKGROUNDS[scheme]


def test_pairs_are_on_the_first_screen_as_text(report):
    report.set_viewport_size({"width": 1280, "height": 800})
    pair = report.locator("header .pair").first
    assert pair.bounding_box()["y"] + 60 < 800
    assert "<" not in pair.locator(".question").inner_text()


def test_figures_keep_their_size_on_a_phone(report):
    report.set_viewport_size({"width": 400, "height": 800})
    image = report.locator("figure img").first
    assert image.bounding_box()["width"] == pytest.approx(
        image.evaluate("image => image.naturalWidth"), abs=1
    )
