"""The files of the seed, read as the documents that they stand for."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import yaml

from catalog_svc.base_form.domain import BaseForm
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.item.domain import ItemContent, ItemDraft, ItemParts
from catalog_svc.negative_list.domain import Edition
from catalog_svc.power.domain import Power
from catalog_svc.seed.forms import NOWHERE, Library, Places, write_material, write_rules, write_schema, write_stop
from catalog_svc.word.domain import Word
from contracts.catalogue import Agreement, CalendarYear, ChecklistPart, FormPart, Organ, Region, SituationsPart, TextsPart
from contracts.certificates import Certificate
from contracts.codec import decode
from contracts.values import NATION, Digest, ItemCode, Json, JsonObject, RegionCode, digest

FOLDER = Path(__file__).parent

ACCEPTANCE: JsonObject = {"amount": 5, "unit": "workdays", "basis": "行政许可法 §32"}
DELIVERY: JsonObject = {"amount": 10, "unit": "workdays", "basis": "行政许可法 §44"}
STEPS: list[Json] = ["申请", "收件(异地代收的由代收窗口核验身份并预检)", "受理", "审查", "决定", "送达"]
ALWAYS: JsonObject = {"always": True}
ONLY: JsonObject = {"situation_id": "standard", "name": "一般情形", "name_en": "Standard", "when": ALWAYS}

_DECLARED = ("modes", "service_objects", "project_type", "four_do", "lists", "ways")
"""What a version says of itself, of which the seed's default is the contract's."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Safe either way; the compiled one is ten times as quick."""

