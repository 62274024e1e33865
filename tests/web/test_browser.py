"""The page as a user has it, in a real Chromium. Screenshots go to ``build/screenshots``."""

import re

import pytest
from fake_searcher import FakeIndex
from waiting import PATIENCE

from mmpt.errors import DataError
from mmpt.web import library


@pytest.fixture
def visit(browser, site):
    """Function: open the page at an address; at the end of the test nothing may have gone wrong in it."""
    errors, contexts = [], []

    def visit(path="/", width=1280, height=860, scheme="light", **options):
        # With less motion asked for, nothing plays by itself: the time that is shown is the moment's.
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            **{"reduced_motion": "reduce"} | options,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(site.address + path)
        page.wait_for_selector(".open, #message:not([hidden])", state="attached")
        return page

    visit.errors = errors
    yield visit
    for context in contexts:
        context.close()
    assert not errors


def until(page, condition):
    """Wait for a condition in JavaScript; as a function, because the page forbids code from strings."""
    page.wait_for_function(f"() => {condition}")


@pytest.fixture
def keep(screenshots):
    """Function: keep a picture of a page."""

    def keep(page, name):
        until(page, "[...document.images].every((each) => each.complete || each.loading === 'lazy')")
        page.screenshot(path=screenshots / f"serve-{name}.png")

    return keep


def search(page, text):
    page.fill("#query", text)
    page.press("#query", "Enter")
    page.wait_for_selector(".bar")


def names(page):
    return page.locator(".name").all_text_contents()


def wheres(page):
    return page.locator(".where").all_text_contents()


def chosen(page):
    return page.evaluate("[...document.querySelectorAll('.open')].indexOf(document.activeElement)")


def time_of(page):
    """Wait until the player stands still where it was sent to, and return where that is."""
    until(page, "video.readyState >= 2 && !video.seeking")
    return page.evaluate("video.currentTime")


def test_type_see_click_and_the_player_is_at_the_moment(visit, keep):
    page = visit()
    until(page, "document.querySelector('h1').textContent === 'Search 4 videos'")
    assert page.locator("#about").text_content() == "40 s · model retri/videoclip/how2"
    assert page.locator(".card").first.inner_text().splitlines() == ["0:12", "garden", "More like this"]
    keep(page, "home")
    search(page, "someone slices an onion")
    # 4 words of 4, 2 of 4, 1 of 4 ("someone stirs the soup"); then those with none, by id and time.
    assert names(page)[:3] == ["kitchen", "garden", "kitchen"]
    assert wheres(page)[:3] == ["0:02 – 0:05", "0:00 – 0:03", "0:08 – 0:10"]
    assert page.locator(".score").all_text_contents()[:3] == ["8.000", "3.000", "0.5000"]
    assert page.locator(".percentile").first.text_content() == "99.97 %"
    widths = page.evaluate("[...document.querySelectorAll('.bar i')].map((each) => each.offsetWidth)")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[1] > 0
    assert page.title() == "someone slices an onion"
    keep(page, "search")
    page.locator(".open").nth(2).click()
    assert time_of(page) == pytest.approx(8.0, abs=0.01)
    assert page.evaluate("video.error") is None
    keep(page, "player")
    # Its name is told once: that of its file is the same.
    said = page.locator("#player-facts").text_content()
    assert said == "0:08 – 0:10 of 0:12 · score 0.5000 · percentile 54.99"
    # The other moment of the video is on its line.
    page.locator("#line button").nth(0).click()
    assert time_of(page) == pytest.approx(2.0, abs=0.01)


def test_the_moment_plays_when_it_is_opened(visit):
    page = visit("/?q=a+red+car", reduced_motion="no-preference")
    page.locator(".open").first.click()
    until(page, "!video.paused && video.currentTime > 6.1")
    assert page.evaluate("video.currentTime") < 12


