"""Who asks is checked once at the door; services are told only what they need to know."""

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.types import Receive, Scope, Send

from contracts.caller import CallerKind, Identity, Role
from contracts.documents import Account, PublicKey
from gateway.development.issuer import DEV_ISSUER
from gateway.provider import KEPT
from gateway.provider import Provider as OpenIdProvider
from tests.gateway.conftest import MakeWorld
from tests.gateway.world import World, client_of, served

NOBODY_KEY = ECKey.generate_key("P-256", {"kid": "nobody"})


@pytest.fixture
def key(here: World) -> ECKey:
    """The development issuer's own key, as somebody who stole it would use it."""
    return ECKey.import_key(json.loads((here.folder / "dev.json").read_text()))


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"iss": DEV_ISSUER, "aud": "tongban", "sub": "tonggu-clerk", "roles": ["receiving_clerk"], "iat": now, "exp": now + 60}
    return {name: value for name, value in (whole | other).items() if value is not None}


def signed(key: ECKey, **other: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims(**other), key, algorithms=["ES256"])


async def ask(here: World, token: str, *, path: str = "/v1/cases") -> httpx.Response:
    async with client_of(here.url) as client:
        return await client.get(path, headers={"authorization": f"Bearer {token}"})


async def test_a_token_of_the_issuer_is_believed(here: World, key: ECKey) -> None:
    assert (await ask(here, signed(key))).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": -1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 3600},
        {"nbf": 3600},
        {"aud": "somebody-else"},
        {"aud": ["a", "b"]},
        {"aud": None},
        {"iss": "https://elsewhere.test"},
        {"iss": "tongban"},
        {"iss": None},
        {"sub": None},
        {"sub": "nobody-known"},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_is_401(here: World, key: ECKey, wrong: dict[str, Any]) -> None:
    """Numbers are seconds from now."""
    wrong = {name: value + int(time.time()) if isinstance(value, int) else value for name, value in wrong.items()}
    answer = await ask(here, signed(key, **wrong))

    assert (answer.status_code, answer.json()["rule"], answer.headers["www-authenticate"]) == (401, "unauthenticated", "Bearer")
    assert here["intake"].asked == []


def unsigned(kid: str) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": kid}, claims())]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


async def test_a_token_that_chooses_its_own_algorithm_is_401(here: World, key: ECKey) -> None:
    public = key.as_pem(private=False)
    symmetric = jwt.encode({"alg": "HS256", "kid": key.kid}, claims(), OctKey.import_key(base64.b64encode(public)), algorithms=["HS256"])

    tokens = [unsigned(key.kid or ""), symmetric]

    assert [(await ask(here, token)).status_code for token in tokens] == [401, 401]


async def test_a_token_of_an_unknown_key_or_with_a_changed_byte_is_401(here: World, key: ECKey) -> None:
    good = signed(key)
    head, body, signature = good.split(".")
    stolen_kid = jwt.encode({"alg": "ES256", "kid": key.kid}, claims(), NOBODY_KEY, algorithms=["ES256"])
    changed = base64.urlsafe_b64encode(json.dumps(claims(roles=["approver"])).encode()).rstrip(b"=").decode()
    tokens = [signed(NOBODY_KEY), stolen_kid, f"{head}.{changed}.{signature}", f"{head}.{body}", "x", "a.b.c", "a" * 9000]

    answers = [await ask(here, token) for token in tokens]

    assert [answer.status_code for answer in answers] == [401] * len(tokens)


