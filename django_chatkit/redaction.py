"""``Secret``: a string that works as one but never shows itself in a ``repr`` or a pickle."""

from __future__ import annotations

from typing import Any, NoReturn


class Secret(str):
    """An API key or a client secret.

    Error pages and error trackers print the ``repr`` of every local variable, and task queues pickle what they are
    given. Formatting it with ``str()`` or sending it still works: that is what it is for.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('********')"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret cannot be pickled; pass the session's id on instead.")
