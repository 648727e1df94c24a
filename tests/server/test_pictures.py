"""Pictures in and out, and pictures made to do harm."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin


def file(pixels, kind="PNG", **options):
    out = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(out, kind, **options)
    return out.getvalue()


def pixels(seed=0, size=(8, 8)):
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


def shown(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def as_pixels(images):
    return (images * 255).round().astype(np.uint8)


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", ""])
def test_reconstruct(http, bundle, kind):
    given = pixels()
    answer = http.post("/pictures/reconstruct", content=file(given), headers={"content-type": kind})
    expected = as_pixels(bundle.reconstruct(given[None, None]))[0, 0]
    assert np.abs(shown(answer).astype(int) - expected).max() <= 1


def test_transfer(http, bundle):
    one, two = pixels(1), pixels(2)
    answer = http.post("/pictures/transfer", files={"content": file(one), "style": file(two)})
    expected = as_pixels(bundle.transfer(content=one[None, None], style=two[None, None]))[0, 0]
    assert np.abs(shown(answer).astype(int) - expected).max() <= 1


def test_interpolate(http, bundle):
    one, two = pixels(1), pixels(2)
    answer = http.post("/pictures/interpolate?steps=3", files={"first": file(one), "second": file(two)})
    grid = bundle.interpolate(one[None, None], two[None, None], 3)[:, :, 0, 0]
    expected = as_pixels(grid.transpose(0, 2, 1, 3).reshape(24, 24))
    assert np.abs(shown(answer).astype(int) - expected).max() <= 1


def test_factors(http, bundle):
    found = http.post("/pictures/factors", content=file(pixels())).json()
    for name, value in bundle.disentangle(pixels()[None, None]).items():
        assert np.abs(np.array(found[name]) - value[0]).max() <= 1e-5


def test_few_shot_by_names(http, bundle):
    files = [("support.A", file(pixels(1))), ("support.A", file(pixels(2))), ("support.ß <b>", file(pixels(3)))]
    answer = http.post("/pictures/few_shot", files=[*files, ("query", file(pixels(3))), ("query", file(pixels(4)))])
    first, second = answer.json()["answers"]
    assert first["label"] == "ß <b>", "it is that very picture"
    support = np.stack([pixels(1), pixels(2), pixels(3)])[:, None]
    alike = bundle.score(support, np.repeat(pixels(4)[None, None], 3, 0))
    assert second["scores"]["A"] == pytest.approx(alike[:2].mean(), abs=1e-5)


def reconstruct(http, data, query="", kind="image/png"):
    return http.post(f"/pictures/reconstruct{query}", content=data, headers={"content-type": kind})


def same_as(http, data, expected):
    """Both files are the same picture to the server."""
    assert np.array_equal(shown(reconstruct(http, data)), shown(reconstruct(http, file(expected))))


def test_colour_becomes_grey_and_palettes_are_looked_up(http):
    colour = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    grey = np.asarray(Image.fromarray(colour).convert("L"))
    same_as(http, file(colour), grey)
    palette = Image.fromarray(colour).quantize(4)
    same_as(http, file(palette), np.asarray(palette.convert("RGB").convert("L")))


def test_transparency_is_put_on_white(http):
    picture = np.dstack([pixels(), np.full((8, 8), 255, np.uint8)])
    picture[:, 4:, 1] = 0
    expected = pixels()
    expected[:, 4:] = 255
    same_as(http, file(Image.fromarray(picture)), expected)


def test_rotation_by_a_camera_is_undone(http):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    turned = np.rot90(pixels(), 1)
    same_as(http, file(turned, exif=exif), pixels())


def test_another_size_is_refused_or_resized_on_demand(http):
    small = file(pixels(size=(4, 5)))
    answer = reconstruct(http, small)
    assert answer.status_code == 400 and "8 x 8" in answer.json()["error"]
    assert shown(reconstruct(http, small, "?fit=resize")).shape == (8, 8)


def jpeg(**options):
    return file(pixels(), "JPEG", **options)


def cmyk():
    return file(Image.new("CMYK", (8, 8)), "JPEG")


def bomb(width, height):
    """A PNG of one colour, which a few bytes can hold."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(1 + width)) for _ in range(min(height, 2000))) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunky():
    """A text that unpacks to 64 MB."""
    info = PngImagePlugin.PngInfo()
    info.add_text("x", "0" * 64_000_000, zip=True)
    return file(Image.fromarray(pixels()), pnginfo=info)


