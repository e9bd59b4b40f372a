"""What other apps can listen to. Receivers run after the record is committed; one that fails harms nobody else.

No signal carries a client secret. ``duration`` is the time the call to OpenAI took, in seconds, with retries and with
waiting for what becomes of other calls.
"""

from __future__ import annotations

from django.dispatch import Signal

#: A session was issued (a reused one is not issued again). ``sender=ChatSession``, ``session``, ``duration``.
session_created = Signal()

#: A session was cancelled, here and, where OpenAI gave it an id, there. ``sender=ChatSession``, ``session``,
#: ``duration`` (0.0 when OpenAI did not have to be asked).
session_cancelled = Signal()

#: OpenAI issued no session, or its record could not be saved. ``sender=ChatSession``, ``workflow``,
#: ``error`` (a ``ChatKitError``), ``duration``. Sent at once: there is nothing to commit.
session_failed = Signal()

#: A batch of records was found to be past its time. ``sender=ChatSession``, ``ids`` (their primary keys), ``using``.
sessions_expired = Signal()

#: A visitor of a self-hosted workflow likes an answer or does not. ``sender=ChatThread``, ``thread`` (the record),
#: ``item_ids`` (the SDK's ids), ``kind`` (``"positive"`` or ``"negative"``), ``session``.
feedback_given = Signal()
