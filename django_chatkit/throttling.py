"""The throttle on new sessions, and how requests are counted: per window, in Django's cache."""

from __future__ import annotations

import hashlib
import ipaddress
import re

from django.core.cache.backends.base import BaseCache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from .conf import conf
from .identity import Owner


class SessionThrottle(SimpleRateThrottle):
    """``THROTTLE_RATE`` new sessions per user. Visitors who are not logged in are also counted by address, because a
    visitor who drops the cookies is a new one.

    The window is part of the key, and counting is one ``incr``.
    """

    num_requests: int
    duration: int

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self.owner = owner

    def get_rate(self) -> str | None:
        return conf.THROTTLE_RATE

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether one more session may be issued; counts it."""
        if self.rate is None:
            return True
        counts = [self._count(who) for who in self._subjects(request)]
        return max(counts) <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next window."""
        return float(self.duration - self.timer() % self.duration)

    def _subjects(self, request: Request) -> list[str]:
        if self.owner.user is not None:
            return [self.owner.key]
        return [self.owner.key, _digest(_network(self._address(request)))]

    def _address(self, request: Request) -> str:
        """``X-Forwarded-For`` counts only where DRF's ``NUM_PROXIES`` says how much of it can be trusted."""
        if api_settings.NUM_PROXIES is None:
            return str(request.META.get("REMOTE_ADDR", ""))
        return self.get_ident(request)

    def _count(self, who: str) -> int:
        key = f"django_chatkit_throttle_{self.rate}_{who}_{int(self.timer() // self.duration)}".replace("/", "_")
        return count(self.cache, key, self.duration)


def count(cache: BaseCache, key: str, lifetime: int) -> int:
    """Count one more under ``key``, for ``lifetime`` seconds at least: how many that makes.

    Exact where the cache increments atomically. (In Django's caches in files and in the database, that reads and
    writes back.)
    """
    cache.add(key, 0, timeout=lifetime)
    try:
        number = int(cache.incr(key))
        cache.touch(key, lifetime)  # in files and databases, counting sets the cache's default lifetime
    except ValueError:  # evicted meanwhile
        return 1
    return number


def take_place(cache: BaseCache, key: str, places: int, lifetime: int) -> bool:
    """Take one of so many places under ``key``, for ``lifetime`` seconds at least: whether there was one.

    Nobody gets a place that somebody has, even where counting is not exact. (Django's cache in files can do neither.)
    """
    for _ in range(places):
        number = count(cache, key, lifetime)
        if number > places:
            return False
        if cache.add(f"{key}_{number}", 1, timeout=lifetime):
            return True
    return False


def _network(address: str) -> str:
    """The address; of an IPv6 address the /64, of which one visitor has all, unless it stands for an IPv4 address.

    Some proxies write the port behind it, which is another one for each connection.
    """
    with_port = re.fullmatch(r"\[(.+)\](?::[0-9]+)?|([0-9.]+):[0-9]+", address)
    try:
        parsed = ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and not parsed.ipv4_mapped:
        return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
