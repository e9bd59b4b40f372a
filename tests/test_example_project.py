from __future__ import annotations

import io
import os
import re
import runpy
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from django_chatkit.conf import SCRIPT_URL, conf
from django_chatkit.models import ChatKitConfiguration, Workflow

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "example_project"
VARIABLES = (
    "CHATKIT_DEMO_LIVE",
    "CHATKIT_DEMO_PORT",
    "CHATKIT_DEMO_DATABASE",
    "CHATKIT_OPENAI_API_KEY",
    "OPENAI_API_KEY",
)


@pytest.fixture
def read_settings(monkeypatch):
    """Reads the example's settings with just these environment variables set."""

    def read(**environment: str) -> dict[str, object]:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return {
            name: value for name, value in runpy.run_path(str(EXAMPLE / "config/settings.py")).items() if name.isupper()
        }

    return read


@pytest.fixture
def site(settings, read_settings):
    """Turns the test project into the example, but for its database and its key."""

    def turn(**environment: str) -> None:
        for name, value in read_settings(**environment).items():
            if name not in ("DATABASES", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS"):
                setattr(settings, name, value)

    return turn


def demo(*arguments: str, serve: bool = False) -> str:
    out = io.StringIO()
    call_command("demo", *arguments, *([] if serve else ["--no-serve"]), stdout=out)
    return out.getvalue()


# The settings


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
    assert read_settings(CHATKIT_DEMO_DATABASE="other")["DATABASES"]["default"]["NAME"] == "other"


# The command


@pytest.mark.django_db
def test_the_demo_loads_everything_and_says_how_to_get_in(site, client):
    site()
    printed = demo("--port", "8123")
    assert "http://127.0.0.1:8123/" in printed
    assert "stand-in" in printed
    for name in ("demo", "mika", "admin"):
        assert f"{name} / {name}" in printed
        assert client.login(username=name, password=name)
        assert (client.get("/admin/").status_code == 200) is (name == "admin")
    workflow = Workflow.objects.get(slug="support")
    assert workflow.workflow_id in django_settings.OPENAI_STANDIN_KEYS[conf.API_KEY]["workflows"]
    assert workflow.chatkit_configuration == ChatKitConfiguration.objects.get()


@pytest.mark.django_db
def test_the_demo_can_be_repeated_repairs_logins_and_keeps_what_was_edited(site, client):
    site()
    demo()
    client.login(username="mika", password="mika")
    User.objects.filter(username="demo").update(password="!", is_active=False)
    Workflow.objects.update(name="Renamed", workflow_id="wf_typo", is_active=False)
    demo()
    assert client.get("/chat/").status_code == 200
    assert client.login(username="demo", password="demo")
    assert User.objects.count() == 3
    workflow = Workflow.objects.get()
    assert (workflow.name, workflow.workflow_id, workflow.is_active) == ("Renamed", "wf_demo_support", True)


def test_a_taken_port_is_named_before_anything_is_done(site):
    site()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CommandError, match=f"port {port}.*--port"):
            demo("--port", str(port), serve=True)


def test_an_impossible_port_is_refused(site):
    site()
    with pytest.raises(CommandError, match="port 65536"):
        demo("--port", "65536", serve=True)


@pytest.mark.django_db
def test_the_server_listens_on_loopback_and_asks_no_proxy_for_the_stand_in(site, monkeypatch):
    site(NO_PROXY="intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    called = []
    monkeypatch.setattr(os, "execve", lambda *arguments: called.append(arguments))
    port = str(free_port())
    demo("--port", port, serve=True)
    [(_, command, environment)] = called
    assert command[1:] == [str(EXAMPLE / "manage.py"), "runserver", "--noreload", f"127.0.0.1:{port}"]
    assert environment["CHATKIT_DEMO_PORT"] == port
    assert environment["NO_PROXY"] == environment["no_proxy"] == "intranet.example,127.0.0.1"


# The command, live


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def live(site, monkeypatch):
    """The live demo, with a key and with these lines typed at its terminal; ``None`` is no terminal."""

    def start(typed: str | None) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO() if typed is None else Terminal(typed))
        return demo()

    site(CHATKIT_DEMO_LIVE="1", OPENAI_API_KEY="sk-mine")
    return start


@pytest.mark.django_db
def test_the_live_demo_asks_for_the_workflow_and_remembers_it(live, capsys):
    assert "OpenAI, with your key" in live("wf_live\n")
    assert Workflow.objects.get().workflow_id == "wf_live"
    for typed in ("\n", "", None):
        live(typed)
        assert Workflow.objects.get().workflow_id == "wf_live"
    assert "[wf_live]" in capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.parametrize("typed", [None, "", "\n"])
def test_the_live_demo_needs_a_workflow(site, live, typed):
    with pytest.raises(CommandError, match="--workflow-id"):
        live(typed)


@pytest.mark.django_db
def test_the_live_demo_does_not_offer_the_workflow_of_the_stand_in(site, live):
    site()
    demo()
    site(CHATKIT_DEMO_LIVE="1", OPENAI_API_KEY="sk-mine")
    with pytest.raises(CommandError, match="--workflow-id"):
        live(None)


@pytest.mark.django_db
def test_the_live_demo_takes_the_workflow_as_an_argument(live):
    demo("--workflow-id", "wf_argument")
    assert Workflow.objects.get().workflow_id == "wf_argument"


