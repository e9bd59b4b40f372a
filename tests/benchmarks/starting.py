"""A site that starts up, in a process of its own: ``python -m tests.benchmarks.starting [APP …]``.

It is a project as ``startproject`` makes it, with Django REST framework and one view of it; each ``APP`` is installed,
and its URLs are included. Prints what that took, as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]
#: What a site without a chat of its own must not load: a second, and 100 MB in every process.
HEAVY = ("chatkit", "agents", "openai", "pydantic")


def main(apps: list[str]) -> None:
    began = time.process_time()
    configure(apps)
    import django

    django.setup()
    set_up = time.process_time()
    route(apps)
    routed = time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    heavy = [module for module in HEAVY if module in sys.modules]
    print(json.dumps({"setup": set_up - began, "urls": routed - set_up, "memory": memory, "heavy": heavy}))


def configure(apps: list[str]) -> None:
    from django.conf import settings

    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": CONTEXT_PROCESSORS},
    }
    settings.configure(
        SECRET_KEY="benchmarks-only",
        INSTALLED_APPS=[*INSTALLED_APPS, *apps],
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=[templates],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        ROOT_URLCONF=__name__,
        STATIC_URL="/static/",
        DJANGO_CHATKIT={"API_KEY": "sk-tests-benchmarks"},
    )


def route(apps: list[str]) -> None:
    """What the first request does: import the URLconf with all its views, and the middleware."""
    global urlpatterns
    from django.contrib import admin
    from django.contrib.contenttypes.models import ContentType
    from django.core.wsgi import WSGIHandler
    from django.urls import get_resolver, include, path
    from rest_framework import generics, serializers

    class ContentTypeSerializer(serializers.ModelSerializer):
        class Meta:
            model = ContentType
            fields = ("id", "model")

    class ContentTypeList(generics.ListAPIView):
        queryset = ContentType.objects.all()
        serializer_class = ContentTypeSerializer

    own = [path("admin/", admin.site.urls), path("types/", ContentTypeList.as_view())]
    urlpatterns = [*own, *(path(f"{app}/", include(f"{app}.urls")) for app in apps)]
    WSGIHandler()
    assert get_resolver().url_patterns == urlpatterns


if __name__ == "__main__":
    main(sys.argv[1:])
