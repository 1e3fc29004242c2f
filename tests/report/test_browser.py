"""The report as a reader meets it: in Chromium, from a file."""

from __future__ import annotations

from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
from fake_study import EVIL

pytestmark = pytest.mark.browser


class Watched:
    """A page with everything that went wrong on it."""

    def __init__(self, browser, address: str, **options):
        self.page = browser.new_page(**options)
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("requestfailed", lambda r: self.troubles.append(f"failed: {r.url[:100]}"))
        self.page.on("pageerror", lambda e: self.troubles.append(f"error: {e}"))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.troubles.append(m.text))
        self.page.on("dialog", lambda d: (self.troubles.append(f"dialog: {d.message}"), d.dismiss()))
        self.page.goto(address)

    def external(self) -> list[str]:
        own = self.page.url.partition("#")[0]
        return [url for url in self.requests if not url.startswith("data:") and url != own]


MAIN = "[aria-label='All planned trials'] table"


@pytest.fixture(params=["light", "dark"])
def report(browser, published, request):
    watched = Watched(browser, (published / "report.html").as_uri(), color_scheme=request.param)
    yield watched
    watched.page.close()
    assert watched.troubles == []


def test_it_opens_without_requests_errors_or_dialogs(report):
    assert report.external() == [] and report.troubles == []
    assert report.page.locator("h1").inner_text() == f"Which exporter? {EVIL}"
    assert report.page.locator("td", has_text=EVIL).count() > 0


