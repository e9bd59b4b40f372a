from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.redaction import Secret

TEXT = "sk-canary-0123456789"


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        ascii,
        lambda secret: f"{secret!r}",
        lambda secret: f"{secret!a}",
        lambda secret: "%r" % secret,  # noqa: UP031  (as logging does it)
        lambda secret: repr([secret]),
        lambda secret: repr({"key": (secret,)}),
    ],
)
def test_no_repr_shows_a_secret(shown: Callable[[Secret], str]) -> None:
    assert "Secret('********')" in shown(Secret(TEXT))
    assert "canary" not in shown(Secret(TEXT))


def test_all_reprs_are_alike() -> None:
    assert repr(Secret("")) == repr(Secret("a")) == repr(Secret(TEXT))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("holder", [lambda secret: secret, lambda secret: {"nested": [secret]}])
def test_a_secret_is_never_pickled(holder: Callable[[Secret], Any], protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(holder(Secret(TEXT)), protocol)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_secret_itself(copied: Callable[[Any], Any]) -> None:
    secret = Secret(TEXT)
    assert copied(secret) is secret
    assert copied({"key": secret})["key"] is secret


def test_it_is_the_text_where_it_is_used() -> None:
    secret = Secret(TEXT)
    assert secret == TEXT
    assert hash(secret) == hash(TEXT)
    assert f"Bearer {secret}" == f"Bearer {TEXT}"
    assert str(secret) == TEXT
    assert json.dumps({"client_secret": secret}) == json.dumps({"client_secret": TEXT})
    assert secret.encode() == TEXT.encode()


def test_nothing_can_be_written_on_it() -> None:
    with pytest.raises(AttributeError):
        Secret(TEXT).note = TEXT  # type: ignore[attr-defined]
