from __future__ import annotations

import asyncio
import logging
import runpy
from pathlib import Path

import pytest

from django_chatkit.conf import SCRIPT_URL, conf

from .. import example
from ..example import EXAMPLE


def test_a_key_in_the_environment_is_not_used_by_the_demo(settings, read_settings):
    settings.DJANGO_CHATKIT = read_settings(OPENAI_API_KEY="sk-mine", CHATKIT_OPENAI_API_KEY="sk-mine")[
        "DJANGO_CHATKIT"
    ]
    credentials = conf.credentials()
    assert credentials.api_key == "sk-demo-not-a-real-key"
    assert credentials.base_url == "http://127.0.0.1:8000/openai/v1"
    assert conf.SCRIPT_URL == "/static/openai_standin/chatkit.js"


@pytest.mark.parametrize("value", ["", "0", "true", "yes", " 1"])
def test_only_1_goes_live(read_settings, value):
    assert read_settings(CHATKIT_DEMO_LIVE=value)["CHATKIT_DEMO_LIVE"] is False


def test_the_live_demo_uses_openai_and_the_key_of_the_environment(settings, read_settings):
    live = read_settings(CHATKIT_DEMO_LIVE="1", OPENAI_API_KEY="sk-mine")
    settings.DJANGO_CHATKIT = live["DJANGO_CHATKIT"]
    assert conf.credentials().api_key == "sk-mine"
    assert conf.credentials().base_url == "https://api.openai.com/v1"
    assert conf.SCRIPT_URL == SCRIPT_URL
    assert "openai_standin" not in live["INSTALLED_APPS"]
    assert "OPENAI_STANDIN_KEYS" not in live


@pytest.mark.parametrize("live", ["0", "1"])
def test_the_stand_in_is_mounted_unless_live(site, live):
    site(CHATKIT_DEMO_LIVE=live)
    patterns = runpy.run_path(str(EXAMPLE / "config/urls.py"))["urlpatterns"]
    assert ("openai/v1/" in [str(pattern.pattern) for pattern in patterns]) is (live == "0")


def test_the_stand_in_is_looked_for_on_the_port_of_the_site(settings, read_settings):
    settings.DJANGO_CHATKIT = read_settings(CHATKIT_DEMO_PORT="8765")["DJANGO_CHATKIT"]
    assert conf.BASE_URL == "http://127.0.0.1:8765/openai/v1"


def test_the_site_answers_to_this_machine_only(read_settings):
    assert read_settings()["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]


def test_live_and_demo_keep_their_records_apart(read_settings):
    names = [read_settings(CHATKIT_DEMO_LIVE=live)["DATABASES"]["default"]["NAME"] for live in ("0", "1")]
    assert names == [EXAMPLE / "demo.sqlite3", EXAMPLE / "live.sqlite3"]
    assert read_settings(CHATKIT_DEMO_DATABASE="other")["DATABASES"]["default"]["NAME"] == Path("other")


def test_files_of_visitors_are_kept_beside_the_database_and_not_in_the_repository(read_settings):
    location = read_settings()["STORAGES"]["chatkit"]["OPTIONS"]["location"]
    assert location == EXAMPLE / "demo.files"
    assert "/example_project/*.files/" in (example.ROOT / ".gitignore").read_text().splitlines()


def test_a_stream_that_ctrl_c_cancels_leaves_no_traceback_and_other_failures_do(read_settings):
    unless_stopped = read_settings()["LOGGING"]["filters"]["unless_stopped"]["callback"]
    record = logging.makeLogRecord({})
    assert unless_stopped(record)
    for error, is_logged in ((asyncio.CancelledError(), False), (ValueError(), True)):
        record.exc_info = (type(error), error, None)
        assert unless_stopped(record) is is_logged
