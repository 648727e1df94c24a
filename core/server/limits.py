"""What a server grants a client."""

from dataclasses import dataclass, fields

from unbraid.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on everything a client may ask for; whatever is beyond is refused before it costs anything.

    Args:
        body_bytes: of one request, counted while it is read.
        buffered_bytes: of all request bodies held at once.
        rows: first dimension of a tensor, and of what a verb makes of it.
        elements: numbers in one tensor, in or out, and in the JSON of a request.
        batch_rows: put together from several requests for one run.
        id_characters: of the `id` a client gives its request.
        requests: being read, waiting or running at once; one more is told to come back (503).
        steps: of an interpolation, along each axis.
        pictures: in one request.
        picture_pixels: width times height, known before a picture is unpacked.
        header_bytes: request line and headers together.
        header_count: of one request.
        connections: open at once.
        request_seconds: from the last byte of the request to the answer (504).
        body_seconds: for a client to send its body (408).
        header_seconds: for a client to send its headers, and to take what was written to it.
        idle_seconds: between two requests of a connection.

    Raises:
        ConfigError: a limit is not positive.
    """

    body_bytes: int = 16 * 2**20
    buffered_bytes: int = 256 * 2**20
    rows: int = 1024
    elements: int = 4 * 2**20
    batch_rows: int = 64
    id_characters: int = 128
    requests: int = 256
    steps: int = 16
    pictures: int = 64
    picture_pixels: int = 4096 * 4096
    header_bytes: int = 32 * 2**10
    header_count: int = 100
    connections: int = 1024
    request_seconds: float = 30
    body_seconds: float = 10
    header_seconds: float = 10
    idle_seconds: float = 30

    def __post_init__(self) -> None:
        """Check every limit."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigError(f"limit {field.name} out of range", expected="more than 0", found=value)
