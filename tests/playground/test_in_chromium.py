"""The page of a sweep in Chromium, used by mouse, touch and keyboard, on wide and narrow screens."""

import shutil

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

import jfnn
from jfnn.playground import write_playground

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH"),
]

DIGITS = jfnn.datasets.digits()
EPOCHS = [1, 2, 4, 8]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Return a result on the digits whose largest rate diverges late, and its page."""
    path = tmp_path_factory.mktemp("digits") / "page.html"
    result = jfnn.sweep(
        {"16": jfnn.mlp((64, 16, 10)), "8-8": jfnn.mlp((64, 8, 8, 10), "tanh")},
        DIGITS,
        learning_rate=[1e-3, 1e-2, 0.3, 1e12],
        l2=[1e-4, 1e-2, 1.0],
        epochs=8,
        batch_size=100,
        seeds=2,
        execution=jfnn.Execution(eval_every=EPOCHS, keep_params="evaluations"),
    )
    assert 0 < (result.diverged_at >= 0).sum() < result.diverged_at.size
    write_playground(result, DIGITS, path)
    return result, path


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    path = tmp_path_factory.mktemp("plane") / "page.html"
    x = np.random.default_rng(0).uniform(-1, 1, (80, 2)).astype(np.float32)
    split = jfnn.Split(x[:60], (x[:60, 0] > 0).astype(int), x[60:], (x[60:, 0] > 0).astype(int))
    result = jfnn.sweep(
        jfnn.mlp((2, 8, 2)), split, learning_rate=[0.1, 1.0], l2=[0, 1e-2], epochs=3, batch_size=20
    )
    write_playground(result, split, path)
    return result, path


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Return a function that opens a page; afterwards check for errors and external requests."""
    told = []
    loaded = []

    def open_at(path, width=1440, **options):
        page = chromium.new_page(viewport={"width": width, "height": 1000}, **options)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("console", lambda message: told.append(message.text))
        page.on("request", lambda request: loaded.append(request.url.partition("#")[0]))
        page.goto(f"{path}" if str(path).startswith("file:") else f"file://{path}")
        return page

    yield open_at
    for context in chromium.contexts:
        context.close()
    assert not told and all(url.startswith("file:") and url.endswith("page.html") for url in loaded)


def wait_until_drawn(page):
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def set_epoch(page, place):
    page.locator("#epoch").fill(str(place))
    wait_until_drawn(page)


def test_cell_shows_its_confusion_matrix_and_misclassified_rows(digits, open_page):
    result, path = digits
    page = open_page(path)
    page.locator("#map button").nth(4).click()  # the second rate and penalty
    wait_until_drawn(page)
    index = (result.best().index[0], 1, 1, 0)
    labels = result.predict(DIGITS.x_test)[(*index, -1)]
    expected = confusion_matrix(DIGITS.y_test, labels)
    texts = page.locator("table.confusion tbody td").all_inner_texts()
    counts = np.array([int(text or 0) for text in texts]).reshape(10, 10)
    np.testing.assert_array_equal(counts, expected)
    wrong = np.flatnonzero(labels != DIGITS.y_test)
    titles = [button.get_attribute("title") for button in page.locator(".rows button").all()]
    assert [int(title.split()[1].rstrip(":")) for title in titles] == wrong[:24].tolist()
    assert f"{result.test_accuracy[index]:.3f}" in page.locator("#cell-facts").inner_text()


def answers_on_the_map(page):
    return page.locator("#map button .text").all_inner_texts()


def expected_answers(result, page, epoch=-1):
    """Return the result's labels for what the page queries, for its network's cells; -1 for diverged ones."""
    asked = np.array([page.evaluate("Array.from(state.asked)")], np.float32)
    labels = result.predict(asked)[result.best().index[0], :, :, 0, epoch, 0].ravel()
    return ["" if label < 0 else str(label) for label in labels]


@pytest.mark.parametrize("by", ["mouse", "finger", "keys"])
def test_every_cell_predicts_a_drawn_digit(digits, open_page, by):
    result, path = digits
    page = open_page(path, has_touch=by == "finger")
    page.locator("#ink").scroll_into_view_if_needed()
    box = page.locator("#ink").bounding_box()

    def place(across, down):
        return box["x"] + across * box["width"], box["y"] + down * box["height"]

    if by == "mouse":
        page.mouse.move(*place(0.5, 0.1))
        page.mouse.down()
        page.mouse.move(*place(0.5, 0.9), steps=10)
        page.mouse.up()
    elif by == "finger":
        for down in (0.1, 0.3, 0.5, 0.7, 0.9):
            page.touchscreen.tap(*place(0.5, down))
    else:
        page.locator("#ink").focus()
        for key in ("Space", "ArrowDown", "Space", "ArrowDown", "Space"):
            page.keyboard.press(key)
    wait_until_drawn(page)
    assert np.ptp(page.evaluate("Array.from(state.asked)")) > 5
    answers = answers_on_the_map(page)
    assert answers == expected_answers(result, page)
    votes = [int(answer) for answer in answers if answer]
    assert page.locator("#answer").inner_text().startswith(str(np.bincount(votes).argmax()))
    set_epoch(page, 0)
    assert answers_on_the_map(page) == expected_answers(result, page, 0)
    page.click("#clear")
    wait_until_drawn(page)
    assert page.evaluate("state.asked") is None and page.evaluate("state.show") != "answer"


