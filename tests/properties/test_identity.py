"""Who a session is for: whatever the site's function says, a good identifier or a ``ChatKitNotConfigured``."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.identity import MAX_IDENTIFIER_LENGTH, Owner, owner_of
from django_chatkit.rules import RULES

from .anything import objects, texts

ADA = User(pk=1, username="ada")
namespaces = st.none() | texts.filter(RULES["USER_NAMESPACE"].admits)


def identified(settings: Any, namespace: str | None, value: object) -> Owner | None:
    settings.DJANGO_CHATKIT = {"USER_NAMESPACE": namespace, "USER_IDENTIFIER": lambda user, request=None: value}
    try:
        return owner_of(user=ADA)
    except ChatKitNotConfigured:
        return None


@given(namespaces, texts | objects | st.integers(500, 520).map(lambda length: "x" * length))
def test_an_identifier_is_text_that_openai_every_header_and_every_database_take(
    settings: Any, namespace: str | None, value: object
) -> None:
    owner = identified(settings, namespace, value)
    whole = f"{namespace}:{value}" if namespace else value
    good = isinstance(value, str) and value != "" and len(str(whole)) <= MAX_IDENTIFIER_LENGTH and whole.isprintable()
    assert (owner is not None) == good
    if owner:
        assert owner.identifier == whole
        assert len(owner.key) == 64
        assert owner.pseudonym not in owner.key


@given(namespaces, texts, texts)
def test_two_identifiers_have_two_keys_and_two_pseudonyms(
    settings: Any, namespace: str | None, one: str, other: str
) -> None:
    first, second = identified(settings, namespace, one), identified(settings, namespace, other)
    if first and second:
        same = one == other
        assert (first.key == second.key) == (first.pseudonym == second.pseudonym) == same


@given(texts | objects)
def test_the_one_that_a_caller_names_is_judged_alike(settings: Any, value: Any) -> None:
    named: Owner | None
    try:
        named = owner_of(user_identifier=value) if value is not None else None
    except ChatKitNotConfigured:
        named = None
    assert (named is not None) == (identified(settings, None, value) is not None)


@given(st.integers(1, 2**63 - 1) | st.uuids())
def test_whatever_a_primary_key_is_it_makes_an_identifier(pk: Any) -> None:
    user = User(username="x")
    user.pk = pk
    assert owner_of(user=user).identifier == f"user-{pk}"
