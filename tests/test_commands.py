"""The README's table of commands, and what the commands say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class

README = (Path(__file__).parents[1] / "README.md").read_text()
ROWS = dict(re.findall(r"^\| `([a-z_]+chatkit[a-z_]*)([^`]*)` \|", README, re.MULTILINE))
OURS = sorted(name for name, app in get_commands().items() if app == "django_chatkit")


def test_the_readme_lists_every_command():
    assert sorted(ROWS) == OURS


@pytest.mark.parametrize("name", OURS)
def test_the_readme_lists_every_option(name):
    command = load_command_class("django_chatkit", name)
    parser = command.create_parser("manage.py", name)
    common = {text for action in BaseCommand().create_parser("", "")._actions for text in action.option_strings}
    options = {text for action in parser._actions for text in action.option_strings} - common
    assert options == set(re.findall(r"--[a-z-]+", ROWS[name]))
    required = {text for action in parser._actions if action.required for text in action.option_strings}
    for option in options & required:
        assert f"[{option}" not in ROWS[name]


@pytest.mark.parametrize("name", OURS)
def test_every_command_says_what_it_does(name):
    parser = load_command_class("django_chatkit", name).create_parser("manage.py", name)
    assert parser.description
    assert all(action.help for action in parser._actions)