def test_it_is_used_without_a_mouse(visit):
    page = visit()
    page.locator("#theme").focus()
    page.keyboard.press("/")
    page.keyboard.type("someone slices an onion")
    page.keyboard.press("Enter")
    page.wait_for_selector(".bar")
    page.keyboard.press("ArrowDown")
    assert chosen(page) == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert chosen(page) == 2
    page.keyboard.press("ArrowDown")  # four columns, and two cards in the second row
    assert chosen(page) == 5
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert chosen(page) == 0
    page.keyboard.press("Enter")
    assert time_of(page) == pytest.approx(2.0, abs=0.01)
    page.keyboard.press("n")
    until(page, "document.querySelector('#player-name').textContent === 'garden'")
    page.keyboard.press("p")
    until(page, "document.querySelector('#player-name').textContent === 'kitchen'")
    page.keyboard.press("Escape")
    page.wait_for_selector("#player", state="hidden")
    assert chosen(page) == 0
    assert "q=someone" in page.url
    assert "v=" not in page.url
    page.keyboard.press("m")
    page.wait_for_url("**/?like=kitchen")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.press("Escape")
    page.wait_for_selector("h1")
    assert page.url.endswith("/")


def test_more_like_this_from_a_card_and_from_the_player(visit, keep):
    page = visit("/?q=a+dog+digs")
    page.locator(".card").first.hover()
    page.locator(".like").first.click()
    page.wait_for_url("**/?like=garden")
    until(page, "document.querySelector('#status b')?.textContent === 'garden'")
    assert "garden" not in names(page)
    keep(page, "like")
    name = names(page)[0]
    page.locator(".open").first.click()
    page.locator("#like").click()
    until(page, f"document.querySelector('#status b')?.textContent === '{name}'")
    assert page.locator("#player").is_hidden()


def test_back_and_forward_go_through_searches_and_players(visit):
    page = visit()
    search(page, "onion")
    search(page, "dog")
    until(page, "document.querySelector('.name').textContent === 'garden'")
    page.locator(".open").first.click()
    page.wait_for_selector("#player[open]")
    page.go_back()
    page.wait_for_selector("#player", state="hidden")
    page.go_back()
    until(page, "document.querySelector('.name').textContent === 'kitchen'")
    assert page.input_value("#query") == "onion"
    page.go_back()
    page.wait_for_selector("h1")
    page.go_forward()
    page.go_forward()
    page.go_forward()
    page.wait_for_selector("#player[open]")
    assert page.locator("#player-name").text_content() == "garden"


def test_a_link_opens_a_moment(visit):
    page = visit("/?q=onion&v=kitchen&t=8")
    assert time_of(page) == pytest.approx(8.0, abs=0.01)
    page.keyboard.press("Escape")
    page.wait_for_selector("#player", state="hidden")
    assert page.url.endswith("/?q=onion")
    # A moment that the search does not find any more is played all the same.
    page = visit("/?q=onion&v=street&t=7")
    assert time_of(page) == pytest.approx(7.0, abs=0.01)


def test_a_video_that_browsers_cannot_play_shows_frames(visit, keep):
    page = visit("/?q=a+dog+sleeps")
    assert names(page)[0] == "old"
    assert page.locator(".badge").first.text_content() == "frames only"
    page.locator(".open").first.click()
    until(page, "[...document.querySelectorAll('#frames img')].every((each) => each.naturalWidth > 0)")
    assert page.locator("#frames figcaption").all_text_contents() == ["0:01", "0:02"]
    assert "cannot play" in page.locator("#player-note").text_content()
    assert page.locator("#video").is_hidden()
    keep(page, "frames")


