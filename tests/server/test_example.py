"""The whole example, as a stranger runs it: its own command, its own server, its own database."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
import requests

from ..example import EXAMPLE, Demo, environment_of_a_stranger
from ..shopper import Shopper, actions_in, texts_in
from ..submission import submission

#: The primary key of the only workflow in a new database.
WORKFLOW = 1


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Demo(tmp_path_factory.mktemp("demo")) as demo:
        # These tests talk more than the twenty times a minute that the demo allows.
        change_database(demo, "UPDATE django_chatkit_workflow SET max_requests_per_1_minute = 1000")
        yield demo


@pytest.fixture(scope="module")
def demo(served):
    """The visitor ``demo``, with an open chat."""
    return Shopper(served.url, "demo").open_chat()


@pytest.fixture(scope="module")
def mika(served):
    """The visitor ``mika``, in the tea club, with a German browser."""
    return Shopper(served.url, "mika", "de-AT,de;q=0.9,en;q=0.5").open_chat()


def change_database(served: Demo, sql: str, *values: object) -> None:
    connection = sqlite3.connect(served.database, timeout=10)
    with connection:
        connection.execute(sql, values)
    connection.close()


def status_of(served: Demo, number: str) -> str:
    connection = sqlite3.connect(served.database, timeout=10)
    [(status,)] = connection.execute("SELECT status FROM shop_order WHERE number = ?", [number]).fetchall()
    connection.close()
    return str(status)


def test_the_parcel_is_looked_up_shown_on_a_card_and_told_in_pieces(demo):
    answer = demo.ask("I ordered tea last week. Where is my parcel?")
    assert "Order KM-1042" in texts_in(answer.widget["widget"])
    assert "Tracking number KM 4471 2286 7" in texts_in(answer.widget["widget"])
    assert "on its way: order KM-1042" in answer.text
    assert "tea club" not in answer.text
    assert answer.title == "Where is my parcel?"
    times = [at for at, _ in answer.pieces]
    assert "".join(words for _, words in answer.pieces) == answer.text
    assert len(times) > 20
    assert times[-1] - times[0] > 0.5


def test_the_thread_is_there_after_a_reload_and_goes_on(demo):
    started = demo.ask("Which of your teas have no caffeine?")
    assert "- Rooibos: 4.90 € for 100 g" in started.text
    assert "Sencha" not in started.text
    followed = demo.ask("How hot should the water for Sencha be?", thread_id=started.thread_id)
    assert "- Sencha: 75 °C, 2 minutes" in followed.text
    assert followed.title is None
    reloaded = Shopper(demo.url, "demo").open_chat()
    thread = reloaded.post("threads.get_by_id", thread_id=started.thread_id).json()
    assert thread["title"] == "Tea without caffeine"
    kinds = ["user_message", "assistant_message"] * 2
    assert [item["type"] for item in thread["items"]["data"]] == kinds


def test_nobody_else_finds_the_thread_or_the_order(demo, mika):
    thread_id = demo.ask("Where is KM-1042?").thread_id
    assert mika.post("threads.get_by_id", thread_id=thread_id).status_code == 404
    listed = mika.post("threads.list", limit=100).json()["data"]
    assert thread_id not in [thread["id"] for thread in listed]
    answer = mika.ask("Wo ist KM-1042?")
    assert answer.items("widget") == []
    assert answer.text == "Eine Bestellung KM-1042 von Ihnen gibt es hier nicht."


def test_plan_and_language_change_the_answer(mika):
    answer = mika.ask("Wo ist mein Paket?")
    assert "Die Lieferung kostet Sie nichts: Sie sind im Teeclub." in answer.text
    assert {"Bestellung KM-1044", "unterwegs", "28,70 €"} <= set(texts_in(answer.widget["widget"]))
    assert answer.title == "Wo ist mein Paket?"


def test_buttons_list_the_orders_and_open_one(demo):
    answer = demo.ask("Where is my parcel?")
    button = actions_in(answer.widget["widget"])["orders.list"]
    listed = demo.press(button, thread_id=answer.thread_id, item_id=answer.widget["id"]).widget
    assert {"Order KM-1047", "Order KM-1042", "Order KM-1018"} <= set(texts_in(listed["widget"]))
    assert not {"Order KM-1044", "Order KM-1040"} & set(texts_in(listed["widget"]))
    line = actions_in(listed["widget"])["order.show"]
    shown = demo.press(line, thread_id=answer.thread_id, item_id=listed["id"]).widget
    assert f"Order {line['payload']['number']}" in texts_in(shown["widget"])


def test_an_order_is_cancelled_after_a_question_and_only_once(served, demo, mika):
    change_database(served, "UPDATE shop_order SET status = 'packing' WHERE number = 'KM-1047'")
    asked = demo.ask("Please cancel my order")
    card = asked.widget
    assert "Cancel order KM-1047?" in texts_in(card["widget"])
    assert status_of(served, "KM-1047") == "packing"
    yes, no = (actions_in(card["widget"])[name] for name in ("order.cancel.confirmed", "order.keep"))

    stranger = mika.ask("Hallo").thread_id
    refused = mika.press(yes, thread_id=stranger)
    assert refused.text == "Eine Bestellung KM-1047 von Ihnen gibt es hier nicht."
    theft = mika.post(
        "threads.custom_action",
        thread_id=asked.thread_id,
        item_id=card["id"],
        action={"type": yes["type"], "payload": yes["payload"]},
    )
    assert theft.status_code == 404
    assert status_of(served, "KM-1047") == "packing"

    kept = demo.press(no, thread_id=asked.thread_id, item_id=card["id"])
    [replaced] = kept.items("widget", "thread.item.replaced")
    assert (replaced["id"], kept.text) == (card["id"], "Order KM-1047 stays as it is.")
    assert "order.cancel" in actions_in(replaced["widget"])

    done = demo.press(yes, thread_id=asked.thread_id, item_id=card["id"])
    [replaced] = done.items("widget", "thread.item.replaced")
    assert "cancelled" in texts_in(replaced["widget"])
    assert "order.cancel" not in actions_in(replaced["widget"])
    assert "is cancelled" in done.text
    assert status_of(served, "KM-1047") == "cancelled"

    assert "cannot be cancelled" in demo.press(yes, thread_id=asked.thread_id).text
    again = {"type": "order.cancel", "payload": {"number": "KM-1042"}}
    assert "cannot be cancelled" in demo.press(again, thread_id=asked.thread_id).text
    assert "cannot be cancelled" in demo.ask("Cancel KM-1042").text


@pytest.mark.parametrize("payload", [None, "KM-1042", [], {"number": None}, {"number": "KM-1044"}])
def test_buttons_may_send_anything(demo, payload):
    thread_id = demo.ask("Thanks").thread_id
    answer = demo.press({"type": "order.show", "payload": payload}, thread_id=thread_id)
    assert answer.items("widget") == []
    assert answer.text.startswith("There is no order")


@pytest.mark.parametrize(
    ("name", "mime_type", "content", "said"),
    [
        (
            "note.txt",
            "text/plain",
            b"Dear shop,\n\nmy pot is broken.\n",
            "begins with \N{LEFT DOUBLE QUOTATION MARK}Dear",
        ),
        ("pot.pdf", "application/pdf", b"%PDF-1.4 nothing", "our conversation: pot.pdf."),
        ("data.bin", "application/octet-stream", b"\0\1\2", "cannot look into it"),
    ],
)
def test_a_file_is_received_kept_and_spoken_of(served, demo, name, mime_type, content, said):
    created = demo.post("attachments.create", name=name, size=len(content), mime_type=mime_type).json()
    upload = created["upload_descriptor"]
    sent = requests.request(
        upload["method"], upload["url"], files={"file": (name, content)}, proxies={"http": ""}, timeout=30
    )
    assert sent.status_code == 200, sent.text
    answer = demo.ask("", attachments=(created["id"],))
    assert said in answer.text
    assert answer.title == "A file"
    kept = [path.read_bytes() for path in served.database.with_suffix(".files").rglob("*") if path.is_file()]
    assert content in kept


def test_a_file_larger_than_the_preset_is_refused(demo):
    refused = demo.post("attachments.create", name="big.txt", size=2 * 2**20 + 1, mime_type="text/plain")
    assert refused.status_code in (400, 403, 413)


def test_who_runs_the_workflow_is_one_change_in_the_admin_and_the_page_stays_as_it_is(served):
    admin = Shopper(served.url, "admin")
    assert "own agent answers, over a small model" in admin.page.text
    kept = admin.open_chat().ask("Where is my parcel?")
    set_backend(admin, "hosted")
    try:
        page = admin.browser.get(f"{served.url}/chat/", timeout=30).text
        hosted = admin.new_session()
    finally:
        set_backend(admin, "self_hosted")
    assert "A stand-in for OpenAI answers here" in page
    assert element(page) == element(admin.page.text)
    assert hosted.status_code == 201, hosted.text
    assert hosted.json()["client_secret"].startswith("ek_")
    assert "X-ChatKit-URL" not in hosted.headers
    assert '"POST /openai/v1/chatkit/sessions HTTP' in served.log.read_text()
    assert "KM-1040" in admin.open_chat().ask("Where is my parcel?").text
    assert admin.post("threads.get_by_id", thread_id=kept.thread_id).status_code == 200


def set_backend(admin: Shopper, backend: str) -> None:
    """Change one field of the form and save it, as a browser does."""
    url = f"{admin.url}/admin/django_chatkit/workflow/{WORKFLOW}/change/"
    form = submission(admin.browser.get(url, timeout=30).text, "workflow_form")
    assert form["backend"] != backend
    saved = admin.browser.post(url, form | {"backend": backend}, allow_redirects=False, timeout=30)
    assert saved.status_code == 302, saved.text


def element(page: str) -> str:
    """What the template tag made, but for the CSRF token, which every page masks anew."""
    found = re.search(r"<django-chatkit.*?</django-chatkit>", page, re.DOTALL)
    assert found
    return re.sub(r"\w{64}", "", found[0])


def test_static_files_are_served(served):
    response = requests.get(f"{served.url}/static/openai_standin/chatkit.js", proxies={"http": ""}, timeout=30)
    assert response.headers["Content-Type"].startswith(("text/javascript", "application/javascript"))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_without_a_traceback_while_somebody_is_being_answered(tmp_path, stop):
    with Demo(tmp_path) as demo:
        visitor = Shopper(demo.url, "demo").open_chat()
        visitor.ask("Hello")  # the SDK is loaded now
        begun = threading.Event()
        threading.Thread(target=read_one_event, args=(visitor, begun), daemon=True).start()
        assert begun.wait(20)
        os.kill(demo.process.pid, stop)
        started = time.monotonic()
        demo.process.wait(20)
        assert time.monotonic() - started < 15
    assert "Traceback" not in demo.log.read_text()


def read_one_event(visitor: Shopper, begun: threading.Event) -> None:
    message = {
        "content": [{"type": "input_text", "text": "What can you do?"}],
        "attachments": [],
        "inference_options": {},
    }
    with visitor.post("threads.create", input=message) as response:
        next(response.iter_lines())
        begun.set()
        time.sleep(20)


def test_the_project_passes_its_checks(tmp_path):
    of_the_sdk = "ignore:Direct usage of named widget classes is deprecated:DeprecationWarning"  # while it is imported
    command = [sys.executable, "-W", "error", "-W", of_the_sdk, str(EXAMPLE / "manage.py")]
    for arguments in (["check", "--fail-level", "WARNING"], ["makemigrations", "--check", "--dry-run", "shop"]):
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment_of_a_stranger(tmp_path / "demo.sqlite3"),
        )
        assert done.returncode == 0, done.stdout + done.stderr
