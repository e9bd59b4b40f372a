from __future__ import annotations

import os
import re
import socket
from datetime import date, timedelta
from decimal import Decimal
from importlib import util

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import CommandError

from django_chatkit.conf import conf
from django_chatkit.models import ChatKitConfiguration, Workflow

from ..example import EXAMPLE, free_port
from .running import demo


def test_the_demo_loads_everything_and_says_how_to_get_in(site, shop, client):
    site()
    printed = demo("--port", "8123")
    assert "http://127.0.0.1:8123/" in printed
    assert "the agent of this site, over a small local model. No account, no key" in printed
    for name in ("demo", "mika", "admin"):
        assert f"{name} / {name}" in printed
        assert client.login(username=name, password=name)
        assert (client.get("/admin/").status_code == 200) is (name == "admin")
    workflow = Workflow.objects.get(slug="support")
    assert workflow.is_self_hosted
    assert workflow.agent in conf.AGENTS
    assert workflow.workflow_id in django_settings.OPENAI_STANDIN_KEYS[conf.API_KEY]["workflows"]
    preset = ChatKitConfiguration.objects.get()
    assert workflow.chatkit_configuration == preset
    assert (preset.file_upload_enabled, preset.file_upload_max_file_size, preset.file_upload_max_files) == (True, 2, 3)


def test_who_runs_the_workflow_is_one_change_there_and_back(site, shop):
    site()
    demo()
    for backend, printed in (("hosted", "a stand-in for OpenAI"), ("self_hosted", "the agent of this site")):
        workflow = Workflow.objects.get()
        workflow.backend = backend
        workflow.full_clean()
        workflow.save()
        assert printed in demo()
        assert Workflow.objects.get().backend == backend


def test_the_demo_can_be_repeated_repairs_logins_and_keeps_what_was_edited(site, shop, client):
    site()
    demo()
    client.login(username="mika", password="mika")
    User.objects.filter(username="demo").update(password="!", is_active=False)
    Workflow.objects.update(name="Renamed", workflow_id="wf_typo", is_active=False)
    ChatKitConfiguration.objects.update(file_upload_enabled=False)
    demo()
    assert client.get("/chat/").status_code == 200
    assert client.login(username="demo", password="demo")
    assert User.objects.count() == 3
    workflow = Workflow.objects.get()
    assert (workflow.name, workflow.workflow_id, workflow.is_active) == ("Renamed", "wf_demo_support", True)
    assert workflow.chatkit_configuration.file_upload_enabled is False


def test_the_workflow_of_an_earlier_version_moves_to_this_site_once(site, shop):
    site()
    preset = ChatKitConfiguration.objects.create(name="Help desk", file_upload_enabled=False, history_recent_threads=7)
    old = Workflow.objects.create(
        slug="support", name="Mine", workflow_id="wf_demo_support", chatkit_configuration=preset, expires_after=60
    )
    assert not old.is_self_hosted
    demo()
    moved = Workflow.objects.get()
    assert (moved.pk, moved.is_self_hosted, moved.name, moved.expires_after) == (old.pk, True, "Mine", 60)
    assert moved.chatkit_configuration.file_upload_enabled is True
    assert moved.chatkit_configuration.history_recent_threads == 7
    Workflow.objects.update(backend=Workflow.Backend.HOSTED)
    demo()
    assert not Workflow.objects.get().is_self_hosted


def test_orders_stay_as_they_were_left_and_their_days_move_on(site, shop):
    from shop.models import Order

    site()
    demo()
    parcel = Order.objects.get(number="KM-1042")
    assert (str(parcel.user), parcel.status, parcel.total) == ("demo", "sent", Decimal("23.90"))
    Order.objects.update(status="cancelled", ordered_on=date(2026, 1, 1), expected_on=date(2026, 1, 2))
    demo()
    parcel.refresh_from_db()
    assert parcel.status == "cancelled"
    assert parcel.expected_on > date(2026, 1, 2)
    assert parcel.expected_on - parcel.ordered_on == timedelta(days=7)
    assert [(line.bags, line.tea.name) for line in parcel.lines.all()] == [(1, "Peppermint"), (2, "Sencha")]
    assert Order.objects.get(number="KM-1044").delivery_cost == 0