_MODES = {"多地联办": "joint", "全程网办": "fully_online", "异地代收代办": "collect_here"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedItem:
    """One organ's service item of the seed."""

    region: RegionCode
    draft: ItemDraft


class Seed:
    """The files of one folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Nothing is read yet."""
        self._folder = folder

    def digest(self) -> Digest:
        """Names the content of every data file; equal while nothing changed."""
        paths = sorted(path for path in self._folder.rglob("*") if path.suffix in {".csv", ".yaml"})
        return digest({path.relative_to(self._folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths})

    def regions(self) -> list[Region]:
        """The nation, every region of today, and the codes given up since 2010."""
        found = [Region(code=NATION, name="中华人民共和国", level="nation", parent=None, kind="国家")]
        found += [decode(Region, {**row, "parent": row["parent"] or NATION}) for row in self._rows("regions.csv")]
        for row in self._rows("successors.csv"):
            given_up: JsonObject = {**row, "valid_from": row["valid_from"] or None, "successors": [*row["successors"].split(";")]}
            found.append(decode(Region, given_up))
        return found

    def base_items(self) -> list[BaseItem]:
        """The base directory."""
        return [
            decode(
                BaseItem,
                {
                    **row,
                    "listed": row["confidence"],
                    "locked_modes": [_MODES[row["national_mode"]]] if row["national_mode"] else [],
                    "part_of": row["part_of"] or None,
                },
            )
            for row in self._rows("base-items.csv")
        ]

    def words(self) -> list[Word]:
        """What people call items, and what they say for words of the directory."""
        found = [
            Word(word=word, item=ItemCode(self._codes[row["name"]]), means=None, region=NATION)
            for row in self._rows("synonyms.csv")
            for word in row["words"].split()
        ]
        return found + [
            Word(word=row["word"], item=None, means=means, region=NATION)
            for row in self._rows("terms.csv")
            for means in row["means"].split()
        ]

    def organs(self) -> list[Organ]:
        """The organs of the counties in the seed."""
        return [decode(Organ, {**row, "hosted": True}) for row in self._rows("organs.csv")]

    def base_forms(self) -> list[BaseForm]:
        """The base forms that items build on."""
        return [
            decode(
                BaseForm,
                {
                    **{name: written[name] for name in ("code", "name", "name_en", "region")},
                    "form": write_schema(str(written["name"]), fields=cast("list[JsonObject]", written["fields"]), library=self._library),
                },
            )
            for written in _read_yaml(self._folder / "base-forms.yaml")
        ]

    def certificates(self) -> list[Certificate]:
        """The nation's certificate list."""
        return [decode(Certificate, written) for written in _read_yaml(self._folder / "certificates.yaml")]

    def negative_lists(self) -> list[Edition]:
        """The nation's negative lists in force."""
        return [decode(Edition, written) for written in _read_yaml(self._folder / "negative-lists.yaml")]

    def calendars(self) -> list[CalendarYear]:
        """The nation's years."""
        years: dict[str, JsonObject] = {}
        for row in self._rows("calendars.csv"):
            year = years.setdefault(
                f"{row['region']}-{row['year']}",
                {**row, "year": int(row["year"]), "official": row["official"] == "true", "workdays": [], "holidays": []},
            )
            year["workdays" if row["kind"] == "workday" else "holidays"] = [*row["days"].split()]
        return [decode(CalendarYear, year) for year in years.values()]

    @cached_property
    def items(self) -> list[OfferedItem]:
        """What the organs of the counties offer."""
        found: list[OfferedItem] = []
        for path in sorted((self._folder / "items").glob("*.yaml")):
            for written in _read_yaml(path):
                publishers = cast("list[JsonObject]", written["publishers"])
                found += [self._item(written, publisher) for publisher in publishers]
        return found

    def powers(self) -> list[Power]:
        """The counties' powers lists: what stands behind items on the list of whoever publishes one, by the law that they cite."""
        return [power for written in _read_yaml(self._folder / "powers.yaml") for power in self._listed(written)]

    def _listed(self, written: JsonObject) -> Iterator[Power]:
        """One power on the list of each county that has it."""
        codes = {self._codes[str(name)] for name in cast("list[Json]", written.get("items", []))}
        drafts = [one.draft for one in self.items if one.draft.content.item_code in codes]
        named = {self._organ_codes[str(name)] for name in cast("list[Json]", written.get("organs", []))}
        for region in sorted({self._organ_regions[code] for code in (*named, *(draft.content.organ for draft in drafts))}):
            here = [draft for draft in drafts if self._organ_regions[draft.content.organ] == region]
            organs = {code for code in named if self._organ_regions[code] == region} | {draft.content.organ for draft in here}
            basis = dict.fromkeys(line for draft in here for line in draft.parts.texts.legal_basis)
            own: JsonObject = {
                "region": region,
                "organs": [*sorted(organs)],
                "items": [*sorted({draft.content.item_code for draft in here})],
                "legal_basis": written.get("legal_basis", [*basis]),
                "verbatim": False,
            }
            yield decode(Power, {**written, **own})

    def agreements(self) -> list[Agreement]:
        """The agreements; ``items: published`` becomes what the handling side publishes, names become base codes."""
        found: list[Agreement] = []
        for written in _read_yaml(self._folder / "agreements.yaml"):
            handling, named = cast("list[Json]", written["handling"]), written["items"]
            offered = {one.draft.content.item_code for one in self.items if one.region in handling}
            items: list[Json] = [self._codes[str(name)] for name in named] if isinstance(named, list) else [*sorted(offered)]
            found.append(decode(Agreement, {**written, "items": items}))
        return found

    def _item(self, written: JsonObject, publisher: JsonObject) -> OfferedItem:
        region = RegionCode(str(publisher["region"]))
        places = self._places.get(region, NOWHERE)
        # A region may promise sooner than the others.
        limits = {**cast("JsonObject", written["limits"]), **cast("JsonObject", publisher.get("limits", {}))}
        name, basis = str(written["name"]), str(written.get("basis", ""))
        fields = cast("list[JsonObject]", written.get("fields", []))
        content: JsonObject = {
            "item_code": self._codes[name],
            "name": name,
            "organ": self._organ_codes[str(publisher["organ"])],
            "approval_type": "normal",
            "credential_type": None,
            "acceptance_limit": limits.get("acceptance", ACCEPTANCE),
            "statutory_limit": limits["statutory"],
            "promised_limit": limits["promised"],
            "extension_limit": limits.get("extension"),
            "delivery_limit": limits.get("delivery", DELIVERY),
        }
        chosen = {key: written[key] for key in (*content, *_DECLARED) if key in written}
        schema = written.get("schema") or write_schema(f"{name}申请表", fields=fields, library=self._library)
        materials = [write_material(one, basis=basis, library=self._library) for one in cast("list[JsonObject]", written["materials"])]
        needed = write_rules(fields, slug=str(written.get("slug", "")), basis=basis, library=self._library)
        checklist: JsonObject = {"materials": [*materials], "rules": [*needed, *cast("list[Json]", written.get("rules", []))]}
        situations: JsonObject = {
            "facts": written.get("facts", []),
            "situations": written.get("situations", [ONLY]),
            "bundle": self._bundle(cast("JsonObject | None", written.get("bundle"))),
        }
        texts: JsonObject = {"steps": STEPS, "fees": "不收费", **cast("JsonObject", written["texts"])}
        texts["stops"] = [write_stop(one, library=self._library) for one in cast("list[Json]", texts.get("stops", []))]
        parts = ItemParts(
            form=FormPart(schema=cast("JsonObject", places.fill(schema)), base_form=str(written.get("base_form", ""))),
            situations=decode(SituationsPart, situations),
            checklist=decode(ChecklistPart, places.fill(checklist)),
            texts=decode(TextsPart, texts),
        )
        return OfferedItem(region=region, draft=ItemDraft(content=decode(ItemContent, content | chosen), parts=parts))

    def _bundle(self, written: JsonObject | None) -> JsonObject | None:
        """A bundle with the base codes of its members, which the file names by what they are called."""
        if written is None:
            return None
        members = cast("list[JsonObject]", written["members"])
        return {
            **written,
            "members": [
                {
                    **{key: value for key, value in one.items() if key != "item"},
                    "item_code": self._codes[str(one["item"])],
                    "after": [self._codes[str(name)] for name in cast("list[Json]", one.get("after", []))],
                }
                for one in members
            ],
        }

    @cached_property
    def _codes(self) -> Mapping[str, str]:
        return {row["name"]: row["code"] for row in self._rows("base-items.csv")}

    @cached_property
    def _organ_codes(self) -> Mapping[str, str]:
        return {row["name"]: row["code"] for row in self._rows("organs.csv")}

    @cached_property
    def _organ_regions(self) -> Mapping[str, str]:
        return {row["code"]: row["region"] for row in self._rows("organs.csv")}

    @cached_property
    def _library(self) -> Library:
        fields, choices, materials, stops = (
            cast("dict[str, JsonObject]", _parse(self._folder / f"{name}.yaml")) for name in ("fields", "choices", "materials", "stops")
        )
        return Library(fields=fields, choices=cast("Mapping[str, Json]", choices), materials=materials, stops=stops)

    @cached_property
    def _places(self) -> Mapping[str, Places]:
        towns: dict[str, list[tuple[str, str]]] = {}
        for row in self._rows("towns.csv"):
            towns.setdefault(row["region"], []).append((row["code"], row["name"]))
        return {
            region: Places(codes=tuple(code for code, _ in rows), names=tuple(name for _, name in rows)) for region, rows in towns.items()
        }

    def _rows(self, name: str) -> Iterator[dict[str, str]]:
        with (self._folder / name).open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def _read_yaml(path: Path) -> list[JsonObject]:
    return cast("list[JsonObject]", _parse(path))


def _parse(path: Path) -> Json:
    return cast("Json", yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER))  # noqa: S506 - safe in both forms
