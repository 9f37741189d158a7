"""The people who can sign in at the development issuer."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from contracts.values import Json, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account."""

    username: str
    title: str
    title_en: str
    claims: JsonObject
    """What tokens say: ``sub``, ``roles``, ``region``, ``organ``, ``window``; of an applicant ``id_type`` and ``id_number``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everybody with an account, and the one password of all."""

    by_name: dict[str, Person]
    password: str

    def sign_in(self, username: str, *, password: str) -> Person | None:
        """The person, when both are right."""
        right = hmac.compare_digest(password.encode(), self.password.encode())
        person = self.by_name.get(username)
        return person if right else None


_CLAIMS = ("sub", "roles", "region", "organ", "window", "id_type", "id_number")


def load(path: Path) -> People:
    """Read the file.

    Raises:
        OSError: It cannot be read.
        ValueError: It does not have the form.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = [*document["people"], *(entry for office in document.get("offices", ()) for entry in _officers(office))]
        people = [_person(entry) for entry in entries]
        return People(by_name={person.username: person for person in people}, password=str(document["password"]))
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} does not have the form of the people of the development issuer") from error


_POSITIONS = (("reviewer", "受理人员", "reviewer"), ("approver", "审批人员", "approver"))
"""What the two people of an office are: the role, and how it is called."""


def _officers(office: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for role, title, title_en in _POSITIONS:
        yield {
            "username": f"{office['account']}-{role}",
            "title": f"{office['name']} {title}",
            "title_en": f"{title_en}, {office['name_en']}",
            "roles": [role],
            "region": office["region"],
            "organ": office["organ"],
        }


def _person(entry: dict[str, Json]) -> Person:
    return Person(
        username=str(entry["username"]),
        title=str(entry["title"]),
        title_en=str(entry["title_en"]),
        claims={"sub": entry["username"], **{name: entry[name] for name in _CLAIMS if entry.get(name) is not None}},
    )
