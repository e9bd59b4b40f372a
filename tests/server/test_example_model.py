"""The example's local model, as the agents SDK runs it."""

from __future__ import annotations

import asyncio
import json

import pytest
from agents import Agent, RunConfig, Runner, function_tool
from shop import local_model
from shop.local_model import LocalModel, events_of, message
from shop.texts import ENGLISH, GERMAN

ORDER = {"number": "KM-1", "status": "sent", "ordered_on": "2026-03-01", "expected_on": "2026-03-04"}


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    monkeypatch.setattr(local_model, "WORD_EVERY", 0)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def shop_agent(calls):
    """The shop's tools by name, answering from here."""

    @function_tool
    def show_order(number: str | None = None) -> str:
        calls.append(number)
        return json.dumps({**ORDER, "tracking_number": "T-1"})

    @function_tool
    def find_teas(kind: str | None = None, *, caffeine_free: bool = False) -> str:
        calls.append((kind, caffeine_free))
        return json.dumps([{"name": "Sencha", "price": "7.90", "celsius": 75, "minutes": 2}])

    @function_tool
    def list_orders() -> str:
        return json.dumps([])

    def agent(**told: str) -> Agent:
        instructions = "\n".join(["Be kind.", *(f"{name}: {value}" for name, value in told.items())])
        tools = [show_order, find_teas, list_orders]
        return Agent(name="shop", instructions=instructions, model=LocalModel(), tools=tools)

    return agent


def run(agent: Agent, given: str | list[dict[str, object]]):
    async def streamed():
        result = Runner.run_streamed(agent, given, run_config=RunConfig(tracing_disabled=True))
        return [event.data async for event in result.stream_events() if event.type == "raw_response_event"], result

    return asyncio.run(streamed())


def said(agent: Agent, given: str | list[dict[str, object]]) -> str:
    return str(run(agent, given)[1].final_output)


def user(text: str, *more: dict[str, object]) -> dict[str, object]:
    return {"role": "user", "type": "message", "content": [{"type": "input_text", "text": text}, *more]}


def test_a_tool_is_called_in_one_run_and_spoken_of_in_the_next(shop_agent, calls):
    events, result = run(shop_agent(), "Where is order km-77?")
    assert calls == ["KM-77"]
    kinds = [event.type for event in events]
    assert kinds.count("response.created") == kinds.count("response.completed") == 2
    assert "KM-1" in result.final_output
    assert "".join(event.delta for event in events if event.type.endswith("text.delta")) == result.final_output
    assert len({event.response.id for event in events if event.type == "response.completed"}) == 2


def test_every_message_has_an_id_of_its_own(shop_agent):
    ids = {run(shop_agent(), "thanks")[1].new_items[0].raw_item.id for _ in range(3)}
    assert len(ids) == 3
    numbers = [event.sequence_number for event in run(shop_agent(), "thanks")[0]]
    assert numbers == list(range(len(numbers)))


def test_texts_survive_being_cut_into_words():
    text = "One:\n\n- two  three\n"
    deltas = [event.delta for event in events_of(message(text)) if event.type == "response.output_text.delta"]
    assert "".join(deltas) == text.rstrip()


def test_the_instructions_say_the_language_and_the_plan(shop_agent):
    assert "Mittwoch, 4. März" in said(shop_agent(language="de-at"), "Where is my parcel?")
    assert "Wednesday, 4 March" in said(shop_agent(language="fr"), "Where is my parcel?")
    assert "free for you" in said(shop_agent(plan="club"), "Which tea do you recommend?")
    assert "3.90 €" in said(shop_agent(plan="free"), "Which tea do you recommend?")


@pytest.mark.parametrize(
    ("question", "called"),
    [
        ("Which teas have no caffeine?", (None, True)),
        ("My green tea turns out bitter", ("green", False)),
        ("Wie lange zieht schwarzer Tee?", ("black", False)),
        ("How long do I steep oolong?", ("oolong", False)),
        ("What does it cost?", (None, False)),
    ],
)
def test_teas_are_looked_up(shop_agent, calls, question, called):
    said(shop_agent(), question)
    assert calls == [called]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What can you do?", "about"),
        ("Vielen Dank", "thanks"),
        ("A poem, please", "unknown"),
        ("my orders?", "no_orders"),
    ],
)
def test_other_things_are_answered_honestly(shop_agent, question, name):
    assert said(shop_agent(), question) == ENGLISH[name]


def test_the_last_thing_that_the_visitor_wrote_counts(shop_agent):
    history = [
        user("Where is my parcel?"),
        {"role": "assistant", "content": "On its way."},
        user("Thanks"),
        user('The following graphical UI widget (id: 1) was displayed to the user:{"value": "parcel"}'),
        user("The user is referring to this in particular: \nparcel"),
    ]
    assert said(shop_agent(), history) == ENGLISH["thanks"]
    assert said(shop_agent(), history[3:]) == ENGLISH["unknown"]


def test_files_are_spoken_of(shop_agent):
    text = {"type": "input_text", "text": "[The user attached the file 'a.txt':]\n\n  First line \nsecond"}
    pdf = {"type": "input_file", "filename": "b.pdf", "file_data": "data:"}
    image = {"type": "input_image", "image_url": "data:", "detail": "auto"}
    other = {"type": "input_text", "text": '[The user attached the file "c\'s.bin" (x/y). Not readable here.]'}
    answer = said(shop_agent(), [user("parcel", text, pdf)])
    assert "a.txt, b.pdf" in answer
    assert "First line" in answer
    assert "2 lines" in answer
    assert "our conversation: c's.bin, 🖼." in said(shop_agent(), [user("", other, image)])
    assert "cannot look into it" in said(shop_agent(), [user("", image)])


@pytest.mark.parametrize(
    ("first_message", "title"),
    [
        ("I ordered tea last week. Where is my parcel?", "Where is my parcel?"),
        ("Welche Tees haben kein Koffein?", "Tee ohne Koffein"),
        ("note.txt", "A file"),
        ("A poem, please", "A question"),
    ],
)
def test_without_tools_it_writes_a_title(first_message, title):
    writer = Agent(name="Title", instructions="Write a title.", model=LocalModel())
    result = asyncio.run(Runner.run(writer, first_message, run_config=RunConfig(tracing_disabled=True)))
    assert result.final_output == title


def test_every_text_is_there_in_both_languages():
    assert ENGLISH.keys() == GERMAN.keys()