def test_a_video_that_is_gone_is_told(visit, keep, site, monkeypatch):
    monkeypatch.setattr(library, "_REFRESH", 0.0)
    gone = [
        entry.__class__(**{**vars(entry), "path": "/none/gone.mp4"}) for entry in site.searcher.index.videos
    ]
    site.searcher.publish(gone)
    page = visit("/?q=onion")
    assert page.locator(".badge").first.text_content() == "not there"
    page.locator(".open").first.click()
    until(page, "document.querySelector('#player-note').textContent.includes('is gone')")
    until(page, "document.querySelectorAll('#frames figure').length === 0")
    keep(page, "gone")
    visit.errors[:] = [each for each in visit.errors if "404" not in each]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_systems_until_it_is_chosen(visit, keep, scheme):
    page = visit("/?q=onion", scheme=scheme)
    page.wait_for_selector(".bar")
    ground = "getComputedStyle(document.body).backgroundColor"
    colours = {"light": "rgb(247, 247, 244)", "dark": "rgb(17, 19, 22)"}
    assert page.evaluate(ground) == colours.pop(scheme)
    keep(page, f"theme-{scheme}")
    page.locator("#theme").click()
    (other,) = colours.values()
    assert page.evaluate(ground) == other
    page.reload()
    assert page.evaluate(ground) == other


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone(visit, keep, scheme):
    page = visit(width=420, height=860, scheme=scheme, has_touch=True, is_mobile=True)
    keep(page, f"phone-home-{scheme}")
    search(page, "someone slices an onion")
    for name in ("search", "player"):
        if name == "player":
            page.locator(".open").first.tap()
            time_of(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 420
        keep(page, f"phone-{name}-{scheme}")
    assert page.locator(".like").first.evaluate("(each) => getComputedStyle(each).opacity") == "1"
    page.locator("#close").tap()
    page.wait_for_selector("#player", state="hidden")


def test_an_empty_index_says_how_to_fill_it(visit, keep, site):
    site.searcher.index = FakeIndex.of([])
    page = visit()
    assert "no videos yet" in page.locator("#message").text_content()
    keep(page, "empty")


def test_errors_are_told_and_can_be_tried_again(visit, keep, site, monkeypatch):
    def fail(*_):
        raise DataError("The index my_index is damaged; copy it again.")

    page = visit()
    with monkeypatch.context() as patch:
        patch.setattr(site.searcher, "search", fail)
        page.fill("#query", "onion")
        page.press("#query", "Enter")
        until(page, "document.querySelector('#message').textContent.includes('is damaged')")
        keep(page, "error")
    page.locator("#message button").click()
    page.wait_for_selector(".bar")
    assert page.locator("#message").is_hidden()
    page.context.set_offline(True)
    page.fill("#query", "dog")
    page.press("#query", "Enter")
    until(page, "document.querySelector('#message').textContent.includes('does not answer')")
    visit.errors[:] = [each for each in visit.errors if not re.search("500|ERR_INTERNET", each)]


def test_a_search_that_takes_time_shows_that_it_is_under_way(visit, keep, site):
    import threading

    site.searcher.delay = threading.Event()
    page = visit()
    page.fill("#query", "onion")
    page.press("#query", "Enter")
    page.wait_for_selector("#busy:not([hidden])", state="attached")
    keep(page, "busy")
    site.searcher.delay.set()
    page.wait_for_selector(".bar")
    assert page.locator("#busy").is_hidden()


def test_hostile_names_and_queries_stay_text(visit, site, videos):
    entry = site.searcher.index.video("street")
    name = "<img src=x onerror=alert(1)> \"'& شارع 🧅/..%2f"
    site.searcher.index = FakeIndex.of([entry.__class__(**{**vars(entry), "id": name})])
    page = visit()
    search(page, "<script>alert(1)</script> 🧅")
    assert names(page) == [name]
    page.locator(".open").first.click()
    assert time_of(page) == 0
    assert page.locator("#player-name").text_content() == name
    page.reload()
    assert time_of(page) == 0
    assert page.input_value("#query") == "<script>alert(1)</script> 🧅"


def test_the_page_follows_what_a_writer_publishes(visit, site, videos, monkeypatch):
    monkeypatch.setattr(library, "_REFRESH", 0.0)
    page = visit()
    site.searcher.publish(site.searcher.index.videos[:2])
    search(page, "onion")
    until(page, "document.querySelectorAll('.card').length === 4")
    assert set(names(page)) == {"garden", "kitchen"}
    until(page, "document.querySelector('#facts').textContent.includes('2 videos')")
    # Thumbnails of what is gone may have been on their way.
    visit.errors[:] = [each for each in visit.errors if "404" not in each]
