"""Files that are not what they say, names that lead elsewhere, and forms that are hardly any."""

from __future__ import annotations

import gzip
import io
import json
import struct
import unicodedata
import zipfile
import zlib
from email.message import Message
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from chatkit.types import AttachmentCreateParams

from django_chatkit.models import ChatAttachment
from django_chatkit.server import files
from django_chatkit.server.attachments import DjangoAttachmentStore
from django_chatkit.server.context import ChatKitContext

from .. import chat
from ..chat import Caller
from ..files import content_of, names_in
from ..issued import Issued
from ..sending import Sender, form, raw

pytestmark = pytest.mark.usefixtures("inline", "storage")

DIRECT = "/chatkit/chat/help/attachments/"
SCRIPT = b"<script>document.title='owned'</script>"


@pytest.fixture
def workflow(workflow: Any) -> Any:
    """Takes files of 1 MB, two with each message."""
    from django_chatkit.models import ChatKitConfiguration

    fields = {"file_upload_enabled": True, "file_upload_max_file_size": 1, "file_upload_max_files": 2}
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="files", **fields)
    workflow.save()
    return workflow


def announce(context: ChatKitContext, content: bytes, name: str = "a", mime_type: str = "text/plain") -> Any:
    params = AttachmentCreateParams(name=name, size=len(content), mime_type=mime_type)
    return async_to_sync(DjangoAttachmentStore().create_attachment)(params, context)


# Names

NAMES = [
    "../../../etc/passwd",
    "/etc/passwd",
    "..\\..\\windows\\system32\\config",
    "C:\\temp\\a.txt",
    "\\\\host\\share\\a.txt",
    "a\0.png",
    "....//....//a",
    "%2e%2e%2fa",
    "..%c0%afa",
    "x" * 10_000,
    "x" * 10_000 + ".txt",
    "大" * 10_000,
    "gpj.\u202eexe",
    "a\u2066\u2069\u200b.txt",
    "a\r\nSet-Cookie: owned=1\r\n\r\n<script>",
    'a"; filename="b.html',
    "a';filename*=utf-8''b.html",
    "\u0065\u0301\u0323" * 30,
    "\ufb01le\uff0etxt",
    "\ufb01" * 200,
    "CON",
    "nul.txt",
    "COM1.png",
    "a.txt:$DATA",
    "a.txt. . .",
    " .htaccess",
    "-rf",
    "$(reboot).txt",
    "`id`|x;y&z.txt",
    "<img src=x onerror=alert(1)>.png",
    "\U0001f96e" * 150,
    "\u2028\u2029a",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_leads_nowhere(issued: Issued, storage: Any, name: str) -> None:
    """It is never a file's; what is shown of it is one plain part of a path, and stays in its header."""
    me, sender = Caller(issued), Sender("asgi")
    made = me.ask(chat.announce(name, 3))
    assert sender("PUT", made["upload_descriptor"]["url"], **raw(b"cup")).status_code == 200
    row = ChatAttachment.objects.get()
    assert row.file.split("/")[0] == files.FOLDER
    assert set(row.file.rpartition("/")[2]) <= set("0123456789abcdef")
    shown = made["name"]
    assert shown == files.safe_name(shown) == unicodedata.normalize("NFC", shown)
    assert 0 < len(shown) <= files.MAX_NAME and shown.isprintable()
    assert not set(shown) & set('/\\<>:"|?*') and shown.strip(".") and not shown.startswith(".")
    delivered = sender("GET", f"{DIRECT}{made['id']}/", headers=issued.headers)
    assert delivered.body == b"cup"
    assert "Set-Cookie" not in delivered
    assert filename_of(delivered["Content-Disposition"]) == shown


def filename_of(disposition: str) -> str:
    """As a browser reads it: one parameter, which holds all of the name."""
    assert disposition.startswith("attachment; ") and "\r" not in disposition and "\n" not in disposition
    message = Message()
    message["Content-Disposition"] = disposition
    parameters = message.get_params(header="Content-Disposition", unquote=True) or []
    assert len(parameters) == 2, parameters
    value = parameters[1][1]
    return value[2].encode("latin1").decode() if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    "name", ["", ".", "..", "...", " . ", "/", "a/..", "\\", "\0", "\u202e\u202e", "\ufeff", "\r\n"]
)
def test_a_name_of_nothing_is_refused(issued: Issued, name: str) -> None:
    assert Caller(issued).refused(chat.announce(name)) == (400, "invalid")
    assert not ChatAttachment.objects.exists()


# What is in them


