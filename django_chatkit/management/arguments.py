"""What several commands take: whole numbers, and users by name or primary key."""

from __future__ import annotations

import argparse
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError


def count(text: str) -> int:
    """A number of records."""
    return _whole_number(text, 1, 1_000_000)


def days(text: str) -> int:
    """A number of days, from 0 to a century."""
    return _whole_number(text, 0, 36_500)


def _whole_number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}")
    return int(text)


def user_of(name: str) -> Any:
    """The user of this name or primary key, or ``None``.

    Raises ``CommandError`` if those are two users: people may choose somebody's key for a name.
    """
    named, keyed = (_user_by(field, name) for field in (get_user_model().USERNAME_FIELD, "pk"))
    if named is not None and keyed is not None and named != keyed:
        raise CommandError(
            f"{name!r} is the name of a user, whose primary key is {named.pk}, and the primary key of another, whose "
            f"name is {keyed.get_username()!r}. Give one of those."
        )
    return keyed if named is None else named


def _user_by(field: str, value: str) -> Any:
    users = get_user_model()
    try:
        user = users._default_manager.get(**{field: value})
    except (users.DoesNotExist, ValueError, ValidationError):
        return None
    return user if field == "pk" or user.get_username() == value else None  # MariaDB finds "jose" for "José"
