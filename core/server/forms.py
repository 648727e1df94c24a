"""Files of a multipart form, from a body that was read within its limits."""

from collections.abc import AsyncGenerator

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from unbraid.core.errors import RequestError
from unbraid.core.server.limits import Limits


async def read_form(headers: Headers, body: bytes, limits: Limits) -> dict[str, list[bytes]]:
    """Give the files of a form by the name of their field.

    Raises:
        RequestError: 400, it is malformed or has fields that are no files.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(headers, stream(), max_files=limits.pictures, max_fields=0)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError, LookupError):
        raise RequestError(400, f"the form must be multipart/form-data of at most {limits.pictures} files") from None
    files: dict[str, list[bytes]] = {}
    try:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                raise RequestError(400, "a form has files only")
            files.setdefault(name, []).append(await value.read())
    finally:
        await form.close()
    return files