def test_orders_belong_to_their_users_and_are_cancelled_once(site, shop):
    from shop.models import Order

    site()
    demo()
    own, other = (Order.objects.of(User.objects.get(username=name)) for name in ("demo", "mika"))
    assert not Order.objects.of(None).exists()
    assert own.current(Order.Status.SENT).number == "KM-1042"
    assert own.numbered("km-1047 ").number == "KM-1047"
    assert other.numbered("KM-1047") is None
    assert not other.cancel("KM-1047")
    assert [own.cancel("KM-1047"), own.cancel("KM-1047"), own.cancel("KM-1042")] == [True, False, False]
    assert own.current(Order.Status.PACKING).number == "KM-1047"


@pytest.mark.parametrize("missing", ["uvicorn", "chatkit"])
def test_what_must_be_installed_to_serve_is_said(site, monkeypatch, missing):
    site()
    found = util.find_spec
    monkeypatch.setattr(
        "shop.management.commands.demo.find_spec", lambda name: None if name == missing else found("io")
    )
    with pytest.raises(CommandError, match=re.escape("pip install '.[demo]'")):
        demo(serve=True)


@pytest.fixture
def server_is_installed(shop_tables, monkeypatch):
    """As far as the command looks."""
    monkeypatch.setattr("shop.management.commands.demo.find_spec", lambda name: util.find_spec("io"))


def test_a_taken_port_is_named_before_anything_is_done(site, server_is_installed):
    site()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CommandError, match=f"port {port}.*--port"):
            demo("--port", str(port), serve=True)


def test_an_impossible_port_is_refused(site, server_is_installed):
    site()
    with pytest.raises(CommandError, match="port 65536"):
        demo("--port", "65536", serve=True)


def test_the_server_listens_on_loopback_traces_nothing_and_asks_no_proxy_for_the_stand_in(
    site, shop, server_is_installed, monkeypatch
):
    site(NO_PROXY="intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    called = []
    monkeypatch.setattr(os, "execve", lambda *arguments: called.append(arguments))
    port = str(free_port())
    demo("--port", port, serve=True)
    [(_, command, environment)] = called
    assert command[1:6] == ["-m", "uvicorn", "config.asgi:application", "--app-dir", str(EXAMPLE)]
    assert command[6:10] == ["--host", "127.0.0.1", "--port", port]
    assert environment["CHATKIT_DEMO_PORT"] == port
    assert environment["NO_PROXY"] == environment["no_proxy"] == "intranet.example,127.0.0.1"
    assert environment["OPENAI_AGENTS_DISABLE_TRACING"] == "1"


# Live


def test_the_live_demo_runs_the_agent_over_a_model_of_openai(live):
    assert "the agent of this site, over a model of OpenAI's, with your key" in demo()
    workflow = Workflow.objects.get()
    assert (workflow.is_self_hosted, workflow.workflow_id) == (True, "")


def test_the_live_demo_lets_openai_run_a_workflow_and_remembers_it(live):
    assert "OpenAI, which runs wf_live with your key" in demo("--workflow-id", "wf_live")
    assert "wf_live" in demo()
    workflow = Workflow.objects.get()
    assert (workflow.is_self_hosted, workflow.workflow_id, workflow.agent) == (False, "wf_live", "shop-assistant")


def test_the_live_demo_does_not_ask_openai_for_the_workflow_of_the_stand_in(site, live):
    site()
    demo()
    Workflow.objects.update(backend=Workflow.Backend.HOSTED)
    site(CHATKIT_DEMO_LIVE="1", OPENAI_API_KEY="sk-mine")
    with pytest.raises(CommandError, match="wf_…"):
        demo()


def test_an_impossible_workflow_id_is_refused(live):
    with pytest.raises(CommandError, match="no spaces"):
        demo("--workflow-id", "my workflow")


def test_the_live_demo_needs_a_key(site, shop_tables):
    site(CHATKIT_DEMO_LIVE="1")
    with pytest.raises(CommandError, match="CHATKIT_OPENAI_API_KEY or OPENAI_API_KEY"):
        demo("--workflow-id", "wf_argument")


def test_a_workflow_id_without_live_is_a_mistake(site, shop_tables):
    site(OPENAI_API_KEY="sk-mine")
    with pytest.raises(CommandError, match="CHATKIT_DEMO_LIVE=1"):
        demo("--workflow-id", "wf_argument")
