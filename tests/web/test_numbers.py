"""The page's numbers are Python's: pictures to the byte, graphs to the tolerance of bundles."""

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_visit import Visit
from PIL import Image, ImageOps
from safetensors.numpy import load_file

from unbraid.core.data_files.pictures import FileImages

PAGE = Path(__file__).parents[2] / "core" / "web" / "page"
TOLERANCE = 1e-5


def run_script(node: str, folder: Path, text: str, given: Any) -> Any:
    """Run a module beside the page's; it gets `given` and prints JSON."""
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "given.json").write_text(json.dumps(given))
    head = 'import {readFileSync} from "node:fs"; const given = JSON.parse(readFileSync("given.json"));\n'
    (folder / "script.js").write_text(head + text)
    done = subprocess.run([node, "script.js"], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PAGE, tmp_path / "page"))


SIZES = [((5, 9), (28, 28)), ((64, 48), (28, 28)), ((31, 200), (16, 24)), ((28, 28), (28, 28)), ((300, 7), (64, 64))]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pictures_are_resized_to_the_bytes_of_pillow(node: str, modules: Path, mode: str) -> None:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)) for size, _ in SIZES]
    given = [
        {"data": np.asarray(p).ravel().tolist(), "width": p.width, "height": p.height, "channels": 3, "to": to}
        for p, (_, to) in zip(pictures, SIZES, strict=True)
    ]
    script = f"""
        import {{ middle, resize, toChannels }} from "./resize.js";
        const found = given.map(({{to: [height, width], ...pixels}}) => {{
            const box = middle(pixels.width, pixels.height, width, height);
            return [...toChannels(resize(pixels, width, height, box), {len(mode)}).data];
        }});
        console.log(JSON.stringify(found));"""
    found = run_script(node, modules, script, given)
    for picture, (_, to), numbers in zip(pictures, SIZES, found, strict=True):
        array = np.array(numbers).reshape(*to, *[3] * (mode == "RGB"))
        assert np.array_equal(array, np.asarray(across_and_down(picture, to).convert(mode)))
        whole = ImageOps.fit(picture, to[::-1], Image.Resampling.BILINEAR).convert(mode)
        assert np.abs(array - np.asarray(whole).astype(int)).max() <= 1  # the order of its passes is Pillow's choice


def across_and_down(picture: Image.Image, to: tuple[int, int]) -> Image.Image:
    """Cut out the middle and resize it with Pillow, in a fixed order of passes."""
    height, width = to
    kept = min(picture.width, width / height * picture.height), min(picture.height, height / width * picture.width)
    left, top = (picture.width - kept[0]) / 2, (picture.height - kept[1]) / 2
    box = left, 0, left + kept[0], picture.height
    narrow = picture.resize((width, picture.height), Image.Resampling.BILINEAR, box=box)
    return narrow.resize((width, height), Image.Resampling.BILINEAR, box=(0, top, width, top + kept[1]))


def close(found: dict[str, Any], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        array = np.array(found[name], np.float64).reshape(value.shape)
        assert np.abs(array - value).max() <= TOLERANCE * max(1, np.abs(value).max()), name


def inputs_of(bundle: Any, rows: int) -> dict[str, dict[str, np.ndarray]]:
    """Every graph's inputs: pictures and what follows from them as kept in the bundle, so many rows."""
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in bundle.manifest.graphs}
    for key, value in load_file(bundle.path / "samples" / "in.safetensors").items():
        graph, _, name = key.partition(".")
        found[graph][name] = np.resize(value, (rows, *value.shape[1:]))
    return found


def as_tensors(inputs: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: {"shape": value.shape, "data": value.ravel().tolist()} for name, value in inputs.items()}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 5])
def test_every_graph_gives_the_same_numbers_in_node(
    node: str, site: Path, bundle: Any, tmp_path: Path, rows: int
) -> None:
    modules = Path(shutil.copytree(site, tmp_path / "site"))
    given = inputs_of(bundle, rows)
    script = """
        import * as ort from "./runtime/ort.wasm.bundle.min.js";
        import { Graphs } from "./engines/graphs.js";
        ort.env.wasm.numThreads = 1;
        ort.env.wasm.wasmBinary = readFileSync("runtime/ort-wasm-simd-threaded.wasm");
        const manifest = JSON.parse(readFileSync("bundle/manifest.json"));
        const graphs = new Graphs(ort, manifest, async (file) => readFileSync("bundle/" + file));
        const found = {};
        for (const [name, inputs] of Object.entries(given)) {
            for (const tensor of Object.values(inputs)) tensor.data = Float32Array.from(tensor.data);
            const outputs = Object.entries(await graphs.run(name, inputs));
            found[name] = Object.fromEntries(outputs.map(([key, {data}]) => [key, [...data]]));
        }
        console.log(JSON.stringify(found));"""
    found = run_script(node, modules, script, {name: as_tensors(inputs) for name, inputs in given.items()})
    for name, inputs in given.items():
        close(found[name], bundle.run(name, inputs))


