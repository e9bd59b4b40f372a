"""Take a file off a request, checking its size while it comes."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.translation import gettext_lazy as _

from .files import HEAD, SAFE_IMAGES, UploadRefused, image_type

#: The name that the component gives to the file in a form.
FIELD = "file"
#: Bytes that a form may have besides the file: boundaries, headers, a long name.
FORM_OVERHEAD = 64 * 1024
CHUNK = 64 * 1024


class Incoming:
    """A file on its way in, kept in memory or in a temporary file, never in the storage. Close it.

    ``limit`` and ``size`` are in bytes; ``name`` and ``mime_type`` are what a form says, and empty without one.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.name = ""
        self.mime_type = ""
        self.is_complete = False
        self.content = SpooledTemporaryFile(  # noqa: SIM115
            max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE, dir=settings.FILE_UPLOAD_TEMP_DIR
        )

    def write(self, chunk: bytes) -> None:
        """Take some more. Raises ``UploadRefused`` as soon as it is too much."""
        self.size += len(chunk)
        if self.size > self.limit:
            raise too_large()
        self.content.write(chunk)

    def close(self) -> None:
        """Forget the file."""
        self.content.close()

    def check(self, mime_type: str, size: int | None = None) -> None:
        """Raises ``UploadRefused`` unless it is what was announced: as large, and an image if one was to come."""
        if not self.is_complete or not self.size or size not in (None, self.size):
            raise UploadRefused(_("The file did not arrive as it was announced: its size differs."), "invalid")
        self.content.seek(0)
        if mime_type in SAFE_IMAGES and image_type(self.content.read(HEAD)) != mime_type:
            raise UploadRefused(_("The file is not an image of the announced type."), "invalid")


def too_large() -> UploadRefused:
    """More than the preset allows, or than was announced."""
    return UploadRefused(_("The file is larger than allowed."), "too_large")


def receive(request: HttpRequest, limit: int) -> Incoming:
    """The file of a multipart form (field ``file``), or else the body as it is: at most ``limit`` bytes of it.

    Raises ``UploadRefused``. Blocks until all of it has come.
    """
    is_form = request.content_type == "multipart/form-data"
    if _announced(request) > limit + (FORM_OVERHEAD if is_form else 0):
        raise too_large()
    incoming = Incoming(limit)
    try:
        (_read_form if is_form else _read_body)(request, incoming)
    except BaseException as error:
        incoming.close()
        raise _refusal(error) from None
    return incoming


def _refusal(error: BaseException) -> BaseException:
    """What the visitor is told of a body that is no form, or that broke off (``ValueError``: has been closed)."""
    if isinstance(error, RequestDataTooBig):
        return too_large()
    if isinstance(error, MultiPartParserError | SuspiciousOperation | BadRequest | OSError | ValueError):
        return UploadRefused(_("The file did not arrive: the request is broken."), "invalid")
    return error


def _announced(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _read_body(request: HttpRequest, incoming: Incoming) -> None:
    while chunk := request.read(CHUNK):
        incoming.write(chunk)
    incoming.is_complete = True


def _read_form(request: HttpRequest, incoming: Incoming) -> None:
    parsed: Any = getattr(request, "_files", None)
    if parsed is not None:  # some middleware has looked at request.POST
        _take_parsed(parsed, incoming)
        return
    # Without a length Django takes a form for empty. Bodies sent in chunks have none, and ASGI servers hand them on.
    meta = {**request.META, "CONTENT_LENGTH": "1"}
    MultiPartParser(meta, request, [_Receiver(incoming)], request.encoding).parse()


def _take_parsed(files: Any, incoming: Incoming) -> None:
    file = files.get(FIELD)
    if file is not None:
        incoming.name, incoming.mime_type = file.name, file.content_type or ""
        for chunk in file.chunks():
            incoming.write(chunk)
        incoming.is_complete = True


class _Receiver(FileUploadHandler):
    """Writes the first file of the field ``file`` into an ``Incoming``, and skips all others."""

    def __init__(self, incoming: Incoming) -> None:
        super().__init__()
        self.incoming = incoming
        self.is_taken = False

    def new_file(self, field_name: str, file_name: str, content_type: str, *args: Any, **kwargs: Any) -> None:
        if field_name != FIELD or self.is_taken:
            raise SkipFile
        self.is_taken = True
        self.incoming.name, self.incoming.mime_type = file_name, content_type

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.incoming.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        self.incoming.is_complete = True
