"""Pages of runs in a real Chromium: values under the pointer, and room on a telephone."""

from pathlib import Path

import numpy as np
import pytest
from run_makers import evaluated
from waiting import PATIENCE

from mmpt.evaluators.coin import COINActionSegmentationMetric
from mmpt.report.page import write_comparison, write_report


@pytest.fixture
def visit(browser):
    """Function: open a page of a file; it fetches nothing else, and nothing goes wrong in it."""
    wrong, contexts = [], []

    def visit(path, width=1100, height=1400, scheme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme))
        contexts[-1].set_default_timeout(PATIENCE)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda each: wrong.append(each.url) if "report" not in each.url else None)
        page.goto(f"file://{path.resolve()}?report")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [each for each in wrong if not each.startswith("data:image/")] == []


def test_the_pointer_shows_the_values_of_all_curves(trained, visit):
    page = visit(write_report(trained()))
    chart = page.locator(".chart").first
    box = chart.locator("svg").bounding_box()
    # The plot is 446 of 520 wide, from 60 on; update 20 of 30 is at two thirds of it.
    page.mouse.move(box["x"] + box["width"] * (60 + 446 * 2 / 3) / 520, box["y"] + box["height"] / 2)
    tip = chart.locator(".tip")
    tip.wait_for(state="visible")
    assert tip.locator("b").inner_text() == "update 20"
    # (10 / 19 + 10 / 20) / 2 and 1 + 20 / 30
    assert tip.locator("div").all_inner_texts() == ["training 0.51316", "validation 1.6667"]
    inside = chart.bounding_box()
    assert inside["x"] <= tip.bounding_box()["x"] <= inside["x"] + inside["width"]
    page.mouse.move(0, 0)
    tip.wait_for(state="hidden")


def test_the_arrow_keys_walk_along_a_chart(trained, visit):
    page = visit(write_report(trained()))
    chart = page.locator(".chart").first
    chart.locator("svg").focus()
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        said.append(chart.locator(".tip b").inner_text())
    assert said == ["update 2", "update 4", "update 2"]


@pytest.mark.parametrize("width", [1100, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(trained, visit, screenshots, width, scheme):
    one, other = trained("runs/a"), trained("runs/b", lr=0.2)
    evaluated(one / "vtt/eval")
    classes = np.arange(60)
    arrays = {"outputs": classes // 2, "targets": classes}
    labels = [f"put the long name number {n} into the small pot" for n in classes]
    evaluated(one / "coin/eval", arrays, COINActionSegmentationMetric, items={"items": [], "labels": labels})
    pages = {
        "run": write_report(one),
        "comparison": write_comparison(Path("runs/comparison-report.html"), [one, other]),
    }
    for name, path in pages.items():
        page = visit(path, width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True)


def test_light_and_dark_differ(trained, visit):
    path = write_report(trained())
    colour = "getComputedStyle(document.body).backgroundColor"
    assert visit(path).evaluate(colour) != visit(path, scheme="dark").evaluate(colour)
