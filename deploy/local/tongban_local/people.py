"""The people of the demo, for the line that says who may sign in."""

from __future__ import annotations

import textwrap

import yaml

from tongban_local.layout import PEOPLE
from tongban_local.visitor import DEMO_PASSWORD


def logins() -> list[str]:
    """One line for each: account, what it is in both languages; the password stands above them, the offices of other organs below."""
    document = yaml.safe_load(PEOPLE.read_text(encoding="utf-8"))
    people, offices = document["people"], [office["account"] for office in document["offices"]]
    width = max(len(person["username"]) for person in people)
    lines = [f"demo logins, password {DEMO_PASSWORD}:"]
    lines += [f"  {person['username']:<{width}}  {person['title']} / {person['title_en']}" for person in people]
    lines += [f"and -reviewer and -approver of {len(offices)} other organs 其他机关受理、审批人员:"]
    lines += textwrap.wrap(" ".join(offices), width=100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return lines
