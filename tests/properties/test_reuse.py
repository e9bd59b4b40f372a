"""The cookie that brings a session back: what was remembered is recalled, and nothing else ever is."""

from __future__ import annotations

from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from hypothesis import assume, given
from hypothesis import strategies as st

from django_chatkit import reuse
from django_chatkit.redaction import Secret
from django_chatkit.reuse import Remembered, fingerprint, recall

from .anything import good_texts, strict_json, texts

secrets = good_texts.filter(lambda text: text.isprintable() and text != "").map(Secret)
remembered = st.builds(Remembered, secrets, st.integers(1, 2**63 - 1))
slugs = st.from_regex("[-a-zA-Z0-9_]{1,50}", fullmatch=True)
digests = st.from_regex("[0-9a-f]{64}", fullmatch=True)


def carrying(slug: str, value: Any) -> HttpRequest:
    request = HttpRequest()
    request.path = "/chatkit/sessions/"
    request.COOKIES = {reuse.COOKIE_PREFIX + slug: value}
    return request


def cookie_of(slug: str, what: Remembered, made_for: str) -> str | None:
    response = HttpResponse()
    reuse.remember(HttpRequest(), response, slug, what, made_for, 500)
    morsel = response.cookies.get(reuse.COOKIE_PREFIX + slug)
    return None if morsel is None else str(morsel.value)


@given(slugs, remembered, digests, digests)
def test_what_was_remembered_is_recalled_for_the_same_request_only(
    slug: str, what: Remembered, made_for: str, other: str
) -> None:
    cookie = cookie_of(slug, what, made_for)
    assert cookie is not None
    recalled = recall(carrying(slug, cookie), slug, made_for)
    assert recalled == what
    assert isinstance(recalled.client_secret, Secret)
    assert (recall(carrying(slug, cookie), slug, other) is None) == (made_for != other)
    assert recall(carrying(slug, cookie), slug + "x", made_for) is None


#: The alphabet of cookies, and what is near to it.
characters = st.sampled_from("abcXYZ019-_:=.+/ \n\0é\ud800")


@given(remembered, digests, st.data())
def test_whatever_is_changed_in_it_nothing_is_recalled(what: Remembered, made_for: str, data: st.DataObject) -> None:
    cookie = cookie_of("support", what, made_for)
    assert cookie is not None
    start = data.draw(st.integers(0, len(cookie)), "start")
    end = data.draw(st.integers(start, min(start + 3, len(cookie))), "end")
    mutated = cookie[:start] + data.draw(st.text(characters, max_size=3), "instead") + cookie[end:]
    assume(mutated != cookie)
    assert recall(carrying("support", mutated), "support", made_for) is None


@given(texts | st.from_regex("[.]?[A-Za-z0-9_-]*:[A-Za-z0-9_-]*:[A-Za-z0-9_-]*", fullmatch=True), digests)
def test_whatever_somebody_makes_up_nothing_is_recalled(value: str, made_for: str) -> None:
    assert recall(carrying("support", value), "support", made_for) is None


@given(strict_json, digests, st.sampled_from(["", "django.contrib.sessions", "django_chatkit.pseudonym"]))
def test_what_the_site_signed_for_another_purpose_is_not_recalled(value: Any, made_for: str, salt: str) -> None:
    for signed in (value, ["secret", 1, made_for]):
        assert recall(carrying("support", signing.dumps(signed, salt=salt)), "support", made_for) is None


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=6000), digests)
def test_a_cookie_is_never_larger_than_browsers_take(secret: str, made_for: str) -> None:
    response = HttpResponse()
    reuse.remember(HttpRequest(), response, "s" * 50, Remembered(Secret(secret), 1), made_for, 570)
    assert all(len(morsel.OutputString()) <= reuse.MAX_COOKIE_BYTES for morsel in response.cookies.values())


@given(st.dictionaries(good_texts, strict_json, max_size=3), st.lists(good_texts, max_size=3), st.data())
def test_two_requests_have_one_fingerprint_only_if_they_are_the_same(
    request_: dict[str, Any], circumstances: list[str], data: st.DataObject
) -> None:
    same = fingerprint(dict(reversed(request_.items())), *circumstances)
    assert fingerprint(request_, *circumstances) == same
    assert fingerprint({**request_, "\0new": 1}, *circumstances) != same
    assert fingerprint(request_, *circumstances, "") != same
    if circumstances:
        joined = "".join(circumstances)
        assert len(circumstances) == 1 or fingerprint(request_, joined) != same
