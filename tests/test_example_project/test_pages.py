from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from django_chatkit.conf import conf
from django_chatkit.models import Workflow

from .running import demo


def test_everybody_sees_the_help_page_and_is_sent_to_log_in_for_the_chat(site, shop, client):
    site()
    assert "Log in to chat" in client.get("/").content.decode()
    response = client.get("/chat/", follow=True)
    assert response.redirect_chain == [("/accounts/login/?next=/chat/", 302)]
    page = response.content.decode()
    assert page.count("<td><code>admin</code></td>") == 2
    response = client.post("/accounts/login/", {"username": "demo", "password": "wrong"})
    assert 'role="alert"' in response.content.decode()


def test_pages_without_an_icon_get_the_leaf(site, shop_tables, client):
    site()
    assert client.get("/favicon.ico").headers["Location"] == "/static/shop/leaf.svg"


@pytest.mark.parametrize(
    ("backend", "notice"),
    [
        (
            "self_hosted",
            "s own agent answers, over a small model on this machine.",
        ),
        ("hosted", "A stand-in for OpenAI answers here: the requests are real, the replies are not."),
    ],
)
def test_the_chat_page_has_the_chat_and_says_who_answers(site, shop, client, backend, notice):
    site()
    demo()
    Workflow.objects.update(backend=backend)
    client.login(username="mika", password="mika")
    page = client.get("/chat/", headers={"Accept-Language": "de-AT"}).content.decode()
    assert page.count("<django-chatkit") == 1
    assert notice in page
    assert re.findall(r"<dt>(\w+)</dt><dd>(\w+)</dd>", page) == [("plan", "club"), ("language", "de")]
    assert client.post("/accounts/logout/").headers["Location"] == "/"
    assert client.get("/chat/").status_code == 302


@pytest.mark.parametrize(
    ("arguments", "notice"),
    [
        ((), "s own agent answers, over a model of OpenAI"),
        (("--workflow-id", "wf_argument"), "OpenAI answers, with the key of whoever started this demo."),
    ],
)
def test_the_live_chat_page_says_so(live, client, arguments, notice):
    demo(*arguments)
    client.login(username="demo", password="demo")
    page = client.get("/chat/").content.decode()
    assert notice in page
    assert "stand-in" not in page


def test_orders_and_teas_are_in_the_admin(site, shop, client):
    from shop.models import Order

    site()
    demo()
    client.login(username="admin", password="admin")
    assert "KM-1042" in client.get("/admin/shop/order/?q=2286").content.decode()
    order = Order.objects.get(number="KM-1042")
    assert "2 × Sencha" in client.get(f"/admin/shop/order/{order.pk}/change/").content.decode()  # noqa: RUF001
    assert "Chamomile" in client.get("/admin/shop/tea/").content.decode()


def test_the_workflow_is_told_plan_and_language(site, shop):
    site()
    demo()
    request = RequestFactory().get("/", headers={"Accept-Language": "fr"})
    club, free = User.objects.get(username="mika"), User.objects.get(username="demo")
    assert conf.STATE_VARIABLES(None, user=club, request=request) == {"plan": "club", "language": "fr"}
    assert conf.STATE_VARIABLES(None, user=free) == {"plan": "free", "language": "en"}
    assert conf.STATE_VARIABLES(None) == {"plan": "free", "language": "en"}
