from __future__ import annotations

import pytest

from .. import example


@pytest.fixture
def read_settings(monkeypatch):
    """Reads the example's settings with just these environment variables set."""

    def read(**environment: str) -> dict[str, object]:
        for name in example.VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return example.read_settings()

    return read


@pytest.fixture
def site(settings, read_settings):
    """Turns the test project into the example, but for its database and its key."""

    def turn(**environment: str) -> None:
        for name, value in read_settings(**environment).items():
            if name not in ("DATABASES", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "LOGGING"):
                setattr(settings, name, value)

    yield turn
    example.forget_admin()


@pytest.fixture(scope="module")
def shop_tables(django_db_setup, django_db_blocker):
    """The shop is one of the project's apps."""
    with django_db_blocker.unblock(), example.shop_tables():
        yield


@pytest.fixture
def shop(shop_tables, db):
    """The database, with the shop's tables."""


@pytest.fixture
def live(site, shop):
    """The live demo, with a key."""
    site(CHATKIT_DEMO_LIVE="1", OPENAI_API_KEY="sk-mine")
