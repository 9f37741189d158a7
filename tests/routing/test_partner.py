"""Machines sign in with a key of their own; in development time passes for everybody at once."""

import time
import uuid
from typing import Any

import httpx
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey
from sqlalchemy import select

from chassis.tables import OUTBOX
from contracts.caller import Caller, CallerKind, Role
from contracts.documents import Account
from contracts.values import OrganCode, RegionCode
from routing_svc.partner.handlers import open_account, prepare
from tests.contracts.builders import TONGGU
from tests.routing.builders import CLERK, MONDAY, OPERATOR, TONGGU_HALL, Service, StandingNow, rule_of

CLIENT = "tonggu-system"
ACCOUNT = Account(client_id=CLIENT, name="铜鼓县政务平台", region=TONGGU, organ=TONGGU_HALL, roles=("partner",), active=True)
KEY = OKPKey.generate_key("Ed25519")
EC = ECKey.generate_key("P-256")


async def opened(service: Service, account: Account = ACCOUNT, *, key: OKPKey | ECKey = KEY) -> bool:
    async with service.context.database.begin(service.context) as tx:
        return await open_account(tx, account, public_pem=key.as_pem(private=False).decode())


def an_assertion(*, key: OKPKey | ECKey = KEY, alg: str = "Ed25519", **changed: Any) -> str:
    now = int(time.time())
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": "tongban", "jti": uuid.uuid4().hex, "iat": now, "exp": now + 60} | changed
    return jwt.encode({"alg": alg}, claims, key, algorithms=[alg])


async def asked(service: Service, assertion: str, *, grant: str = "client_credentials") -> httpx.Response:
    form = {
        "grant_type": grant,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    return await service.client.post("/v1/token", data=form)


async def documents(service: Service, key: str) -> list[dict[str, Any]]:
    async with service.context.database.read(service.context) as tx:
        return [orjson.loads(row) for row in (await tx.execute(select(OUTBOX.c.data).where(OUTBOX.c.key == key))).scalars()]


async def test_a_signed_assertion_buys_a_token_that_the_published_key_verifies(service: Service) -> None:
    await opened(service)

    answer = await asked(service, an_assertion())

    assert answer.status_code == 200, answer.text
    (published,) = await documents(service, "key/routing.token.1")
    claims = jwt.decode(answer.json()["access_token"], ECKey.import_key(published["public_key"]), algorithms=["ES256"]).claims
    assert (claims["sub"], claims["roles"], claims["region"], claims["organ"]) == (CLIENT, ["partner"], TONGGU, TONGGU_HALL)
    assert claims["exp"] - claims["iat"] == answer.json()["expires_in"] == 600
    assert answer.headers["cache-control"] == "no-store"


async def test_an_es256_key_will_do(service: Service) -> None:
    await opened(service, key=EC)

    assert (await asked(service, an_assertion(key=EC, alg="ES256"))).status_code == 200


async def test_an_assertion_is_used_once(service: Service) -> None:
    await opened(service)
    assertion = an_assertion()

    first, second = await asked(service, assertion), await asked(service, assertion)

    assert first.status_code == 200
    assert second.json()["rule"] == "token.assertion-used"
    assert second.status_code == 400


@pytest.mark.parametrize(
    "assertion",
    [
        "not a token",
        "a.b.c",
        an_assertion(key=OKPKey.generate_key("Ed25519")),
        an_assertion(aud="elsewhere"),
        an_assertion(iss="somebody"),
        an_assertion(exp=int(time.time()) - 1),
        an_assertion(exp=int(time.time()) + 3600),
        an_assertion(sub="nobody", iss="nobody"),
    ],
    ids=["no token", "three dots", "other key", "other audience", "other issuer", "expired", "lives too long", "unknown client"],
)
async def test_what_proves_no_account_buys_nothing_and_is_not_told_why(service: Service, assertion: str) -> None:
    await opened(service)

    answer = await asked(service, assertion)

    assert rule_of(answer) == (400, "token.invalid-client")


async def test_a_closed_account_buys_nothing(service: Service) -> None:
    await opened(service)
    await opened(service, Account(client_id=CLIENT, name=ACCOUNT.name, region=TONGGU, organ=TONGGU_HALL, roles=("partner",), active=False))

    assert rule_of(await asked(service, an_assertion())) == (400, "token.invalid-client")


async def test_another_grant_is_not_supported(service: Service) -> None:
    assert rule_of(await asked(service, an_assertion(), grant="password")) == (422, "token.unsupported-grant")


async def test_opening_the_same_account_again_changes_nothing(service: Service) -> None:
    assert await opened(service) is True
    assert await opened(service) is False

    (account,) = await documents(service, f"account/{CLIENT}")
    assert account["client_id"] == CLIENT


async def test_a_machine_reads_its_own_account(service: Service) -> None:
    await opened(service)
    machine = Caller(
        kind=CallerKind.MACHINE,
        issuer="tongban",
        account=CLIENT,
        roles=frozenset({Role.PARTNER}),
        region=RegionCode(TONGGU),
        organ=OrganCode(TONGGU_HALL),
    )

    assert (await service.shown("/v1/partners/me", by=machine))["name"] == "铜鼓县政务平台"
    assert (await service.get("/v1/partners/me", by=CLERK)).status_code == 404


async def test_an_operator_lets_days_pass_and_every_service_is_told(service: Service) -> None:
    answer = await service.act("/v1/dev/now", {"forward": "P3D"}, by=OPERATOR)
    await service.act("/v1/dev/now", {"forward": "PT12H"}, by=OPERATOR)

    assert answer["offset_seconds"] == 3 * 86_400
    assert [document["seconds"] for document in await documents(service, "clock/offset")] == [3 * 86_400, 3 * 86_400 + 43_200]
    assert (await service.client.get("/v1/dev/now")).json()["offset_seconds"] == 3 * 86_400 + 43_200


async def test_the_clock_stands_where_it_was_left_after_a_restart(service: Service) -> None:
    await service.act("/v1/dev/now", {"forward": "P3D"}, by=OPERATOR)

    service.context.now = StandingNow(MONDAY)
    await prepare(service.context)

    assert service.context.now.offset.days == 3


async def test_time_does_not_pass_backwards_nor_for_others_than_operators(service: Service) -> None:
    backwards = await service.post("/v1/dev/now", {"forward": "-P1D"}, by=OPERATOR)
    by_a_clerk = await service.post("/v1/dev/now", {"forward": "P1D"}, by=CLERK)

    assert backwards.status_code == 422
    assert rule_of(by_a_clerk) == (403, "forbidden")
    assert await documents(service, "clock/offset") == []