@pytest.mark.slow
def test_every_graph_gives_the_same_numbers_in_the_browser(browser: Any, served: Any, bundle: Any) -> None:
    visit = Visit(browser, served.address).ready()
    script = """async (given) => {
        const { browserEngine } = await import("./engines/browser.js");
        const manifest = await (await fetch("bundle/manifest.json")).json();
        const engine = await browserEngine(manifest, new URL("bundle/", location.href));
        const found = {};
        for (const [name, inputs] of Object.entries(given)) {
            for (const tensor of Object.values(inputs)) tensor.data = Float32Array.from(tensor.data);
            const outputs = Object.entries(await engine.run(name, inputs));
            found[name] = Object.fromEntries(outputs.map(([key, {data}]) => [key, [...data]]));
        }
        return found;
    }"""
    given = inputs_of(bundle, 3)
    found = visit.page.evaluate(script, {name: as_tensors(inputs) for name, inputs in given.items()})
    for name, inputs in given.items():
        close(found[name], bundle.run(name, inputs))
    visit.close()


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def odd_files() -> dict[str, tuple[bytes, int]]:
    """Pictures of every kind people have: bytes, and how far a browser may be from Pillow in steps of 1 / 255."""
    rng = np.random.default_rng(1)
    smooth = np.asarray(Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((96, 72)))
    colour, turned = Image.fromarray(smooth), Image.Exif()
    turned[0x0112] = 6
    clear = np.dstack([smooth, np.full(smooth.shape[:2], 255, np.uint8)])
    clear[:, :48, 3] = 0
    half = clear.copy()
    half[:, 48:, 3] = 100
    return {
        "colour.png": (saved(colour, "PNG"), 0),
        "grey.png": (saved(colour.convert("L"), "PNG"), 0),
        "palette.png": (saved(colour.convert("P"), "PNG"), 0),
        "clear.png": (saved(Image.fromarray(clear), "PNG"), 0),
        "half.png": (saved(Image.fromarray(half), "PNG"), 1),
        "turned.png": (saved(colour, "PNG", exif=turned), 0),
        "turned.jpg": (saved(colour, "JPEG", quality=95, subsampling=0, exif=turned), 1),
        "colour.bmp": (saved(colour, "BMP"), 0),
        "lossless.webp": (saved(colour, "WEBP", lossless=True), 0),
    }


@pytest.mark.slow
def test_files_of_every_kind_become_the_pixels_python_reads(browser: Any, served: Any, tmp_path: Path) -> None:
    visit = Visit(browser, served.address).ready()
    script = """async ([name, bytes, channels]) => {
        const { readPicture } = await import("./pictures.js");
        return [...await readPicture(new File([new Uint8Array(bytes)], name), [channels, 24, 20])];
    }"""
    for name, (data, steps) in odd_files().items():
        (tmp_path / name).write_bytes(data)
        for channels in (1, 3):
            picture = Image.fromarray(whole(tmp_path / name))
            fitted = ImageOps.fit(picture, (20, 24), Image.Resampling.BILINEAR)
            expected = np.asarray(fitted.convert("L" if channels == 1 else "RGB"), np.float64).reshape(24, 20, channels)
            found = np.array(visit.page.evaluate(script, [name, list(data), channels])).reshape(channels, 24, 20)
            off = np.abs(255 * found - expected.transpose(2, 0, 1)).max()
            assert off <= steps + 1e-4, f"{name} with {channels} channels is off by {off}"
    visit.close()


def whole(path: Path) -> np.ndarray:
    """Read a file as data sets do, upright and on white, in its own size."""
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        if not upright.has_transparency_data:
            return np.asarray(upright.convert("RGB"))
        layer = upright.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB"))


def test_the_rule_is_that_of_data_sets(tmp_path: Path) -> None:
    """What the tests above call Python's is what the data set `folder` reads."""
    for name, (data, _) in odd_files().items():
        (tmp_path / name).write_bytes(data)
        fitted = ImageOps.fit(Image.fromarray(whole(tmp_path / name)), (28, 28), Image.Resampling.BILINEAR)
        assert np.array_equal(
            FileImages([], size=28, colour=True).read(tmp_path / name), np.asarray(fitted).transpose(2, 0, 1)
        )
