"""A model of Triton's python backend that runs the ONNX file beside it: stands in for the backend no wheel brings."""

from pathlib import Path

import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    """What the python backend looks for in `model.py`."""

    def initialize(self, args):
        folder = Path(args["model_repository"]) / args["model_version"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        return [triton.InferenceResponse(self.run(request)) for request in requests]

    def run(self, request):
        names = [value.name for value in self.session.get_inputs()]
        inputs = {name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in names}
        outputs = [value.name for value in self.session.get_outputs()]
        return [
            triton.Tensor(name, value) for name, value in zip(outputs, self.session.run(outputs, inputs), strict=True)
        ]