@pytest.mark.parametrize("header", ["Basic dG9uZ2d1OnRvbmdiYW4=", "Bearer", "token"])
async def test_another_form_of_sign_in_is_401(here: World, client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/v1/cases", headers={"authorization": header})

    assert (answer.status_code, here["intake"].asked) == (401, [])


async def test_two_tokens_at_once_are_401(here: World, client: httpx.AsyncClient) -> None:
    token = await here.token("tonggu-clerk")

    answer = await client.get("/v1/cases", headers=[("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")])

    assert answer.status_code == 401


async def test_without_a_token_only_public_paths_are_passed_and_nobody_is_vouched_for(here: World, client: httpx.AsyncClient) -> None:
    private = [await client.get(path) for path in ("/v1/cases", "/v1/handlings", "/v1/credentials?case=1", "/v1/catalog/parked")]
    written = await client.post("/v1/regions", json={})
    public = await client.get("/v1/regions")

    assert [answer.status_code for answer in (*private, written, public)] == [401, 401, 401, 401, 401, 200]
    assert here["catalog"].asked[0].header("authorization") is None


async def test_a_token_shown_at_a_public_path_must_hold(here: World) -> None:
    answer = await ask(here, "x.y.z", path="/v1/regions")

    assert (answer.status_code, here["catalog"].asked) == (401, [])


async def test_each_service_is_told_who_asks_by_a_token_for_it_alone(here: World, clerk: httpx.AsyncClient) -> None:
    for path in ("/v1/regions", "/v1/cases", "/v1/transfers", "/v1/credentials?case=1"):
        await clerk.get(path)

    callers = [here.caller(here[name].asked[0], service=name) for name in ("catalog", "intake", "routing", "credential")]
    assert len(set(callers)) == 1
    told = callers[0]
    assert (told.kind, str(told.ref), set(told.roles)) == (CallerKind.STAFF, f"{DEV_ISSUER}|tonggu-clerk", {Role.RECEIVING_CLERK})
    assert (told.region, told.organ, told.window) == ("360926", "11360926TB0000028M", "360926-01")


async def test_a_persons_identity_is_told_to_intake_alone(here: World) -> None:
    token = await here.token("applicant-chen")

    for path in ("/v1/cases", "/v1/regions", "/v1/transfers"):
        await ask(here, token, path=path)

    told = {name: here.caller(here[name].asked[0], service=name) for name in ("intake", "catalog", "routing")}
    assert {name: caller.kind for name, caller in told.items()} == dict.fromkeys(told, CallerKind.PERSON)
    assert told["intake"].identity == Identity(id_type="resident_id", id_number="360926199003070000")
    assert (told["catalog"].identity, told["routing"].identity) == (None, None)


@pytest.mark.parametrize(
    ("path", "service", "no"),
    [
        ("/v1/cases/N6/timeline", "routing", "N6"),
        ("/v1/handlings/N2", "routing", "N2"),
        ("/v1/notices/X-1?case=N3", "routing", "N3"),
        ("/v1/credentials?case=N4", "credential", "N4"),
        ("/v1/credentials/c-1/qr?case=N5", "credential", "N5"),
    ],
)
async def test_an_applicant_is_let_in_elsewhere_for_the_case_that_intake_shows(here: World, path: str, service: str, no: str) -> None:
    here["intake"].answers[f"/v1/cases/{no}"] = (200, {"case_id": f"id-of-{no}"})

    answer = await ask(here, await here.token("applicant-chen"), path=path)

    assert answer.status_code == 200
    assert here["intake"].asked[0].target == f"/v1/cases/{no}"
    assert here.caller(here[service].asked[0], service=service).case == f"id-of-{no}"


async def test_an_applicant_meets_nobody_elses_case(here: World) -> None:
    here["intake"].answers["/v1/cases/N9"] = (404, {"rule": "case.unknown"})

    answer = await ask(here, await here.token("applicant-li"), path="/v1/cases/N9/timeline")

    assert (answer.status_code, answer.json()["rule"], here["routing"].asked) == (404, "not-found", [])


async def test_one_applicants_leave_is_no_other_applicants(here: World) -> None:
    here["intake"].answers["/v1/cases/N8"] = (200, {"case_id": "id-of-N8"})
    first = await ask(here, await here.token("applicant-chen"), path="/v1/cases/N8/timeline")
    here["intake"].answers["/v1/cases/N8"] = (404, {})

    second = await ask(here, await here.token("applicant-li"), path="/v1/cases/N8/timeline")

    assert (first.status_code, second.status_code) == (200, 404)


async def test_when_intake_fails_an_applicant_is_told_to_come_back(here: World) -> None:
    here["intake"].answers["/v1/cases/N7"] = (500, {})

    answer = await ask(here, await here.token("applicant-chen"), path="/v1/cases/N7/timeline")

    assert (answer.status_code, here["routing"].asked) == (503, [])


async def test_an_officer_is_asked_for_no_leave_of_intake(here: World, clerk: httpx.AsyncClient) -> None:
    await clerk.get("/v1/cases/N6/timeline")

    assert (len(here["routing"].asked), here["intake"].asked) == (1, [])


def pem(key: ECKey) -> str:
    return key.as_pem(private=False).decode()


async def test_a_machine_is_known_while_its_account_is_open(here: World) -> None:
    key = ECKey.generate_key("P-256", {"kid": "routing.token.test"})
    account = Account(client_id="their-system", name="theirs", region="360926", organ="11360926TB0000028M", roles=("partner",), active=True)
    token = signed(key, iss="tongban", sub="their-system", roles=["approver"], region="430181")
    before = (await ask(here, token)).status_code
    public = PublicKey(kid="routing.token.test", owner="routing", use="token", algorithm="ES256", public_key=pem(key))

    await here.publish(account, public)
    statuses = [before]
    while statuses[-1] == 401:
        statuses.append((await ask(here, token)).status_code)
    told = here.caller(here["intake"].asked[0], service="intake")
    await here.publish(Account(client_id="their-system", name="", region="360926", organ="", roles=("partner",), active=False))
    while statuses[-1] == 200:
        statuses.append((await ask(here, token)).status_code)

    assert (before, statuses[-1]) == (401, 401)
    assert (told.kind, str(told.ref), set(told.roles)) == (CallerKind.MACHINE, "tongban|their-system", {Role.PARTNER})
    assert (told.region, told.organ) == ("360926", "11360926TB0000028M")


async def test_a_key_for_another_use_signs_no_access_token(here: World) -> None:
    key = ECKey.generate_key("P-256", {"kid": "other-system.1"})
    account = Account(client_id="other-system", name="theirs", region="360926", organ="", roles=("partner",), active=True)
    marker = ECKey.generate_key("P-256", {"kid": "marker"})
    use = {"owner": "other-system", "algorithm": "ES256"}
    await here.publish(
        account,
        PublicKey(kid="other-system.1", use="account", public_key=pem(key), **use),
        PublicKey(kid="marker", use="token", public_key=pem(marker), **use),
    )

    async def status(signer: ECKey) -> int:
        return (await ask(here, signed(signer, iss="tongban", sub="other-system"))).status_code

    while await status(marker) == 401:
        pass

    assert await status(key) == 401


class Provider:
    """An OpenID provider as its discovery shows it."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[dict[str, Any]] = []
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        shown: dict[str, Any] = {"keys": self.keys}
        if scope["path"].endswith("openid-configuration"):
            shown = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(shown).encode()})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """A provider with no keys yet."""
    found = Provider()
    async with served(found) as url:
        found.url = url
        yield found


async def test_a_providers_keys_are_found_by_discovery_and_kept(provider: Provider, make_world: MakeWorld) -> None:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    rsa_key, ec_key = RSAKey.import_key(made, {"kid": "r1"}), ECKey.generate_key("P-256", {"kid": "e1"})
    provider.keys = [
        rsa_key.as_dict(private=False),
        ec_key.as_dict(private=False),
        {"kty": "oct", "kid": "o1", "k": "c2VjcmV0"},
        {"kty": "RSA"},
    ]
    told = claims(
        iss=provider.url, aud=["tongban", "other"], organ="11430181TB000001XB", roles=["approver", "partner", "applicant", "king"]
    )
    tokens = [
        jwt.encode({"alg": "RS256", "kid": "r1"}, told, rsa_key, algorithms=["RS256"]),
        jwt.encode({"alg": "ES256", "kid": "e1"}, told, ec_key, algorithms=["ES256"]),
    ]
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = jwt.encode({"alg": "HS256", "kid": "r1"}, told, OctKey.import_key(base64.b64encode(public)), algorithms=["HS256"])

    async with make_world(people_file=None, oidc_issuer=provider.url) as there:
        answers = [await ask(there, token) for token in (*tokens, confused)]
        caller = there.caller(there["intake"].asked[0], service="intake")

    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]
    assert (str(caller.ref), set(caller.roles)) == (f"{provider.url}|tonggu-clerk", {Role.APPROVER})


async def test_a_key_that_the_provider_withdrew_is_forgotten_and_an_odd_one_keeps_nobody_out(provider: Provider) -> None:
    first, second = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("e1", "e2"))
    provider.keys = [
        {"kty": "EC", "kid": "odd", "crv": "P-unknown", "x": "AA", "y": "AA"},
        first.as_dict(private=False),
        second.as_dict(private=False),
    ]
    known = OpenIdProvider(provider.url, audience="tongban")
    assert await known.key("e1") is not None

    provider.keys = [second.as_dict(private=False)]
    known._read_at -= KEPT

    assert await known.key("e1") is None
    assert await known.key("e2") is not None


async def test_a_provider_that_is_away_is_503(make_world: MakeWorld) -> None:
    async with make_world(people_file=None, oidc_issuer="http://127.0.0.1:1") as there:
        answer = await ask(there, signed(NOBODY_KEY, iss="http://127.0.0.1:1"))

    assert (answer.status_code, answer.json()["rule"]) == (503, "unavailable.sign-in")


async def test_a_provider_that_names_another_issuer_is_not_believed(provider: Provider, make_world: MakeWorld) -> None:
    provider.keys = [NOBODY_KEY.as_dict(private=False)]
    other = provider.url + "/"

    async with make_world(people_file=None, oidc_issuer=other) as there:
        answer = await ask(there, signed(NOBODY_KEY, iss=other))

    assert answer.status_code == 503


async def test_nobody_is_known_by_the_development_issuer_where_a_provider_is_used(
    provider: Provider, make_world: MakeWorld, key: ECKey
) -> None:
    async with make_world(people_file=None, oidc_issuer=provider.url) as there:
        answer = await ask(there, signed(key))

    assert answer.status_code == 401


async def test_an_account_is_known_again_after_a_restart(make_world: MakeWorld) -> None:
    async with make_world() as first:
        token = await first.token("tonggu-clerk")
    async with make_world() as second:
        answer = await ask(second, token)

    assert answer.status_code == 200
