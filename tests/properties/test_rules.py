"""The rules of the settings: they judge whatever is there, and what they let pass works where it is used."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests
from django.core.validators import validate_slug
from hypothesis import assume, given
from hypothesis import strategies as st
from rest_framework.throttling import SimpleRateThrottle
from urllib3.util import Timeout

from django_chatkit.client import ChatKitClient
from django_chatkit.rules import API_KEY_RULES, RULES, Rule, is_url

from .anything import objects, texts

ALL = {**RULES, **{f"API_KEYS: {name}": rule for name, rule in API_KEY_RULES.items()}}


@pytest.mark.parametrize("rule", ALL.values(), ids=ALL)
@given(value=objects)
def test_a_rule_has_an_answer_to_everything(rule: Rule, value: object) -> None:
    assert rule.admits(value) in (True, False)


headers = texts | st.text(st.characters(max_codepoint=0x17F), min_size=1) | st.from_regex("[!-~]+", fullmatch=True)


@given(headers)
def test_a_key_that_is_admitted_can_be_sent_and_no_other(key: str) -> None:
    assume(key)
    try:
        client = ChatKitClient(key, organization=key, project=key)
    except ValueError:
        assert not RULES["API_KEY"].admits(key)
    else:
        assert RULES["API_KEY"].admits(key)
        requests.Request("POST", "http://a/", {**client.headers("POST"), "Authorization": f"Bearer {key}"}).prepare()


urls = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "ftp://", "//", "javascript:", "HTTP://"]),
    st.sampled_from(["", "a", "[::1]", "[", "127.0.0.1", "a:1",
                     "a:0", "a:x", "a:99999", "u@a", "u:p@a", "ä.de", "a b"]),
    st.sampled_from(["", "/", "/v1", "/v1/", "/v1?x=1", "/#x", "/\r\nX: 1", "/\\"]),
    st.just("") | texts,
)  # fmt: skip


@given(urls | texts)
def test_an_api_root_that_is_admitted_is_where_requests_go(url: str) -> None:
    if RULES["BASE_URL"].admits(url):
        assert is_url(url)
        prepared = requests.Request("POST", url.rstrip("/") + "/chatkit/sessions", auth=("u", "p")).prepare()
        assert prepared.url is not None
        assert prepared.url.lower().startswith(("http://", "https://"))
        assert prepared.url.endswith("/chatkit/sessions")
        assert not {"@", "?", "#", "\r", "\n", " "} & set(prepared.url)


seconds = st.floats() | st.integers(-5, 10**20) | st.floats(0, 1e12)


@given(seconds | st.lists(seconds, max_size=3) | st.tuples(seconds, seconds))
def test_a_timeout_that_is_admitted_can_be_waited_for(value: Any) -> None:
    if RULES["TIMEOUT"].admits(value):
        connect, read = value if isinstance(value, list | tuple) else (value, value)
        Timeout(connect=connect, read=read)
        with socket.socket() as sock:
            for each in (connect, read):
                sock.settimeout(each)
                assert sock.gettimeout()


rates = st.builds(
    "{}/{}".format, st.integers(-1, 10**6) | st.just("010"), st.sampled_from(["min", "s", "d", "h", "x", ""])
)


@given(rates | texts | st.from_regex("[0-9]{1,3}/[a-z]{1,4}", fullmatch=True))
def test_a_rate_that_is_admitted_means_something_to_rest_framework(rate: str) -> None:
    if RULES["THROTTLE_RATE"].admits(rate) and rate:
        number, duration = SimpleRateThrottle.parse_rate(None, rate)  # type: ignore[arg-type]
        assert number > 0
        assert duration > 0


@given(texts | st.from_regex("[-a-zA-Z0-9_]{1,60}", fullmatch=True))
def test_a_default_workflow_that_is_admitted_is_a_slug(slug: str) -> None:
    if RULES["DEFAULT_WORKFLOW"].admits(slug) and slug:
        validate_slug(slug)
        assert len(slug) <= 50
