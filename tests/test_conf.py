from __future__ import annotations

import copy
import pickle

import pytest
from django.test import override_settings

from django_chatkit.conf import SCRIPT_URL, Settings, conf
from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.redaction import Secret
from django_chatkit.rules import RULES

DEFAULTS = {
    "API_KEY": None,
    "API_KEYS": {},
    "BASE_URL": "https://api.openai.com/v1",
    "ORGANIZATION": None,
    "PROJECT": None,
    "TIMEOUT": (3.05, 10),
    "DEADLINE": 15,
    "MAX_RETRIES": 2,
    "USER_NAMESPACE": None,
    "USER_IDENTIFIER": None,
    "STATE_VARIABLES": None,
    "THROTTLE_RATE": "10/min",
    "REUSE_SESSIONS": True,
    "CANCEL_ON_LOGOUT": True,
    "UPLOAD_QUOTA": 5_120,
    "DEFAULT_WORKFLOW": None,
    "SCRIPT_URL": "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js",
    "DOMAIN_KEY": None,
    "AGENTS": {},
}

GIVEN = {
    "API_KEY": ("sk-1", "sk-1"),
    "API_KEYS": ({"second": "sk-2"}, {"second": "sk-2"}),
    "BASE_URL": ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
    "ORGANIZATION": ("org-1", "org-1"),
    "PROJECT": ("proj_1", "proj_1"),
    "TIMEOUT": ([1, 2], (1, 2)),
    "DEADLINE": (3, 3.0),
    "MAX_RETRIES": (0, 0),
    "USER_NAMESPACE": ("staging", "staging"),
    "USER_IDENTIFIER": ("builtins.str", str),
    "STATE_VARIABLES": (dict, dict),
    "THROTTLE_RATE": ("3/hour", "3/hour"),
    "REUSE_SESSIONS": (False, False),
    "CANCEL_ON_LOGOUT": (False, False),
    "UPLOAD_QUOTA": (1, 1),
    "DEFAULT_WORKFLOW": ("support", "support"),
    "SCRIPT_URL": ("/static/stand-in.js", "/static/stand-in.js"),
    "DOMAIN_KEY": ("domain_pk_1", "domain_pk_1"),
    "AGENTS": ({"a": "app.a"}, {"a": "app.a"}),
}

#: Settings where an empty value means that nothing is set.
EMPTY_IS_UNSET = [name for name, default in DEFAULTS.items() if default is None]


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_every_setting_has_a_property_a_rule_and_a_default_here():
    settings_there_are = {name for name in vars(Settings) if name.isupper()}
    assert settings_there_are == set(RULES) == {*DEFAULTS, "PERMISSION_CLASSES"} == {*GIVEN, "PERMISSION_CLASSES"}


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_default(settings, name, default):
    settings.DJANGO_CHATKIT = {}
    assert getattr(conf, name) == default
    del settings.DJANGO_CHATKIT
    assert getattr(conf, name) == default


@pytest.mark.parametrize(("name", "given", "expected"), [(name, *pair) for name, pair in GIVEN.items()])
def test_given_value(settings, name, given, expected):
    settings.DJANGO_CHATKIT = {name: given}
    assert getattr(conf, name) == expected


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("name", EMPTY_IS_UNSET)
def test_an_empty_value_is_none(settings, name, empty):
    settings.DJANGO_CHATKIT = {name: empty}
    assert getattr(conf, name) is None


def test_nothing_is_cached():
    with override_settings(DJANGO_CHATKIT={"MAX_RETRIES": 5, "BASE_URL": "https://outer.example/v1"}):
        with override_settings(DJANGO_CHATKIT={"MAX_RETRIES": 7}):
            assert (conf.MAX_RETRIES, conf.BASE_URL) == (7, "https://api.openai.com/v1")
        assert (conf.MAX_RETRIES, conf.BASE_URL) == (5, "https://outer.example/v1")
    assert vars(conf) == {}
    assert all(isinstance(vars(Settings)[name], property) for name in RULES)


