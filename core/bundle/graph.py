"""What the manifest says of one ONNX file."""

from dataclasses import asdict, dataclass
from typing import Any

from unbraid.core.bundle.names import TENSOR_NAME
from unbraid.core.bundle.reading import one_of, refused, take, take_many, take_number, whole_number

#: How the weights of a graph are kept; its inputs and outputs are float32 in any case.
PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True, slots=True)
class BundleTensor:
    """A float32 input or output; `shape` leaves out the batch dimension."""

    name: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, with the batch dimension in its place."""
        return {"name": self.name, "dtype": "float32", "shape": ["batch", *self.shape]}

    @classmethod
    def from_json(cls, data: Any) -> "BundleTensor":
        """Read the JSON form."""
        name = take(data, "name", str)
        if not TENSOR_NAME.fullmatch(name):
            raise refused("a tensor has a name that is none", expected=TENSOR_NAME.pattern, found=f"{name!r:.80}")
        return cls(name, take_shape(data))


@dataclass(frozen=True, slots=True)
class BundleTolerance:
    """How far onnxruntime was from torch: largest difference, and the bound it had to keep, over the batch sizes."""

    batches: tuple[int, ...]
    max_abs: float
    bound: float

    @classmethod
    def from_json(cls, data: Any) -> "BundleTolerance":
        """Read the JSON form."""
        return cls(take_many(data, "batches", whole_number), take_number(data, "max_abs"), take_number(data, "bound"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleGraph:
    """One ONNX file.

    Args:
        file: where it lies.
        sha256: of its bytes.
        bytes: how many it has.
        opset: version of the operator set.
        ir_version: version of the file format.
        batch_max: largest batch it was measured for; what a server should not exceed.
        inputs: what it takes, in order.
        outputs: what it gives, in order.
        tolerance: its measured distance from torch.
        precision: of its weights.
    """

    file: str
    sha256: str
    bytes: int
    opset: int
    ir_version: int
    batch_max: int
    inputs: tuple[BundleTensor, ...]
    outputs: tuple[BundleTensor, ...]
    tolerance: BundleTolerance
    precision: str = "float32"

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        sides = {"inputs": [t.to_json() for t in self.inputs], "outputs": [t.to_json() for t in self.outputs]}
        return asdict(self) | sides

    @classmethod
    def from_json(cls, data: Any) -> "BundleGraph":
        """Read the JSON form."""
        numbers = {name: whole_number(take(data, name, int)) for name in ("bytes", "opset", "ir_version", "batch_max")}
        return cls(
            file=take(data, "file", str),
            sha256=take(data, "sha256", str),
            inputs=take_many(data, "inputs", BundleTensor.from_json),
            outputs=take_many(data, "outputs", BundleTensor.from_json),
            tolerance=BundleTolerance.from_json(take(data, "tolerance", dict)),
            precision=one_of(data, "precision", PRECISIONS),
            **numbers,
        )


def take_shape(data: Any) -> tuple[int, ...]:
    """Give the shape of a float32 tensor without its batch dimension, which must come first."""
    shape = take(data, "shape", list)
    if take(data, "dtype", str) != "float32" or shape[:1] != ["batch"]:
        raise refused("a tensor is malformed", expected='float32, shape ["batch", ...]', found=f"{data!r:.80}")
    return tuple(map(whole_number, shape[1:]))
