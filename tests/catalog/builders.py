"""Officers, drafts and a way to ask one catalog-svc as they would."""

import copy
import itertools
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from sqlalchemy import func, select

from catalog_svc.context import Catalog
from catalog_svc.seed.reading import Seed
from chassis.identity import SigningKey
from chassis.inbox import store_positions
from chassis.tables import OUTBOX
from contracts.caller import Caller, CallerKind, Role
from contracts.codec import encode_object
from contracts.values import NATION, JsonObject, OrganCode, RegionCode

LIUYANG = RegionCode("430181")
TONGGU = RegionCode("360926")
WANZAI = RegionCode("360922")
SOLE_TRADER = "000131014000"
MARKET = OrganCode("11430181TB000001XB")
"""浏阳市市场监督管理局"""
SOLE_TRADER_ITEM = f"{MARKET}4{SOLE_TRADER}"

_keys = itertools.count(1)


def officer(role: Role, *, region: RegionCode = LIUYANG, account: str | None = None) -> Caller:
    return Caller(kind=CallerKind.STAFF, issuer="idp", account=account or f"{role}-{region}", roles=frozenset({role}), region=region)


AUTHOR = officer(Role.CATALOGUE_AUTHOR)
REVIEWER = officer(Role.CATALOGUE_REVIEWER)
NATIONAL_AUTHOR = officer(Role.CATALOGUE_AUTHOR, region=NATION)
NATIONAL_REVIEWER = officer(Role.CATALOGUE_REVIEWER, region=NATION)
BOTH = Caller(
    kind=CallerKind.STAFF,
    issuer="idp",
    account="both",
    roles=frozenset({Role.CATALOGUE_AUTHOR, Role.CATALOGUE_REVIEWER}),
    region=LIUYANG,
)
CLERK = officer(Role.RECEIVING_CLERK)


@dataclass(kw_only=True)
class Service:
    context: Catalog
    client: httpx.AsyncClient
    gateway: SigningKey
    heard: int = field(default=0)

    def _signed(self, by: Caller | None) -> dict[str, str]:
        return {} if by is None else {"authorization": f"Bearer {self.gateway.mint(by, audience='catalog')}"}

    def headers(self, by: Caller | None) -> dict[str, str]:
        """Signed in, with a key of its own."""
        return self._signed(by) | {"idempotency-key": f"key-{next(_keys)}"}

    async def get(self, path: str, query: dict[str, str] | None = None, *, known: str = "", seen: str = "") -> httpx.Response:
        headers = {"if-none-match": known, "tongban-seen": seen}
        return await self.client.get(f"/v1{path}", params=query, headers={name: value for name, value in headers.items() if value})

    async def get_as(self, path: str, *, by: Caller) -> httpx.Response:
        return await self.client.get(f"/v1{path}", headers=self._signed(by))

    async def post(
        self, path: str, body: Any = None, *, by: Caller | None = None, content: bytes | None = None, tag: str | None = None
    ) -> httpx.Response:
        """Send; a review says that it read what stands there, unless it is told another ``tag``."""
        headers = self.headers(by)
        if tag is None and path.endswith("/review") and not path.startswith("/service-items/") and by is not None:
            tag = (await self.get_as(path.removesuffix("review") + "draft", by=by)).headers.get("etag", '"0"')
        if tag:
            headers["if-match"] = tag
        if content is not None:
            return await self.client.post(f"/v1{path}", content=content, headers=headers | {"content-type": "application/json"})
        return await self.client.post(f"/v1{path}", json=body, headers=headers)

    async def documents(self) -> list[tuple[str, str, JsonObject | None]]:
        """What went out since it was asked last, in order."""
        async with self.context.database.read(self.context) as tx:
            rows = (await tx.execute(select(OUTBOX).where(OUTBOX.c.position > self.heard).order_by(OUTBOX.c.position))).all()
        self.heard = max((row.position for row in rows), default=self.heard)
        return [(row.topic, row.key, None if row.data is None else orjson.loads(row.data)) for row in rows]

    async def hear_all(self) -> None:
        """Take into the index everything that ever went out."""
        self.heard = 0
        await self.hear()

    async def skip(self) -> None:
        """Pass over what went out until now."""
        async with self.context.database.read(self.context) as tx:
            self.heard = (await tx.execute(select(func.coalesce(func.max(OUTBOX.c.position), 0)))).scalar_one()

    async def hear(self) -> list[tuple[str, str, JsonObject | None]]:
        """Take into the index what went out, as the follower would."""
        out = await self.documents()
        for topic, key, data in out:
            self.context.catalogue.apply(topic, key, data)
        async with self.context.database.begin(self.context) as tx:
            await store_positions(tx.connection, {(self.context.name, key): self.heard for _, key, _ in out})
        return out

    async def publish(self, body: JsonObject, *, effective_from: str | None = None) -> JsonObject:
        """Draft, review and publish a version; the answer of the publication."""
        drafted = (await self.post("/service-items", body, by=AUTHOR)).json()
        path = f"/service-items/versions/{drafted['version_id']}"
        assert (await self.post(f"{path}/review", by=REVIEWER)).status_code == 200
        sent = {} if effective_from is None else {"effective_from": effective_from}
        answer = await self.post(f"{path}/publication", sent, by=REVIEWER)
        assert answer.status_code == 200, answer.text
        published: JsonObject = answer.json()
        return published


SEED = Seed()
"""The seed as its files say it; one for all tests, for reading its items takes a third of a second."""

_OFFERED = {(one.region, one.draft.content.name): one.draft for one in SEED.items}


def a_draft(name: str = "个体工商户登记", *, region: RegionCode = LIUYANG) -> Any:
    """A version of the seed as a request body, to be changed by the test."""
    draft = _OFFERED[region, name]
    parts = {
        key: encode_object(part)
        for key, part in (("situations", draft.parts.situations), ("checklist", draft.parts.checklist), ("texts", draft.parts.texts))
    }
    for part in parts.values():
        del part["kind"]
    form = draft.parts.form
    base = {"base_form": form.base_form} if form.base_form else {}
    return copy.deepcopy({"version": encode_object(draft.content), "form": form.schema, **base, **parts})
