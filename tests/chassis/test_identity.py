"""Internal tokens: for one service, for one minute, by a known key."""

import base64
import time
from pathlib import Path

import orjson
import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from chassis.identity import LIFETIME, SigningKey, Verifier
from chassis.problems import Unauthenticated
from contracts.caller import Caller, CallerKind, Identity
from contracts.codec import encode_object
from tests.support.toy import CLERK, RunningToy

NOON = 1_780_000_000
SERVICE = Caller(kind=CallerKind.SERVICE, issuer="tongban", account="credential")


@pytest.fixture
def gateway() -> SigningKey:
    return SigningKey.make("gateway")


@pytest.fixture
def verifier(tmp_path: Path, gateway: SigningKey) -> Verifier:
    return make_verifier(tmp_path, gateway)


def make_verifier(folder: Path, *keys: SigningKey) -> Verifier:
    file = folder / "jwks.json"
    file.write_bytes(orjson.dumps({"keys": [key.public for key in keys]}))
    return Verifier(file, audience="intake")


def test_the_caller_arrives_whole(gateway: SigningKey, verifier: Verifier) -> None:
    person = Caller(kind=CallerKind.PERSON, issuer="id", account="p-1", identity=Identity(id_type="resident", id_number="1"))

    assert verifier.verify(gateway.mint(CLERK, audience="intake")) == CLERK
    assert verifier.verify(gateway.mint(person, audience="intake")) == person


def test_a_token_for_another_service_is_refused(gateway: SigningKey, verifier: Verifier) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(gateway.mint(CLERK, audience="routing"))


def test_a_token_is_good_for_a_minute_also_when_it_was_seen_before(gateway: SigningKey, verifier: Verifier) -> None:
    with time_machine.travel(NOON, tick=False):
        token = gateway.mint(CLERK, audience="intake")
        verifier.verify(token)

    with time_machine.travel(NOON + LIFETIME - 1, tick=False):
        verifier.verify(token)
    with time_machine.travel(NOON + LIFETIME, tick=False), pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_a_token_from_the_future_is_refused(gateway: SigningKey, verifier: Verifier) -> None:
    token = forge(ECKey.import_key(gateway.private), kid=gateway.kid, iat=NOON + 30, exp=NOON + 40)

    with time_machine.travel(NOON, tick=False), pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_a_token_that_lives_longer_than_a_minute_is_refused(gateway: SigningKey, verifier: Verifier) -> None:
    with time_machine.travel(NOON, tick=False), pytest.raises(Unauthenticated):
        verifier.verify(forge(ECKey.import_key(gateway.private), kid=gateway.kid, exp=NOON + 3600))


def test_an_unsigned_token_is_refused(gateway: SigningKey, verifier: Verifier) -> None:
    _, claims, _ = gateway.mint(CLERK, audience="intake").split(".")
    header = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "kid": gateway.kid})).rstrip(b"=").decode()

    with pytest.raises(Unauthenticated):
        verifier.verify(f"{header}.{claims}.")


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(gateway: SigningKey, verifier: Verifier) -> None:
    secret = OctKey.import_key(orjson.dumps(gateway.public))
    token = jwt.encode({"alg": "HS256", "kid": gateway.kid}, claims_of(), secret, algorithms=["HS256"])

    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_a_token_under_a_known_name_by_another_key_is_refused(gateway: SigningKey, verifier: Verifier) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(forge(ECKey.generate_key("P-256"), kid=gateway.kid))


def test_a_changed_token_is_refused(gateway: SigningKey, verifier: Verifier) -> None:
    header, claims, signature = gateway.mint(CLERK, audience="intake").split(".")
    other = base64.urlsafe_b64encode(base64.urlsafe_b64decode(claims + "==").replace(b"c-1", b"c-2")).rstrip(b"=").decode()

    with pytest.raises(Unauthenticated):
        verifier.verify(f"{header}.{other}.{signature}")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é" * 10, "e30.e30.e30"])
def test_what_is_no_token_is_refused(verifier: Verifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_a_key_that_was_added_later_is_found(tmp_path: Path, gateway: SigningKey) -> None:
    verifier = make_verifier(tmp_path)
    second = SigningKey.make("gateway")
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public, second.public]}))

    assert verifier.verify(second.mint(CLERK, audience="intake")) == CLERK


def test_a_service_speaks_for_itself(tmp_path: Path) -> None:
    own = SigningKey.make("credential")

    assert make_verifier(tmp_path, own).verify(own.mint(SERVICE, audience="intake")) == SERVICE


@pytest.mark.parametrize("caller", [CLERK, Caller(kind=CallerKind.SERVICE, issuer="tongban", account="routing")])
def test_a_service_cannot_speak_for_anybody_else(tmp_path: Path, caller: Caller) -> None:
    own = SigningKey.make("credential")

    with pytest.raises(Unauthenticated):
        make_verifier(tmp_path, own).verify(own.mint(caller, audience="intake"))


def test_a_service_cannot_sign_as_the_gateway(tmp_path: Path) -> None:
    own = SigningKey.make("credential")

    token = forge(ECKey.import_key(own.private), kid=own.kid, caller=SERVICE)

    with pytest.raises(Unauthenticated):
        make_verifier(tmp_path, own).verify(token)


def test_a_key_comes_back_from_its_file(tmp_path: Path, gateway: SigningKey, verifier: Verifier) -> None:
    (tmp_path / "key.json").write_bytes(orjson.dumps(gateway.private))

    assert verifier.verify(SigningKey.load(tmp_path / "key.json").mint(CLERK, audience="intake")) == CLERK


def test_the_public_half_holds_no_secret(gateway: SigningKey) -> None:
    assert "d" not in gateway.public


async def test_a_public_route_lets_anyone_in_but_no_wrong_token(toy: RunningToy) -> None:
    nobody = await toy.client.get("/open")
    clerk = await toy.client.get("/open", headers=toy.headers())
    wrong = await toy.client.get("/open", headers={"authorization": "Bearer nonsense"})
    basic = await toy.client.get("/open", headers={"authorization": "Basic YTpi"})

    assert (nobody.json()["kind"], clerk.json()["kind"]) == ("anonymous", "staff")
    assert (wrong.status_code, basic.status_code) == (401, 401)


def claims_of(*, exp: int = 2**40, iat: int = NOON, caller: Caller = CLERK) -> dict[str, object]:
    return {"iss": "gateway", "aud": "intake", "iat": iat, "exp": exp, "caller": encode_object(caller)}


def forge(key: ECKey, *, kid: str, iat: int | None = None, exp: int | None = None, caller: Caller = CLERK) -> str:
    begins = int(time.time()) if iat is None else iat
    claims = claims_of(exp=exp or begins + LIFETIME, iat=begins, caller=caller)
    return jwt.encode({"alg": "ES256", "kid": kid}, claims, key, algorithms=["ES256"])
