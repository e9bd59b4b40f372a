"""Three-way merging of a thread, and what it is merged against."""

from __future__ import annotations

import json

import pytest

from django_chatkit.server.merging import Snapshots, merged

from .conversation import a_thread

BASE = {"title": None, "status": {"type": "active"}, "metadata": {"a": 1, "b": {"x": 1}}}


def three_way(mine, theirs):
    base, mine, theirs = (json.dumps({**BASE, **changes}) for changes in ({}, mine, theirs))
    return json.loads(merged(base, mine, theirs))


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ({"title": "Mine"}, {}, {"title": "Mine"}),
        ({}, {"title": "Theirs"}, {"title": "Theirs"}),
        ({"title": "Mine"}, {"title": "Theirs"}, {"title": "Mine"}),
        ({"title": "Mine"}, {"status": {"type": "locked"}}, {"title": "Mine", "status": {"type": "locked"}}),
        (
            {"status": {"type": "closed"}},
            {"status": {"type": "locked", "reason": "R"}},
            {"status": {"type": "closed"}},  # a whole: a reason belongs to its status
        ),
        (
            {"metadata": {"a": 2, "b": {"x": 1}}},
            {"metadata": {"a": 1, "b": {"x": 1}, "c": 3}},
            {"metadata": {"a": 2, "b": {"x": 1}, "c": 3}},
        ),
        ({"metadata": {"b": {"x": 1}}}, {"metadata": {"a": 1, "b": {"x": 2}}}, {"metadata": {"b": {"x": 2}}}),
        ({"metadata": {}}, {"metadata": {"c": 3}}, {"metadata": {"c": 3}}),
        ({"metadata": None}, {"metadata": {"c": 3}}, {"metadata": None}),
        ({"new": 1}, {"newer": 2}, {"newer": 2, "new": 1}),
    ],
)
def test_each_ones_changes_are_kept(mine, theirs, expected):
    assert three_way(mine, theirs) == {**BASE, **expected}


def test_what_nobody_else_has_changed_is_taken_as_it_is():
    assert merged("{}", '{"title":  "Mine"}', "{}") == '{"title":  "Mine"}'


def test_an_object_is_compared_with_itself_as_it_was():
    """The SDK holds one object of the thread, and the agent loads another one later."""
    seen, early, late = Snapshots(), a_thread(), a_thread()
    assert seen.of(early) is None
    seen.loaded(early, "early")
    seen.loaded(late, "late")
    assert (seen.of(early), seen.of(late)) == ("early", "late")
    seen.saved(early, "saved")
    assert (seen.of(early), seen.of(late)) == ("saved", "late")


def test_a_copy_is_compared_with_what_it_can_at_most_lack():
    """The SDK saves a copy of a new thread, and later the thread itself; an agent may have loaded it in between."""
    seen = Snapshots()
    seen.loaded(a_thread(), "first")
    seen.loaded(a_thread(), "second")
    assert seen.of(a_thread()) == "first"
    seen.saved(a_thread(), "saved")
    seen.loaded(a_thread(), "third")
    assert seen.of(a_thread()) == "saved"
    assert seen.of(a_thread("thr_2")) is None


def test_a_deleted_thread_is_new_when_it_is_saved_again():
    seen, thread = Snapshots(), a_thread()
    seen.loaded(thread, "seen")
    seen.forget("thr_1")
    assert seen.of(thread) is None
    seen.forget("thr_2")