def png(width: int, height: int, data: bytes) -> bytes:
    """A picture that says that it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.html", content)
    return file.getvalue()


NOTHING = bytes(20_000_000)
FILES = {
    "text/html": b"<!doctype html>" + SCRIPT,
    "application/xhtml+xml": b"<html xmlns='http://www.w3.org/1999/xhtml'>" + SCRIPT + b"</html>",
    "image/svg+xml": b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>",
    "text/xml": b"<?xml-stylesheet type='text/xsl' href='#'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "application/pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    "text/javascript": b"alert(1)",
    "application/wasm": b"\0asm\1\0\0\0",
    "application/x-msdownload": b"MZ\x90\0",
    "application/zip": zipped(NOTHING),
    "application/gzip": gzip.compress(NOTHING),
    "message/rfc822": b"Content-Type: text/html\r\n\r\n" + SCRIPT,
    "multipart/related": b"--x\r\nContent-Type: text/html\r\n\r\n" + SCRIPT + b"\r\n--x--",
    "application/x-shockwave-flash": b"CWS\x09",
    "text/cache-manifest": b"CACHE MANIFEST",
    "text/plain": SCRIPT,
}


@pytest.mark.parametrize("mime_type", FILES)
def test_nothing_but_images_is_shown(send: Sender, context: ChatKitContext, storage: Any, mime_type: str) -> None:
    content = FILES[mime_type]
    made = announce(context, content, "file", mime_type)
    assert getattr(made, "preview_url", None) is None
    assert send("POST", made.upload_descriptor.url, **form(content, "file.png", "image/png")).status_code == 200
    assert content_of(storage, ChatAttachment.objects.get().file) == content
    delivered(send, context, made.id, content, mime_type, "attachment")


POLYGLOTS = {
    "image/gif": b"GIF89a/*" + bytes(9) + b"*/=1;alert(1)//",
    "image/jpeg": b"\xff\xd8\xff\xe0" + b"<!doctype html>" + SCRIPT,
    "image/png": png(1, 1, zlib.compress(b"\0\0")) + zipped(b"x") + SCRIPT,
    "image/webp": b"RIFF\0\0\0\0WEBPVP8 <svg onload=alert(1)>",
}


@pytest.mark.parametrize("mime_type", POLYGLOTS)
def test_an_image_that_is_also_something_else_is_an_image(
    send: Sender, context: ChatKitContext, mime_type: str
) -> None:
    """No browser looks further than the type, and none lets a script of it run."""
    content = POLYGLOTS[mime_type]
    made = announce(context, content, "a.html", mime_type)
    assert send("PUT", made.upload_descriptor.url, **raw(content)).status_code == 200
    delivered(send, context, made.id, content, mime_type, "inline")


@pytest.mark.parametrize("mime_type", sorted(files.SAFE_IMAGES))
@pytest.mark.parametrize(
    "content", [b"<!doctype html>" + SCRIPT, b" " + POLYGLOTS["image/gif"], FILES["image/svg+xml"]]
)
def test_what_is_no_image_does_not_become_one(
    send: Sender, context: ChatKitContext, storage: Any, mime_type: str, content: bytes
) -> None:
    made = announce(context, content, "a.png", mime_type)
    assert send("PUT", made.upload_descriptor.url, **raw(content)).status_code == 400
    assert names_in(storage) == []


@pytest.mark.parametrize(
    "content", [png(65_535, 65_535, zlib.compress(NOTHING, 9)), png(2**31 - 1, 2**31 - 1, b"")], ids=["bomb", "liar"]
)
def test_no_image_is_unpacked(send: Sender, context: ChatKitContext, content: bytes) -> None:
    """20 MB of pixels in 20 KB: nobody here looks at more than the first bytes."""
    made = announce(context, content, "a.png", "image/png")
    assert send("PUT", made.upload_descriptor.url, **raw(content)).status_code == 200
    delivered(send, context, made.id, content, "image/png", "inline")


def test_no_body_is_unpacked(send: Sender, context: ChatKitContext, issued: Issued, storage: Any) -> None:
    packed = gzip.compress(NOTHING)
    made = announce(context, packed)
    packing = {"Content-Encoding": "gzip"}
    assert send("PUT", made.upload_descriptor.url, **raw(packed), headers=packing).status_code == 200
    assert content_of(storage, ChatAttachment.objects.get().file) == packed
    question = gzip.compress(chat.body(chat.threads()))
    assert Caller(issued, **packing).refused(question) == (400, "parse_error")


def delivered(
    send: Sender, context: ChatKitContext, attachment_id: str, content: bytes, mime_type: str, disposition: str
) -> None:
    from django_chatkit.server.addresses import preview_address

    session_id = context.session.session_id
    answer = send("GET", preview_address(context.request, "help", attachment_id, session_id))
    assert answer.status_code == 200
    assert answer.body == content
    assert answer["Content-Type"] == mime_type
    assert answer["Content-Disposition"].split(";")[0] == disposition
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "Content-Encoding" not in answer


# Forms


def part(content: bytes, headers: bytes = b'Content-Disposition: form-data; name="file"; filename="a.txt"') -> bytes:
    return b"--x\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


NAMED = b'Content-Disposition: form-data; name="file"; filename="a.txt"'
NESTED = (
    b'--x\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n'
    b'--y\r\nContent-Disposition: file; filename="a.txt"\r\n\r\ncup\r\n--y--\r\n--x--\r\n'
)
FORMS = {
    "a header of a megabyte": part(b"cup", NAMED + b"\r\nX-Long: " + b"x" * 900_000) + b"--x--\r\n",
    "a thousand headers": part(b"cup", NAMED + b"\r\nX-A: b" * 1000) + b"--x--\r\n",
    "a thousand parts": part(b"", b"Content-Disposition: form-data; name=a") * 1001 + b"--x--\r\n",
    "a thousand files": part(b"", NAMED.replace(b'"file"', b'"other"')) * 101 + b"--x--\r\n",
    "in another form": NESTED,
    "no boundary inside": b"cup",
    "another boundary": part(b"cup").replace(b"--x", b"--z") + b"--z--\r\n",
    "only the end": b"--x--\r\n",
    "no end of the headers": b"--x\r\n" + NAMED,
    "no headers": b"--x\r\n\r\ncup\r\n--x--\r\n",
    "another encoding": part(b"\xff\xfe", NAMED + b"\r\nContent-Transfer-Encoding: base64") + b"--x--\r\n",
    "a name of bytes": part(b"cup", NAMED.replace(b"a.txt", b"\xff\xfe")) + b"--x--\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("boundary", ["x", '"x"', "x" * 300, "", "x; boundary=y"])
def test_odd_forms(send: Sender, context: ChatKitContext, storage: Any, body: bytes, boundary: str) -> None:
    """Either the three bytes are taken, or it is said that they are not; never anything else."""
    made = announce(context, b"cup")
    how = {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}
    response = send("POST", made.upload_descriptor.url, **how)
    assert response.status_code in (200, 400, 413), response.body
    answer = json.loads(response.body)
    assert answer["id"] == made.id if response.status_code == 200 else answer["code"] in ("invalid", "too_large")
    kept = [content_of(storage, name) for name in names_in(storage)]
    assert kept == ([b"cup"] if response.status_code == 200 else [])


# How much there can be


def test_files_of_one_user_have_a_bound(
    issued: Issued, settings: Any, storage: Any, django_capture_on_commit_callbacks: Any
) -> None:
    """However they come, and though they are sent with messages, which makes room for more unsent ones."""
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "UPLOAD_QUOTA": 1}
    me, sender, content = Caller(issued), Sender("asgi"), bytes(400_000)
    for _ in range(2):
        made = me.ask(chat.announce(size=len(content)))
        sender("PUT", made["upload_descriptor"]["url"], **raw(content))
        begun = me.ask(chat.create("Look", (made["id"],)))
    assert me.refused(chat.announce(size=len(content))) == (403, "permission_denied")
    response = sender("POST", DIRECT, **form(content), headers=issued.headers)
    assert (response.status_code, json.loads(response.body)["code"]) == (403, "permission_denied")
    assert len(names_in(storage)) == ChatAttachment.objects.count() == 2
    assert me.ask(chat.announce(size=100_000))["id"]  # that much is left
    with django_capture_on_commit_callbacks(execute=True):
        me.ask(chat.delete(begun.thread_id))
    assert me.ask(chat.announce(size=len(content)))["id"]


def test_no_bound_if_the_site_says_so(issued: Issued, settings: Any) -> None:
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "UPLOAD_QUOTA": None}
    assert Caller(issued).ask(chat.announce(size=1_000_000))["id"]
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "UPLOAD_QUOTA": 0}
    assert Caller(issued).refused(chat.announce(size=1)) == (403, "permission_denied")


# Addresses


@pytest.mark.parametrize("is_expired", ["cancelled", "expired", "cancelled when it had expired"])
def test_an_address_ends_with_a_cancelled_session(
    send: Sender, issued: Issued, context: ChatKitContext, storage: Any, is_expired: str
) -> None:
    """Whoever got hold of one. A session that has expired is another matter: a page is open for longer than that."""
    from django_chatkit import sessions

    content = POLYGLOTS["image/png"]
    shown, waiting = (announce(context, content, "a.png", "image/png") for _ in range(2))
    assert send("PUT", shown.upload_descriptor.url, **raw(content)).status_code == 200
    if is_expired != "cancelled":
        issued.session.expires_at = issued.session.created_at
        issued.session.save()
    if is_expired != "expired":
        sessions.cancel_session(issued.session)
    alive = is_expired != "cancelled"  # what has ended cannot be cancelled
    assert send("GET", shown.preview_url).status_code == (200 if alive else 404)
    assert send("PUT", waiting.upload_descriptor.url, **raw(content)).status_code == (200 if alive else 404)
    assert len(names_in(storage)) == (2 if alive else 1)