def test_arrow_keys_move_from_cell_to_cell(digits, open_page):
    _, path = digits
    page = open_page(path)
    page.locator("#map button").first.click()
    for key in ("ArrowUp", "ArrowLeft", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        wait_until_drawn(page)
    assert page.evaluate("state.at.slice(1, 3)") == [1, 2]
    selected = page.locator("#map [aria-selected=true]")
    assert selected.evaluate("(button) => button === document.activeElement")
    assert page.locator("#map [tabindex='0']").count() == 1


def test_any_two_axes_make_a_map(digits, open_page):
    result, path = digits
    page = open_page(path)
    page.select_option("#down", label="network")
    page.select_option("#across", label="seed")
    wait_until_drawn(page)
    assert page.locator("#map button").count() == 4
    page.select_option("#down", label="none")
    page.select_option("#across", label="learning rate η")
    wait_until_drawn(page)
    assert page.locator("#map button").count() == 4
    page.select_option("#show", label="a score")
    page.select_option("#score", label="train loss")
    wait_until_drawn(page)
    at = page.evaluate("state.at")
    expected = result.train_loss[at[0], :, at[2], at[3]]
    texts = answers_on_the_map(page)
    assert [bool(text) for text in texts] == np.isfinite(expected).tolist()
    finite = [float(text) for text in texts if text]
    np.testing.assert_allclose(finite, expected[np.isfinite(expected)], rtol=6e-3)


def test_view_can_be_shared_by_its_address(digits, open_page):
    _, path = digits
    page = open_page(path)
    page.locator("#map button").nth(7).click()
    page.click("#next-row")
    set_epoch(page, 1)
    other = open_page(page.url)
    wait_until_drawn(other)
    assert other.evaluate("written()") == page.evaluate("written()")
    assert answers_on_the_map(other) == answers_on_the_map(page)
    broken = open_page(f"file://{path}#at=99-1&epoch=x&show=nothing&asked=zz&down=l2&across=l2")
    assert broken.locator("#map button").count() > 0


def test_it_plays_to_the_last_epoch(digits, open_page):
    _, path = digits
    page = open_page(path)
    page.click("#play")
    seen = []
    page.wait_for_function("state.epoch === 0")
    while not page.evaluate("playing === null"):
        seen.append(page.evaluate("state.epoch"))
        page.wait_for_timeout(50)
    assert sorted(set(seen)) == [0, 1, 2, 3] and seen == sorted(seen)


def test_two_inputs_are_set_by_sliders_and_on_the_picture(plane, open_page):
    result, path = plane
    page = open_page(path)
    page.locator("#cell-pictures canvas").first.click(position={"x": 280, "y": 150})
    wait_until_drawn(page)
    asked = page.evaluate("Array.from(state.asked)")
    assert asked[0] > 0.8 and abs(asked[1]) < 0.3
    labels = result.predict(np.array([asked], np.float32))[..., 0].ravel()
    assert answers_on_the_map(page) == [str(label) for label in labels]
    page.locator("#input-0").fill("-0.8")
    wait_until_drawn(page)
    assert page.evaluate("state.asked[0]") == pytest.approx(-0.8, abs=0.01)
    assert page.locator(".timeline").is_hidden()


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    """Return a result on a file of words and numbers, both with gaps, and its page."""
    folder = tmp_path_factory.mktemp("birds")
    rng = np.random.default_rng(0)
    bills = rng.normal(45, 5, 90).round(1)
    rows = [f"{['Biscoe', 'Dream', ''][i % 3]},{bill},{i}" for i, bill in enumerate(bills)]
    rows[:6] = [f"Dream,,{i}" for i in range(6)]
    lines = [f"{row},{'Gentoo' if bill > 45 else 'Adelie'}" for row, bill in zip(rows, bills, strict=True)]
    (folder / "birds.csv").write_text("\n".join(["island,bill_length_mm,number,species", *lines]))
    table = jfnn.datasets.read_csv(folder / "birds.csv", "species", encode=True, impute=True)
    with pytest.warns(UserWarning, match="gaps"):
        split = jfnn.datasets.standardize(jfnn.datasets.split_table(table))
    result = jfnn.sweep(
        jfnn.mlp((6, 8, 2)), split, learning_rate=[1e-6, 0.1], l2=[0, 1e-2], epochs=30, batch_size=20
    )
    write_playground(result, split, folder / "page.html")
    return result, folder / "page.html"


def test_row_is_set_in_the_words_and_units_of_the_file(birds, open_page):
    result, path = birds
    page = open_page(path)
    frame = {"island": ["Biscoe"], "bill_length_mm": [52.5], "number": [44.0]}
    page.locator("#input-0").select_option(label="Biscoe")
    page.get_by_label("bill_length_mm as a number").fill("52.5")
    page.get_by_label("number as a number").fill("44")
    wait_until_drawn(page)
    assert answers_on_the_map(page) == result.predict(frame)[..., 0].ravel().tolist()
    assert page.locator("#answer").inner_text().startswith("Gentoo by")
    page.locator("#input-1").fill("38.2")
    wait_until_drawn(page)
    frame["bill_length_mm"] = [38.2]
    assert page.get_by_label("bill_length_mm as a number").input_value() == "38.2"
    assert answers_on_the_map(page) == result.predict(frame)[..., 0].ravel().tolist()
    other = open_page(page.url)
    wait_until_drawn(other)
    assert other.evaluate("written()") == page.evaluate("written()")
    page.get_by_label("bill_length_mm is missing").check()
    page.locator("#input-0").select_option(label="(missing)")
    wait_until_drawn(page)
    frame |= {"island": [""], "bill_length_mm": [np.nan]}
    assert answers_on_the_map(page) == result.predict(frame)[..., 0].ravel().tolist()
    assert page.get_by_label("bill_length_mm as a number").input_value() == ""


@pytest.mark.parametrize("width", [360, 1440])
def test_no_control_is_hidden_or_cut_off(birds, digits, open_page, width):
    page = open_page(birds[1], width)
    assert page.locator("#ask > div").first.evaluate("(box) => box.scrollHeight <= box.clientHeight")
    page = open_page(digits[1], width)
    menu = page.locator("#show")
    was = menu.bounding_box()["width"]
    menu.evaluate("(menu) => { menu.style.maxWidth = 'none'; }")
    assert menu.bounding_box()["width"] <= was


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(digits, plane, birds, open_page, width, scheme):
    for _, path in (digits, plane, birds):
        page = open_page(path, width, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def test_screen_readers_get_names_and_a_table(digits, open_page):
    result, path = digits
    page = open_page(path)
    label = page.locator("#map button").first.get_attribute("aria-label")
    assert "η = 1e-3" in label and "test accuracy" in label
    page.locator("summary").click()
    rows = page.locator("#table tbody tr")
    assert rows.count() == np.isfinite(result.cell_scores()).sum()
    assert f"{result.best().score:.3f}" in rows.first.inner_text()
    named = "(all) => all.map((one) => one.ariaLabel || one.labels?.length || one.textContent.trim())"
    assert all(page.locator("button, select, input").evaluate_all(named))


CORNERS = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
LABELS = np.array([0, 1, 1, 0])
SQUARE = jfnn.Split(CORNERS, LABELS, CORNERS, LABELS)
SWEEPS = {
    "all diverged": (SQUARE, {"learning_rate": [1e30, 1e32], "l2": [0, 1e3]}),
    "one cell": (SQUARE, {"learning_rate": [0.1]}),
    "drawn cells": (
        SQUARE,
        {"learning_rate": (1e-3, 1.0), "l2": [0, 0.1], "cells": jfnn.Sample(6)},
    ),
    "numbers of two targets": (
        jfnn.Split(CORNERS, CORNERS, CORNERS, CORNERS),
        {"learning_rate": [0.1, 0.2], "loss": "quadratic"},
    ),
    "no test rows": (jfnn.Split(CORNERS, LABELS), {"learning_rate": [0.1, 0.2], "seeds": 2}),
}


@pytest.mark.parametrize("kind", SWEEPS)
def test_page_of_any_sweep_opens_and_shows_all_its_parts(kind, open_page, tmp_path):
    split, options = SWEEPS[kind]
    kept = jfnn.Execution(eval_every=[1, 2, 4], keep_params="evaluations")
    result = jfnn.sweep(jfnn.mlp((2, 4, 2)), split, epochs=4, batch_size=4, execution=kept, **options)
    assert (result.diverged_at >= 0).all() == (kind == "all diverged")
    write_playground(result, split, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    page.locator("#next-row").click()
    shown = page.locator("#show option").all_inner_texts()
    assert len(shown) == 3
    for text in shown:
        page.locator("#show").select_option(label=text)
        wait_until_drawn(page)
    assert page.locator("#map button").count() == np.prod(result.cell_shape)
    ended = result.diverged_at.flat[0] + 1
    facts = f"Diverged in epoch {ended};" if kind == "all diverged" else "After epoch 4:"
    assert page.locator("#cell-facts").inner_text().startswith(facts)
