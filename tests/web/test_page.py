"""The page in a real browser, run by onnxruntime-web behind a plain file server."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_visit import Visit, serve, settle
from PIL import Image
from safetensors.numpy import load_file

import unbraid
from unbraid.core.data_files.pictures import FileImages


@pytest.fixture(scope="module")
def samples(bundle: Any) -> np.ndarray:
    return load_file(bundle.path / "samples" / "in.safetensors")["encode.image"]


@pytest.fixture(scope="module")
def open_page(browser: Any, served: Any) -> Any:
    """One page for all tests of the module: each leaves its own pictures, none depends on those before."""
    visit = Visit(browser, served.address).ready()
    yield visit
    visit.close()


def shows_swaps(visit: Visit, bundle: Any, a: np.ndarray, b: np.ndarray) -> None:
    """Hold the four pictures to what Python makes of the pair."""
    a, b = a[np.newaxis], b[np.newaxis]
    for cell, (content, style) in {"AA": (a, a), "AB": (a, b), "BA": (b, a), "BB": (b, b)}.items():
        visit.shows(f"#swap-{cell}", bundle.transfer(content=content, style=style)[0])


def take(visit: Visit, letter: str, sample: int) -> None:
    visit.page.get_by_role("button", name=f"Sample {sample + 1} as picture {letter}").click()


def upload(visit: Visit, letter: str, file: Path, data: bytes) -> None:
    file.write_bytes(data)
    visit.page.locator(f"#file-{letter}").set_input_files(file)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def problem(visit: Visit, letter: str) -> str:
    alert = visit.page.get_by_role("region", name=f"Picture {letter}", exact=True).get_by_role("alert")
    alert.wait_for()
    return str(alert.inner_text())


@pytest.mark.slow
def test_sliders_move_content_and_style_apart(open_page: Visit, bundle: Any, samples: np.ndarray) -> None:
    take(open_page, "A", 0)
    take(open_page, "B", 7)
    grid = bundle.interpolate(samples[0], samples[7], steps=5)[:, :, 0]
    for a, b in ((0, 0), (4, 0), (1, 3)):
        open_page.page.get_by_label("Identity", exact=True).fill(str(25 * a))
        open_page.page.get_by_label("Style", exact=True).fill(str(25 * b))
        open_page.shows("#mix", grid[a, b])
    assert "Identity: 25 % towards B. Style: 75 % towards B." in open_page.page.locator("#mixer").inner_text()
    frame = open_page.page.locator("#map").bounding_box()
    open_page.page.mouse.click(frame["x"] + 0.9 * frame["width"], frame["y"] + 0.1 * frame["height"])
    open_page.shows("#mix", grid[0, 4])
    assert open_page.page.get_by_label("Style", exact=True).input_value() == "100"


@pytest.mark.slow
def test_a_file_is_read_as_python_reads_it(open_page: Visit, bundle: Any, samples: np.ndarray, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (90, 61, 3), np.uint8)
    upload(open_page, "A", tmp_path / "a.png", png(pixels))
    expected = FileImages([], size=28, colour=False).read(tmp_path / "a.png") / np.float32(255)
    take(open_page, "B", 1)
    open_page.shows("section[aria-label='Picture A'] figure canvas", expected)
    shows_swaps(open_page, bundle, expected, samples[1])
    assert open_page.page.get_by_label("Picture A as the model sees it: a.png").is_visible()


@pytest.mark.slow
def test_a_bad_file_is_refused_in_words_and_changes_nothing(
    open_page: Visit, bundle: Any, samples: np.ndarray, tmp_path: Path
) -> None:
    take(open_page, "A", 3)
    take(open_page, "B", 4)
    upload(open_page, "A", tmp_path / "notes.png", b"these are notes")
    assert "“notes.png” is not a picture this browser can read" in problem(open_page, "A")
    upload(open_page, "A", tmp_path / "empty.png", b"")
    settle(lambda: "is empty" in problem(open_page, "A"), lambda: problem(open_page, "A"))
    upload(open_page, "A", tmp_path / "huge.png", b"\0" * (26 * 2**20))
    settle(lambda: "too large: 26 MB" in problem(open_page, "A"), lambda: problem(open_page, "A"))
    upload(open_page, "A", tmp_path / "wide.png", png(np.zeros((5000, 9000), np.uint8)))
    settle(lambda: "9000 × 5000 pixels" in problem(open_page, "A"), lambda: problem(open_page, "A"))
    assert "Picture A stays as it was" in problem(open_page, "A")
    shows_swaps(open_page, bundle, samples[3], samples[4])
    upload(open_page, "A", tmp_path / "good.png", png((samples[0, 0] * 255).astype(np.uint8)))
    shows_swaps(open_page, bundle, samples[0], samples[4])
    assert open_page.page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_a_dropped_file_is_taken(open_page: Visit, bundle: Any, samples: np.ndarray) -> None:
    take(open_page, "A", 1)
    drop = """(card, bytes) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png"));
        card.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }"""
    card = open_page.page.get_by_role("region", name="Picture B", exact=True)
    card.evaluate(drop, list(png((samples[6, 0] * 255).astype(np.uint8))))
    shows_swaps(open_page, bundle, samples[1], samples[6])


@pytest.mark.slow
def test_the_keyboard_is_enough(browser: Any, served: Any, bundle: Any, samples: np.ndarray) -> None:
    visit = Visit(browser, served.address).ready()
    seen = []
    for _ in range(20):
        visit.page.keyboard.press("Tab")
        focused = visit.page.locator(":focus")
        seen.append(focused.get_attribute("aria-label") or focused.get_attribute("id"))
        shown = "el => getComputedStyle(el.type === 'file' ? el.nextElementSibling : el).outlineStyle"
        assert focused.evaluate(shown) != "none", seen[-1]
        if seen[-1] in ("Sample 4 as picture A", "Sample 6 as picture B"):
            visit.page.keyboard.press("Enter")
    expected = ["file-A", *(f"Sample {i} as picture A" for i in range(1, 9))]
    expected += ["file-B", *(f"Sample {i} as picture B" for i in range(1, 9)), "slider-content", "slider-style"]
    assert seen == expected
    shows_swaps(visit, bundle, samples[3], samples[5])
    visit.page.keyboard.press("End")
    visit.page.keyboard.press("Shift+Tab")
    visit.page.keyboard.press("Home")
    visit.shows("#mix", bundle.transfer(content=samples[3:4], style=samples[5:6])[0])
    visit.close()


@pytest.mark.slow
def test_it_fits_a_phone(browser: Any, served: Any) -> None:
    visit = Visit(browser, served.address, width=390, height=844).ready()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390
    for button in visit.page.locator("button:visible, input[type=range], .drop").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 40, button.get_attribute("aria-label")
    visit.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser: Any, served: Any, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1 between text and what is behind it."""
    visit = Visit(browser, served.address)
    visit.page.emulate_media(color_scheme=scheme)
    visit.ready()
    colours = visit.page.evaluate("""() => {
        const behind = el => {
            for (; el; el = el.parentElement) {
                const colour = getComputedStyle(el).backgroundColor;
                if (!colour.endsWith(", 0)")) return colour;
            }
        };
        const texts = [...document.querySelectorAll("h1, h2, h3, p, label, figcaption, dt, dd, dd span, .slider")];
        return texts.filter(el => el.checkVisibility()).map(el => [el.textContent, getComputedStyle(el).color, behind(el)]);
    }""")
    assert len(colours) > 20
    for text, front, back in colours:
        light, dark = sorted((luminance(front), luminance(back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, front, back)
    visit.close()


def luminance(colour: str) -> float:
    channels = np.array([float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.slow
def test_a_head_is_chosen_and_one_without_a_way_back_says_so(browser: Any, two_heads: Path) -> None:
    for served in serve(two_heads):
        visit = Visit(browser, served.address).ready()
        bundle = unbraid.load_bundle(two_heads / "bundle")
        samples = load_file(two_heads / "bundle" / "samples" / "in.safetensors")["encode.image"]
        shows_swaps(visit, bundle.head("fden"), samples[0], samples[1])
        note = visit.page.get_by_text("There are no swaps to see")
        assert note.is_hidden()
        visit.page.get_by_label("Head").select_option("raw")
        visit.page.get_by_role("img", name="embedding of A: 32 numbers").wait_for()
        assert note.is_visible() and visit.page.locator("#swaps").is_hidden()
        visit.page.get_by_label("Head").select_option("fden")
        take(visit, "A", 3)
        shows_swaps(visit, bundle.head("fden"), samples[3], samples[1])
        visit.close()


@pytest.mark.slow
def test_what_cannot_be_loaded_is_said(browser: Any, served: Any) -> None:
    page = browser.new_page()
    page.route("**/encode/1/model.onnx", lambda route: route.fulfill(body=b"something else"))
    page.goto(served.address)
    page.get_by_role("alert").filter(has_text="models/encode/1/model.onnx is not the file that was exported").wait_for()
    page.unroute_all()
    page.route("**/manifest.json", lambda route: route.abort())
    page.goto(served.address)
    page.get_by_role("alert").filter(has_text="does not answer").wait_for()
    page.close()
