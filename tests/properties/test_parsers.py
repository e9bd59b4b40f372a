"""The parser of request bodies: strict JSON comes through as it is, anything else is a ``ParseError`` and no more."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from django_chatkit.parsers import MAX_BODY_BYTES, MAX_DEPTH, BodyTooLarge, StrictJSONParser

from .anything import json_values, strict_json


def parsed(body: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(body))


def refused(body: bytes) -> bool:
    try:
        parsed(body)
    except ParseError as error:
        assert "\n" not in str(error)
        return True
    return False


@given(strict_json, st.booleans(), st.sampled_from([None, 0, 2]))
def test_strict_json_comes_through_as_it_is(value: Any, ascii_only: Any, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent, allow_nan=False).encode()
    assert parsed(body) == value


#: Pieces of JSON, whole and broken, in any order.
PIECES = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"\\ud800"', b"\xff", b"\x00", b" ", b"1", b"-", b"1e999",
    b"-1e999",    b"1e-999", b"NaN", b"-Infinity", b"null", b"\xef\xbb\xbf", b"'a'", b"9" * 5000, b"\\u0000",
)  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
odd_values = st.sampled_from(PIECES).map(lambda piece: b'{"a": [1, ' + piece + b"]}")


@given(pieces | odd_values | st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_what_comes_through_is_strict_and_the_rest_is_refused(body: bytes) -> None:
    if not refused(body):
        value = parsed(body)
        # A number beyond all numbers is infinite; the field that it is in refuses it by its name.
        assert json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.integers(0, 100), st.booleans())
def test_the_limit_of_depth_is_exact(depth: int, lists: object) -> None:
    opened, closed = (b"[", b"]") if lists else (b'{"a":', b"}")
    assert refused(opened * depth + b"1" + closed * depth) == (depth >= MAX_DEPTH)


@given(st.integers(-3, 3))
def test_the_limit_of_size_is_exact(more: int) -> None:
    body = b" " * (MAX_BODY_BYTES + more - 2) + b"{}"
    try:
        assert parsed(body) == {}
    except BodyTooLarge:
        assert more > 0
    else:
        assert more <= 0


@given(strict_json, st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
def test_a_repeated_name_is_refused_wherever_it_is(value: Any, name: str) -> None:
    pair = f"{json.dumps(name)}: {json.dumps(value)}"
    assert refused(f'[{{"outer": {{{pair}, {pair}}}}}]'.encode())
