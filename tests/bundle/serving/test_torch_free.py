"""A process in which torch cannot be imported runs the bundle and gives the same numbers."""

import subprocess
import sys

import numpy as np

SCRIPT = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm"):
            raise ImportError(f"{name} is not for this process")

sys.meta_path.insert(0, NoTorch())
try:
    import torch
except ImportError:
    pass
else:
    raise SystemExit("the hook does not work")

import numpy as np
import unbraid

given = np.load(sys.argv[2])
bundle = unbraid.load_bundle(sys.argv[1])
a, b = given["a"], given["b"]
found = {f"factor.{k}": v for k, v in bundle.disentangle(a).items()}
found["transfer"] = bundle.transfer(content=a, style=b)
found["interpolate"] = bundle.interpolate(a, b, 3)
found["score"] = bundle.score(a, b)
bundle.verify()
np.savez(sys.argv[3], **found)
assert not {"torch", "torchvision", "timm"} & {name.split(".")[0] for name in sys.modules}
"""


def test_without_torch_the_numbers_are_the_same(exported, tmp_path):
    a, b = exported.images[:4].numpy(), exported.images[4:8].numpy()
    np.savez(tmp_path / "in.npz", a=a, b=b)
    arguments = [str(exported.folder), str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    model = exported.model
    expected = {f"factor.{name}": value for name, value in model.disentangle(a).items()}
    expected |= {"transfer": model.transfer(content=a, style=b), "interpolate": model.interpolate(a, b, 3)}
    expected["score"] = model.latents.score(model.encode(a), model.encode(b))
    with np.load(tmp_path / "out.npz") as found:
        assert set(found) == set(expected)
        for name, value in expected.items():
            gap = np.abs(found[name] - value.numpy()).max()
            assert gap <= 1e-5 * max(1.0, float(value.abs().max())), name
