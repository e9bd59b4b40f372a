"""Administrators with chosen permissions, for the tests of the admin."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User
from django.test import Client


def staff(*permissions: str, name: str = "staff") -> Client:
    """The client of an administrator who has these permissions and no others."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    client = Client()
    client.force_login(user)
    return client