@pytest.mark.django_db
def test_an_impossible_workflow_id_is_refused(live):
    with pytest.raises(CommandError, match="no spaces"):
        live("my workflow\n")


def test_the_live_demo_needs_a_key(site):
    site(CHATKIT_DEMO_LIVE="1")
    with pytest.raises(CommandError, match="CHATKIT_OPENAI_API_KEY or OPENAI_API_KEY"):
        demo("--workflow-id", "wf_argument")


def test_a_workflow_id_without_live_is_a_mistake(site):
    site(OPENAI_API_KEY="sk-mine")
    with pytest.raises(CommandError, match="CHATKIT_DEMO_LIVE=1"):
        demo("--workflow-id", "wf_argument")


# The pages


@pytest.mark.django_db
def test_everybody_sees_the_help_page_and_is_sent_to_log_in_for_the_chat(site, client):
    site()
    assert "Log in to chat" in client.get("/").content.decode()
    response = client.get("/chat/", follow=True)
    assert response.redirect_chain == [("/accounts/login/?next=/chat/", 302)]
    page = response.content.decode()
    assert page.count("<td><code>admin</code></td>") == 2
    response = client.post("/accounts/login/", {"username": "demo", "password": "wrong"})
    assert 'role="alert"' in response.content.decode()


def test_pages_without_an_icon_get_the_leaf(site, client):
    site()
    assert client.get("/favicon.ico").headers["Location"] == "/static/shop/leaf.svg"


@pytest.mark.django_db
def test_the_chat_page_has_the_chat_and_says_that_a_stand_in_answers(site, client):
    site()
    demo()
    client.login(username="mika", password="mika")
    page = client.get("/chat/", headers={"Accept-Language": "de-AT"}).content.decode()
    assert page.count("<django-chatkit") == 1
    assert "A stand-in for OpenAI answers here" in page
    assert re.findall(r"<dt>(\w+)</dt><dd>(\w+)</dd>", page) == [("plan", "club"), ("language", "de")]
    assert client.post("/accounts/logout/").headers["Location"] == "/"
    assert client.get("/chat/").status_code == 302


@pytest.mark.django_db
def test_the_live_chat_page_says_so(site, client):
    site(CHATKIT_DEMO_LIVE="1", OPENAI_API_KEY="sk-mine")
    demo("--workflow-id", "wf_argument")
    client.login(username="demo", password="demo")
    page = client.get("/chat/").content.decode()
    assert "OpenAI answers" in page
    assert "stand-in" not in page


@pytest.mark.django_db
def test_the_workflow_is_told_plan_and_language(site):
    site()
    demo()
    request = RequestFactory().get("/", headers={"Accept-Language": "fr"})
    club, free = User.objects.get(username="mika"), User.objects.get(username="demo")
    assert conf.STATE_VARIABLES(None, user=club, request=request) == {"plan": "club", "language": "fr"}
    assert conf.STATE_VARIABLES(None, user=free) == {"plan": "free", "language": "en"}
    assert conf.STATE_VARIABLES(None) == {"plan": "free", "language": "en"}


# The whole of it, as a stranger runs it


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def environment_of_a_stranger(database: Path) -> dict[str, str]:
    """A key that must not be used and a proxy that does not work."""
    environment = {
        name: value for name, value in os.environ.items() if name not in (*VARIABLES, "no_proxy", "NO_PROXY")
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return environment | {
        "CHATKIT_DEMO_DATABASE": str(database),
        "OPENAI_API_KEY": "sk-must-not-be-used",
        "PYTHONPATH": str(ROOT),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }


@pytest.fixture
def served(tmp_path):
    """The base URL of the demo, served by its command in a process of its own."""
    port = free_port()
    command = [sys.executable, str(EXAMPLE / "manage.py"), "demo", "--port", str(port)]
    with (tmp_path / "log").open("w+") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=tmp_path, env=environment_of_a_stranger(tmp_path / "demo.sqlite3")
        )
        try:
            wait_until_listening(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(10)
            log.seek(0)
            sys.stdout.write(log.read())


def wait_until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("The demo does not listen.")


def test_a_visitor_gets_a_secret_from_the_stand_in_over_http(served):
    with requests.Session() as browser:
        browser.trust_env = False
        token = csrf_token(browser.get(f"{served}/accounts/login/?next=/chat/", timeout=30))
        form = {"username": "demo", "password": "demo", "next": "/chat/", "csrfmiddlewaretoken": token}
        page = browser.post(f"{served}/accounts/login/", form, timeout=30)
        assert page.url == f"{served}/chat/"
        response = browser.post(
            f"{served}/chatkit/sessions/",
            json={"workflow": "support"},
            headers={"X-CSRFToken": browser.cookies["csrftoken"]},
            timeout=30,
        )
    assert response.status_code == 201, response.text
    assert response.json()["client_secret"].startswith("ek_")
    assert response.json()["id"].startswith("cksess_")


def csrf_token(page: requests.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found
    return found[1]


def test_the_project_passes_its_checks(tmp_path):
    command = [sys.executable, "-W", "error", str(EXAMPLE / "manage.py"), "check", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment_of_a_stranger(tmp_path / "demo.sqlite3")
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
