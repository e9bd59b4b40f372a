from __future__ import annotations

import math
from decimal import Decimal

import pytest

from django_chatkit.models import Workflow
from django_chatkit.redaction import Secret
from django_chatkit.rules import API_KEY_RULES, MAX_NAMESPACE, RULES

HEADERS_GOOD = ["sk-proj-1_2", Secret("sk-1"), "!~", "", None]
HEADERS_BAD = [" sk-1", "sk-1\n", "sk 1", "sk-é", "sk-1\0", "sk\t1", "…", b"sk-1", 1, ["sk-1"], True]
ROOTS_GOOD = [
    "https://api.openai.com/v1",
    "https://api.openai.com/v1/",
    "http://127.0.0.1:8000/v1",
    "http://localhost",
    "https://[::1]:8443/v1",
]
ROOTS_BAD = [
    "api.openai.com/v1",
    "ftp://api.openai.com/v1",
    "https://",
    "https:///v1",
    "//api.openai.com",
    "/v1",
    "https://api.openai.com/v1 ",
    "https://api.openai.com/v1\n",
    "https://user@api.openai.com/v1",
    "https://user:word@api.openai.com/v1",
    "https://api.openai.com/v1?a=1",
    "https://api.openai.com/v1#a",
    "https://api.openai.com:99999/v1",
    "https://api.openai.com:port/v1",
    "https://api.openai.com:0/v1",
    "https://[::1/v1",
    b"https://api.openai.com/v1",
    1,
    True,
]
SECONDS_BAD = [0, -1, 10**10, 0.0, -0.5, math.nan, math.inf, "10", None, True, False, Decimal(1), "", {}, 1j]
CALLABLES = (["app.module.name", len, lambda user, request=None: "x", Workflow, None, ""], [1, 1.5, True, ["a"], {}])
SWITCHES = ([True, False], [None, 0, 1, "", "True", "no", []])
NAMED = (
    [{}, {"a": "b"}, {"n" * 100: 1}],
    [None, "", [], "a", {"": "b"}, {1: "b"}, {None: "b"}, {"n" * 101: "b"}, [("a", "b")]],
)

VALUES = {
    "API_KEY": (HEADERS_GOOD, HEADERS_BAD),
    "API_KEYS": NAMED,
    "BASE_URL": (ROOTS_GOOD, [*ROOTS_BAD, None, ""]),
    "ORGANIZATION": (HEADERS_GOOD, HEADERS_BAD),
    "PROJECT": (HEADERS_GOOD, HEADERS_BAD),
    "TIMEOUT": (
        [1, 0.5, (3.05, 10), [3, 10], 600],
        [*SECONDS_BAD, (), (1,), (1, 2, 3), (1, None), (0, 1), (1, 0), (True, 1), ("1", "2"), {1, 2}],
    ),
    "DEADLINE": ([1, 0.5, 15, 600], [*SECONDS_BAD, (1, 2), [1]]),
    "MAX_RETRIES": ([0, 1, 2, 10], [-1, 1.0, "2", None, True, False, "", []]),
    "USER_NAMESPACE": (
        ["staging", "staging:eu", "büro", "n" * MAX_NAMESPACE, "", None],
        ["n" * (MAX_NAMESPACE + 1), "a\0b", "a\nb", "a\ud800", 1, b"staging", ["staging"]],
    ),
    "USER_IDENTIFIER": CALLABLES,
    "STATE_VARIABLES": CALLABLES,
    "PERMISSION_CLASSES": ([[], (), ["a.b"], [object]], ["a.b", None, {}, {"a.b"}, object, ""]),
    "THROTTLE_RATE": (
        ["1/s", "10/min", "10/minute", "100/h", "5/day", "010/m", "", None],
        [
            "0/min",
            "00/s",
            "10",
            "10/",
            "/min",
            "-1/min",
            "1.5/min",
            "10/x",
            "10/5min",
            "10/MIN",
            " 1/m",
            "1/m\n",
            10,
            True,
        ],
    ),
    "REUSE_SESSIONS": SWITCHES,
    "CANCEL_ON_LOGOUT": SWITCHES,
    "UPLOAD_QUOTA": ([0, 1, 5120, "", None], [-1, 1.0, "5", True, False, []]),
    "DEFAULT_WORKFLOW": (
        ["support", "a-b_C9", "s" * 50, "", None],
        ["s" * 51, "a b", "a/b", "ä", "a\n", 1, ["support"]],
    ),
    "SCRIPT_URL": (
        ["https://cdn.example/chatkit.js", "http://127.0.0.1:9/x.js?v=1", "/static/x.js", "//cdn.example/x.js"],
        ["x.js", "./x.js", "javascript:alert(1)", "data:,", "/a b.js", "/a\n", "", None, 1, True],
    ),
    "DOMAIN_KEY": (HEADERS_GOOD, HEADERS_BAD),
    "AGENTS": NAMED,
}

ENTRY_VALUES = {
    "api_key": (HEADERS_GOOD, HEADERS_BAD),
    "organization": (HEADERS_GOOD, HEADERS_BAD),
    "project": (HEADERS_GOOD, HEADERS_BAD),
    "base_url": ([*ROOTS_GOOD, None, ""], ROOTS_BAD),
}


def _shown(value):
    """Without addresses in memory: every process has to call a test the same."""
    return repr(value).partition(" at 0x")[0][:40].encode("ascii", "replace").decode()


def cases(rules, table, column):
    return [
        pytest.param(rules[name], value, id=f"{name}-{_shown(value)}")
        for name, values in table.items()
        for value in values[column]
    ]


def test_the_tables_here_are_complete():
    assert set(VALUES) == set(RULES)
    assert set(ENTRY_VALUES) == set(API_KEY_RULES)


@pytest.mark.parametrize(("rule", "value"), [*cases(RULES, VALUES, 0), *cases(API_KEY_RULES, ENTRY_VALUES, 0)])
def test_admitted(rule, value):
    assert rule.admits(value) is True


@pytest.mark.parametrize(("rule", "value"), [*cases(RULES, VALUES, 1), *cases(API_KEY_RULES, ENTRY_VALUES, 1)])
def test_refused(rule, value):
    assert rule.admits(value) is False


def test_names_of_keys_fit_into_the_workflow():
    assert Workflow._meta.get_field("api_key").max_length == 100


def test_slugs_are_those_of_workflows():
    assert Workflow._meta.get_field("slug").max_length == 50


def test_a_namespace_leaves_room_in_the_identifier():
    from django_chatkit.models import ChatSession

    assert ChatSession._meta.get_field("user_identifier").max_length - MAX_NAMESPACE >= 256