def animated():
    frames = [Image.fromarray(pixels(seed)) for seed in (1, 2)]
    return file(frames[0], save_all=True, append_images=frames[1:])


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n"
PICTURES = {
    "empty": lambda: b"",
    "junk": lambda: b"\x00" * 1000,
    "truncated PNG": lambda: file(pixels())[:-40],
    "truncated JPEG": lambda: jpeg()[: len(jpeg()) // 2],
    "only a header": lambda: file(pixels())[:33],
    "wrong checksum": lambda: file(pixels()).replace(b"IDAT", b"IDAU"),
    "EPS": lambda: EPS,
    "SVG": lambda: SVG,
    "TIFF": lambda: file(pixels(), "TIFF"),
    "GIF": lambda: file(pixels(), "GIF"),
    "BMP": lambda: file(pixels(), "BMP"),
    "WEBP": lambda: file(pixels(), "WEBP"),
    "PPM": lambda: file(pixels(), "PPM"),
    "1 x 1": lambda: file(pixels(size=(1, 1))),
    "16 bits": lambda: file(np.zeros((8, 8), np.uint16)),
    "CMYK": cmyk,
    "animated": animated,
    "1 x 100 000": lambda: bomb(100_000, 1),
    "8000 x 8000": lambda: bomb(8000, 8000),
    "20 000 x 20 000": lambda: bomb(20_000, 20_000),
    "2^31 - 1 wide": lambda: bomb(1, 1).replace(struct.pack(">II", 1, 1), struct.pack(">II", 2**31 - 1, 1)),
    "0 wide": lambda: bomb(1, 1).replace(struct.pack(">II", 1, 1), struct.pack(">II", 0, 1)),
    "text that unpacks to 64 MB": chunky,
}


@pytest.mark.parametrize("name", PICTURES)
def test_hostile_pictures_are_refused(http, server, name):
    data = PICTURES[name]()
    before = server.memory()
    answer = reconstruct(http, data)
    assert answer.status_code in (400, 413), answer.text
    assert set(answer.json()) == {"error"} and len(answer.json()["error"]) < 200
    assert server.memory() - before < 60 * 2**20


def test_a_polyglot_is_what_it_says_first(http):
    """A whole PNG with a script behind it is that PNG; the answer is made of pixels alone."""
    answer = reconstruct(http, file(pixels()) + SVG)
    assert np.array_equal(shown(answer), shown(reconstruct(http, file(pixels()))))
    assert b"script" not in answer.content


@pytest.mark.parametrize(
    ("path", "arguments", "status"),
    [
        ("reconstruct", {"content": b"x", "headers": {"content-type": "text/html"}}, 415),
        ("transfer", {"content": b"x", "headers": {"content-type": "image/png"}}, 415),
        ("transfer", {"files": {"content": b"x"}}, 400),
        ("transfer", {"files": {"content": b"x", "style": b"x", "more": b"x"}}, 400),
        ("transfer", {"files": [("content", b"x"), ("content", b"x"), ("style", b"x")]}, 400),
        ("transfer", {"data": {"content": "x"}, "files": {"style": b"x"}}, 400),
        ("transfer", {"files": [("content", b"x")] * 100}, 400),
        ("transfer", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ("transfer", {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=a"}}, 400),
        ("transfer", {"content": b"--a\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=a"}}, 400),
        ("few_shot", {"files": {"query": b"x"}}, 400),
        ("few_shot", {"files": {"support.A": b"x"}}, 400),
        ("few_shot", {"files": {"support.": b"x", "query": b"x"}}, 400),
        ("few_shot", {"files": {"support." + "x" * 65: b"x", "query": b"x"}}, 400),
        ("reconstruct?fit=crop", {"content": b"x"}, 400),
        ("reconstruct?steps=3", {"content": b"x"}, 400),
        ("interpolate?steps=999999999999", {"files": {"first": b"x", "second": b"x"}}, 400),
        ("interpolate?steps=17", {"files": {"first": file(pixels()), "second": file(pixels())}}, 400),
        ("interpolate?steps=-1", {"files": {"first": b"x", "second": b"x"}}, 400),
        ("encode", {"content": b"x"}, 404),
        ("../v2", {"content": b"x"}, 405),
    ],
)
def test_malformed_requests(http, path, arguments, status):
    assert http.post(f"/pictures/{path}", **arguments).status_code == status