def test_tables_sort_by_number(report):
    head = report.page.locator(MAIN).locator("th", has_text="throughput")
    column = head.evaluate("th => th.cellIndex")

    def keys() -> list[str]:
        order = "([main, c]) => [...document.querySelector(main).tBodies[0].rows].map(r => r.cells[c].dataset.sort)"
        return report.page.evaluate(order, [MAIN, column])

    before = keys()
    for direction, sign in (("ascending", 1), ("descending", -1)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == direction
        found = [float(k) for k in keys() if k]
        assert found == sorted(found, reverse=sign < 0) and len(found) == 19
        assert keys()[19:] == [""] * 9, "what has no value comes last"
    # As texts, 105 would stand before 47.6: the order above is one of numbers.
    assert sorted(map(str, found)) != [str(x) for x in sorted(found)]
    head.locator("button").click()
    assert keys() == before


def test_words_sort_too(report):
    head = report.page.locator(MAIN).locator("th", has_text="status")
    head.locator("button").click()
    found = report.page.locator(MAIN).locator("tbody td:nth-child(4)").all_inner_texts()
    words = [text.split("\n")[0] for text in found]
    assert words == sorted(words)


def test_every_link_of_the_site_leads_somewhere(browser, published):
    for path in [published / "report.html", *(published / "trials").glob("*.html")]:
        page = browser.new_page()
        page.goto(path.as_uri())
        anchors = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        for link in page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"):
            address, anchor = urldefrag(urljoin(path.as_uri(), link))
            assert urlparse(address).scheme == "file", link
            target = unquote(urlparse(address).path)
            assert (published / target).exists(), f"{path.name}: {link}"
            assert not anchor or anchor in anchors, f"{path.name}: {link}"
        page.close()


def test_images_have_texts_and_are_drawn(report):
    images = report.page.evaluate(
        "[...document.images].map(i => ({alt: i.alt, complete: i.complete, width: i.naturalWidth}))"
    )
    assert len(images) == 4
    assert all(len(i["alt"]) > 40 and i["complete"] and i["width"] > 300 for i in images)


def test_light_and_dark_differ_and_the_switch_overrides_the_system(browser, published):
    def look(watched) -> tuple[str, str]:
        return watched.page.evaluate("[getComputedStyle(document.body).backgroundColor, document.images[0].currentSrc]")

    looks = {}
    for scheme in ("light", "dark"):
        watched = Watched(browser, (published / "report.html").as_uri(), color_scheme=scheme)
        looks[scheme] = look(watched)
        if scheme == "light":
            switch = watched.page.locator("#theme-switch")
            switch.click()
            switch.click()  # system, light, dark
            assert switch.inner_text() == "Theme: dark"
            watched.page.wait_for_function("src => document.images[0].currentSrc !== src", arg=looks["light"][1])
            looks["switched"] = look(watched)
        watched.page.close()
    assert looks["light"][0] != looks["dark"][0] and looks["light"][1] != looks["dark"][1]
    assert looks["switched"] == looks["dark"]


def test_the_code_can_be_reached(report):
    folded = report.page.locator("details.code")
    assert folded.first.get_attribute("open") is None
    report.page.locator("#code-switch").click()
    assert all(folded.nth(i).get_attribute("open") is not None for i in range(folded.count()))


@pytest.mark.parametrize("width", [1280, 700, 360])
def test_nothing_sticks_out_of_the_page(browser, published, width):
    for name in (
        "report.html",
        *(str(p.relative_to(published)) for p in sorted((published / "trials").glob("*.html"))[:2]),
    ):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto((published / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.close()


def test_trial_pages_open_without_trouble(browser, published):
    for path in sorted((published / "trials").glob("*.html"))[::5]:
        watched = Watched(browser, path.as_uri())
        assert watched.external() == [] and watched.troubles == []
        watched.page.close()


def shown(watched, label: str) -> list[str]:
    """The models of the rows that a table shows."""
    rows = watched.page.locator(f"[aria-label='{label}'] tbody tr:visible")
    return rows.locator("td:first-child").all_inner_texts()


def test_a_filter_holds_for_all_tables_of_trials_and_lives_in_the_address(browser, report):
    page, form = report.page, report.page.get_by_role("search", name="Filter the trials")
    count, everything = form.get_by_role("status"), shown(report, "All planned trials")
    assert count.inner_text() == "28 of 28 rows" and len(everything) == 28
    form.get_by_label("status").select_option("ok")
    form.get_by_label("words").fill("RESNET18 eager")
    assert count.inner_text() == "2 of 28 rows"
    assert shown(report, "All planned trials") == ["resnet18"] * 2 == shown(report, "Accuracy of each trial")
    assert page.locator("[aria-label='Accuracy of each trial'] caption").inner_text() == "2 of 19 rows, filtered above"
    assert shown(report, "Trials without a figure") == [], "none of them is ok"
    page.locator("nav.contents a", has_text="Accuracy").click()
    page.wait_for_url("**/report.html#accuracy&status=ok&text=RESNET18+eager")

    other = Watched(browser, page.url)
    assert shown(other, "All planned trials") == ["resnet18"] * 2
    assert other.page.get_by_label("words").input_value() == "RESNET18 eager"
    assert abs(other.page.locator("#accuracy").bounding_box()["y"]) < 100, "it opens where its anchor is"
    other.page.goto(f"{page.url.partition('#')[0]}#filter&status=splendid")
    other.page.wait_for_function("document.querySelector('#filter output').textContent === '28 of 28 rows'")
    assert other.page.get_by_label("status").input_value() == "", "what is not there cannot be chosen"
    other.page.close()
    assert other.troubles == []

    form.get_by_role("button", name="Show all").click()
    page.wait_for_url("**/report.html#accuracy")
    assert shown(report, "All planned trials") == everything
    assert page.locator("table.sortable caption").count() == 0


def test_the_filter_works_by_keyboard_and_keeps_the_order_of_a_sorted_table(report):
    page = report.page
    page.locator(MAIN).locator("th", has_text="way").locator("button").click()
    page.get_by_label("words").focus()
    page.keyboard.type("signal 6")
    page.keyboard.press("Enter")
    assert shown(report, "All planned trials") == ["resnet18"], "the reason is searched too"
    page.get_by_label("words").fill("resnet18")
    ways = page.locator("[aria-label='All planned trials'] tbody tr:visible td:nth-child(2)").all_inner_texts()
    assert len(ways) == 8 and ways == sorted(ways)


def test_without_scripts_every_row_is_there_and_no_bar(browser, published):
    page = browser.new_page(java_script_enabled=False)
    page.goto((published / "report.html").as_uri())
    assert page.locator("[aria-label='All planned trials'] tbody tr:visible").count() == 28
    assert not page.locator("form").is_visible()
    page.close()
