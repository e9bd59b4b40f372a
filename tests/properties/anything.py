"""Strategies: whatever JSON can say, whatever Python can hold, and whatever breaks out of a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

#: What has broken parsers, pages, headers and databases before.
ODD_TEXTS = (
    "", " ", "\0", "\ud800", "\udfff", "\n", "\r\nX-Evil: 1", "\u2028", "\ufeff", "\u202e", "İ", "ß", "a\u0301", "💬",
    "</script><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onload='alert(1)", "--><!--", "]]>",
    "&quot;><script>", "&#34; onclick=alert(1) x=&#34;", "{{ 1 }}{% debug %}", "<django-chatkit config='{}'>",
    "javascript:alert(1)", "`${alert(1)}`", "\\", "\\\"", "__proto__", "constructor", "NaN", "null", "-0", "1e999",
    "../../etc/passwd", "%00", "%s%n", "a" * 600,
)  # fmt: skip

#: Every text that Python can hold, halves of surrogate pairs and NUL too.
texts = st.sampled_from(ODD_TEXTS) | st.text(st.characters(), max_size=40)
#: Every text that UTF-8 and all databases can hold.
good_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
numbers = st.integers() | st.integers(-(2**64), 2**64) | st.floats()
primitives = st.none() | st.booleans() | numbers | texts


def nested(leaves: st.SearchStrategy[Any], names: st.SearchStrategy[Any] = texts) -> st.SearchStrategy[Any]:
    """Lists and objects of ``leaves``, up to a few levels."""
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
    )


#: What ``json.loads`` may return, NaN and infinity too.
json_values = nested(primitives)
#: What strict JSON in UTF-8 can carry.
strict_json = nested(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
)  # fmt: skip
#: What nobody would write.
objects = json_values | st.binary(max_size=8) | st.tuples(primitives, primitives) | st.builds(object) | st.decimals()


@contextmanager
def undone() -> Iterator[None]:
    """Whatever one example writes is gone before the next."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
