"""The people of the demo, for the line that says who may sign in."""

from __future__ import annotations

import yaml

from tongban_local.layout import PEOPLE
from tongban_local.visitor import DEMO_PASSWORD


def logins() -> list[str]:
    """One line for each: account, what it is in both languages; the password stands above them."""
    people = yaml.safe_load(PEOPLE.read_text(encoding="utf-8"))["people"]
    width = max(len(person["username"]) for person in people)
    lines = [f"demo logins, password {DEMO_PASSWORD}:"]
    lines += [f"  {person['username']:<{width}}  {person['title']} / {person['title_en']}" for person in people]
    return lines
