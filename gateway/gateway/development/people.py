"""The people who can sign in at the development issuer."""

import hmac
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
        people = [_person(entry) for entry in document["people"]]
        return People(by_name={person.username: person for person in people}, password=str(document["password"]))
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} does not have the form of the people of the development issuer") from error


def _person(entry: dict[str, Json]) -> Person:
    return Person(
        username=str(entry["username"]),
        title=str(entry["title"]),
        title_en=str(entry["title_en"]),
        claims={"sub": entry["username"], **{name: entry[name] for name in _CLAIMS if entry.get(name) is not None}},
    )
