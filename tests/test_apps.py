from __future__ import annotations

import sys

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import pre_delete

import django_chatkit
from django_chatkit import receivers


@pytest.mark.parametrize(
    ("signal", "receiver"),
    [
        (user_logged_in, receivers.start_login),
        (user_logged_out, receivers.cancel_on_logout),
        (pre_delete, receivers.cancel_on_deletion),
    ],
)
def test_receivers_are_connected_once(signal, receiver):
    """However often the app is made ready."""
    apps.get_app_config("django_chatkit").ready()
    live, _ = signal._live_receivers(get_user_model())
    assert live.count(receiver) == 1


def test_the_description_is_registered_for_those_who_use_it(monkeypatch):
    """Without drf-spectacular nothing imports the module that needs it."""
    monkeypatch.delattr(django_chatkit, "schema", raising=False)
    monkeypatch.setitem(sys.modules, "django_chatkit.schema", None)  # importing it fails
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    apps.get_app_config("django_chatkit").ready()
    monkeypatch.setattr(apps, "is_installed", lambda name: name == "drf_spectacular")
    with pytest.raises(ImportError, match="schema"):
        apps.get_app_config("django_chatkit").ready()
