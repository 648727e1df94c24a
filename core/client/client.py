"""A bundle that runs somewhere else."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unbraid.core.client.connection import Connection
from unbraid.core.client.images import are_pictures, as_array, as_pictures
from unbraid.core.client.tensors import HEADER_LENGTH, Parameter, read_answer, write_request

Array = NDArray[Any]


class Client:
    """The verbs of a bundle that `unbraid serve` serves, over the Open Inference Protocol.

    Images are arrays `(B, C, H, W)` or `(C, H, W)`, uint8 or floats in [0, 1], or pictures of Pillow, one or a list;
    whoever gives pictures gets pictures. Safe to use from several threads.

    Args:
        url: of the server.
        token: bearer token, where the server asks for one.
        bundle: name of one, where the server has several.
        head: name of one, where the bundle has several.
        timeout: seconds to wait for an answer.

    Raises:
        ConfigError: the address is none.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        bundle: str | None = None,
        head: str | None = None,
        timeout: float = 60,
    ) -> None:
        self.url = url
        self._bundle = f"{bundle}-" if bundle else ""
        self._head = f"{head}-" if head else ""
        self._connection = Connection(url, token, timeout)
        self._channels: int | None = None

    def models(self) -> tuple[str, ...]:
        """List what the server serves.

        Raises:
            RequestError: it refused.
            ServerError: it failed, or there is none.
        """
        return tuple(entry["name"] for entry in self._json("POST", "/v2/repository/index"))

    def metadata(self, model: str) -> dict[str, Any]:
        """Give the inputs and outputs of a model.

        Raises:
            RequestError: there is no such model.
        """
        found: dict[str, Any] = self._json("GET", f"/v2/models/{self._name(model)}")
        return found

    def infer(self, model: str, inputs: Mapping[str, Array], **parameters: Parameter) -> dict[str, Array]:
        """Run any model: arrays by name in, arrays by name out.

        Raises:
            RequestError: the server refused the request.
            ServerError: it is busy, too slow, failed, or there is none.
        """
        body, length = write_request(inputs, parameters)
        path = f"/v2/models/{self._name(model)}/infer"
        content, headers = self._connection.send(
            "POST", path, body, inference_header_content_length=str(length), content_type="application/octet-stream"
        )
        return read_answer(content, int(headers.get(HEADER_LENGTH, len(content))))

    def encode(self, images: Any) -> Array:
        """Encode images to latents `(B, *latent)`."""
        return self.infer("encode", {"image": self._array(images)})["latent"]

    def decode(self, z: Array) -> Array:
        """Decode latents to images `(B, C, H, W)` in [0, 1]."""
        return self.infer("decode", {"latent": z})["image"]

    def disentangle(self, images: Any) -> dict[str, Array]:
        """Split images into factors, each `(B, *factor)`."""
        return self.infer("factors", {"image": self._array(images)})

    def entangle(self, factors: Mapping[str, Array]) -> Array:
        """Turn factors into images in [0, 1]."""
        return self.decode(self.infer("entangle", factors)["latent"])

    def reconstruct(self, images: Any) -> Any:
        """Take images apart and put them together again."""
        return self._drawn(images, self.infer("reconstruct", {"image": self._array(images)})["image"])

    def transfer(self, *, content: Any, style: Any) -> Any:
        """Give images with the content of some and the style of others, row by row."""
        given = {"content": self._array(content), "style": self._array(style)}
        return self._drawn(content, self.infer("transfer", given)["image"])

    def interpolate(self, first: Any, second: Any, steps: int = 5) -> Any:
        """Mix content and style of two sets of images independently.

        Returns:
            `(S, S, B, C, H, W)`: content changes along the first axis, style along the second; lists for pictures.
        """
        given = {"first": self._array(first), "second": self._array(second)}
        images = self.infer("interpolate", given, steps=steps)["image"]
        return as_pictures(images) if are_pictures(first) else images

    def score(self, first: Any, second: Any) -> Array:
        """Say how alike the contents of two sets of images are, `(B,)`; higher is more alike."""
        return self.infer("compare", {"first": self._array(first), "second": self._array(second)})["score"]

    def classify(self, images: Any) -> Array:
        """Give class logits `(B, classes)` of images."""
        (logits,) = self.infer("classify", {"latent": self.encode(images)}).values()
        return logits

    def few_shot(self, support: Any, labels: Sequence[Any], query: Any) -> list[Any]:
        """Label images by a few labelled ones.

        Args:
            support: labelled images.
            labels: one for each, of any kind that can be compared.
            query: images to label.

        Returns:
            One of the labels for each image of the query.
        """
        known = list(dict.fromkeys(labels))
        numbers = np.array([known.index(label) for label in labels], np.int64)
        given = {"support": self._array(support), "support_label": numbers, "query": self._array(query)}
        return [known[int(number)] for number in self.infer("few_shot", given)["label"]]

    def close(self) -> None:
        """Close the connection of this thread."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def _name(self, model: str) -> str:
        """Name a model as the server does: heads share encoder and decoder."""
        return f"{self._bundle}{'' if model in ('encode', 'decode') else self._head}{model}"

    def _json(self, method: str, path: str) -> Any:
        return json.loads(self._connection.send(method, path)[0])

    def _array(self, images: Any) -> Array:
        if are_pictures(images) and self._channels is None:
            self._channels = self.metadata("encode")["inputs"][0]["shape"][1]
        return as_array(images, self._channels or 0)

    def _drawn(self, given: Any, images: Array) -> Any:
        """Give pictures to whom gave pictures, and one to whom gave one."""
        if not are_pictures(given):
            return images
        pictures = as_pictures(images)
        return pictures if isinstance(given, Sequence) else pictures[0]