@pytest.mark.parametrize("value", [None, [], "sk-1", 5])
def test_not_a_dictionary(settings, value):
    settings.DJANGO_CHATKIT = value
    with pytest.raises(ChatKitNotConfigured, match="DJANGO_CHATKIT must be a dictionary") as caught:
        conf.BASE_URL  # noqa: B018
    assert "sk-1" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "own", "sdk", "expected"),
    [
        ("sk-given", "sk-own", "sk-sdk", "sk-given"),
        (None, "sk-own", "sk-sdk", "sk-own"),
        ("", "sk-own", "sk-sdk", "sk-own"),
        (None, None, "sk-sdk", "sk-sdk"),
        (None, "", "sk-sdk", "sk-sdk"),
        (None, "", "", None),
        (None, None, None, None),
    ],
)
def test_where_the_key_comes_from(settings, monkeypatch, given, own, sdk, expected):
    settings.DJANGO_CHATKIT = {"API_KEY": given}
    for name, value in (("CHATKIT_OPENAI_API_KEY", own), ("OPENAI_API_KEY", sdk)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert expected == conf.API_KEY
    assert expected is None or isinstance(conf.API_KEY, Secret)


@pytest.mark.parametrize("timeout", [4, 4.0, (4, 4), [4, 4]])
def test_one_timeout_means_both(settings, timeout):
    settings.DJANGO_CHATKIT = {"TIMEOUT": timeout}
    assert conf.TIMEOUT == (4, 4)


def test_permission_classes_by_default(settings):
    from rest_framework.permissions import IsAuthenticated

    settings.DJANGO_CHATKIT = {}
    assert [IsAuthenticated] == conf.PERMISSION_CLASSES


def test_permission_classes_as_paths_and_as_classes(settings):
    from rest_framework.permissions import AllowAny, IsAdminUser

    settings.DJANGO_CHATKIT = {"PERMISSION_CLASSES": ("rest_framework.permissions.IsAdminUser", AllowAny)}
    assert [IsAdminUser, AllowAny] == conf.PERMISSION_CLASSES


@pytest.mark.parametrize("path", ["nowhere.at_all", "builtins.nothing", "str"])
@pytest.mark.parametrize("name", ["USER_IDENTIFIER", "STATE_VARIABLES"])
def test_a_path_that_cannot_be_imported(settings, name, path):
    settings.DJANGO_CHATKIT = {name: path}
    with pytest.raises(ChatKitNotConfigured) as caught:
        getattr(conf, name)
    assert f"DJANGO_CHATKIT['{name}']: '{path}' cannot be imported" in str(caught.value)
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_permission_class_that_cannot_be_imported(settings):
    settings.DJANGO_CHATKIT = {"PERMISSION_CLASSES": ["nowhere.at_all"]}
    with pytest.raises(ChatKitNotConfigured, match="PERMISSION_CLASSES"):
        conf.PERMISSION_CLASSES  # noqa: B018


@pytest.mark.parametrize(
    ("debug", "given", "expected"), [(True, None, "local-dev"), (True, "dk", "dk"), (False, "", None)]
)
def test_domain_key(settings, debug, given, expected):
    settings.DEBUG = debug
    settings.DJANGO_CHATKIT = {"DOMAIN_KEY": given}
    assert expected == conf.DOMAIN_KEY


GLOBALS = {
    "API_KEY": "sk-default",
    "ORGANIZATION": "org-default",
    "PROJECT": "proj-default",
    "BASE_URL": "https://default.example/v1/",
}

CREDENTIALS = {
    "the default key": ("", ("sk-default", "https://default.example/v1", "org-default", "proj-default")),
    "a named key inherits the base URL only": ("plain", ("sk-plain", "https://default.example/v1", None, None)),
    "the long form, too": ("long", ("sk-long", "https://default.example/v1", None, None)),
    "everything of its own": ("full", ("sk-full", "https://full.example/v1", "org-full", "proj-full")),
    "empty fields are unset": ("empty", ("sk-empty", "https://default.example/v1", None, None)),
}

KEYS = {
    "plain": "sk-plain",
    "long": {"api_key": "sk-long"},
    "full": {
        "api_key": "sk-full",
        "organization": "org-full",
        "project": "proj-full",
        "base_url": "https://full.example/v1/",
    },
    "empty": {"api_key": "sk-empty", "organization": "", "project": None, "base_url": ""},
    "keyless": {"organization": "org-canary"},
    "blank": "",
    "none": None,
}


@pytest.mark.parametrize(("name", "expected"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials(settings, name, expected):
    settings.DJANGO_CHATKIT = {**GLOBALS, "API_KEYS": KEYS}
    found = conf.credentials(name)
    assert (found.api_key, found.base_url, found.organization, found.project) == expected
    assert isinstance(found.api_key, Secret)


@pytest.mark.parametrize("name", ["unknown", "keyless", "blank", "none"])
def test_a_named_key_that_is_not_there(settings, name):
    settings.DJANGO_CHATKIT = {**GLOBALS, "API_KEYS": KEYS}
    with pytest.raises(ChatKitNotConfigured) as caught:
        conf.credentials(name)
    known = ", ".join(map(repr, KEYS))
    assert str(caught.value) == f"DJANGO_CHATKIT['API_KEYS'] has no key of the workflow's name; it has: {known}."


def test_a_key_stored_in_place_of_its_name_is_not_shown(settings):
    settings.DJANGO_CHATKIT = {}
    with pytest.raises(ChatKitNotConfigured) as caught:
        conf.credentials("sk-a-key-itself")
    assert str(caught.value) == "DJANGO_CHATKIT['API_KEYS'] has no key of the workflow's name; it has: none."


def test_no_default_key(settings):
    settings.DJANGO_CHATKIT = {"API_KEYS": KEYS}
    with pytest.raises(ChatKitNotConfigured, match=r"set DJANGO_CHATKIT\['API_KEY'\] or .* CHATKIT_OPENAI_API_KEY"):
        conf.credentials()


def test_credentials_never_show_their_key(settings):
    settings.DJANGO_CHATKIT = GLOBALS
    found = conf.credentials()
    assert "sk-default" not in repr(found)
    assert copy.deepcopy(found) == found
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(found)


def test_the_script_is_openais():
    assert conf.SCRIPT_URL == SCRIPT_URL
