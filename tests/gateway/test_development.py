"""The development issuer signs people in as a real one would, and only where it may."""

import base64
import hashlib
import re
import stat
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml
from pydantic import ValidationError

from gateway.app import create_app
from gateway.development.issuer import DEV_ISSUER, DEV_PATH, DevelopmentIssuer, OnLoopback
from gateway.development.people import load
from gateway.routes import SERVICES
from tests.gateway.world import PEOPLE, World, told
from tongban_local.visitor import Visitor

VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
NOWHERE = dict.fromkeys(SERVICES, "http://127.0.0.1:1")


def asked(**other: str) -> dict[str, str]:
    whole = {
        "response_type": "code",
        "client_id": "tongban-demo",
        "redirect_uri": "http://127.0.0.1:5000/callback",
        "state": "s&t",
        "scope": "openid",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return whole | other


async def sign_in(client: httpx.AsyncClient, **other: str) -> httpx.Response:
    account = {"username": "liuyang-approver", "password": "tongban"}
    return await client.post(f"{DEV_PATH}/authorize", data=asked(**{**account, **other}))


async def exchange(client: httpx.AsyncClient, signed_in: httpx.Response, **other: str) -> httpx.Response:
    code = parse_qs(urlsplit(signed_in.headers["location"]).query)["code"][0]
    whole = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked()["redirect_uri"],
        "client_id": "tongban-demo",
        "code_verifier": VERIFIER,
    }
    return await client.post(f"{DEV_PATH}/token", data=whole | other)


async def test_a_visitor_signs_in_and_is_let_in(here: World) -> None:
    visitor = await Visitor.sign_in("tonggu-clerk", url=here.url)

    reply = await visitor.call("GET", "/cases")

    assert reply.status == 200
    await visitor.close()


async def test_discovery_names_addresses_as_they_were_reached_and_an_issuer_that_never_changes(client: httpx.AsyncClient) -> None:
    found = (await client.get(f"{DEV_PATH}/.well-known/openid-configuration")).json()
    keys = (await client.get(found["jwks_uri"])).json()["keys"]

    assert found["issuer"] == DEV_ISSUER
    assert found["token_endpoint"] == f"{client.base_url}{DEV_PATH}/token".replace("//dev", "/dev")
    assert len(keys) == 1
    assert "d" not in keys[0]


async def test_a_sign_in_goes_back_to_its_client_with_its_state(client: httpx.AsyncClient) -> None:
    answer = await sign_in(client)

    target = urlsplit(answer.headers["location"])
    query = parse_qs(target.query)
    assert (answer.status_code, target.netloc, target.path) == (302, "127.0.0.1:5000", "/callback")
    assert (query["state"], query["iss"]) == (["s&t"], [DEV_ISSUER])


async def test_a_code_gives_a_token_that_tells_who_signed_in(client: httpx.AsyncClient) -> None:
    tokens = (await exchange(client, await sign_in(client))).json()

    who = await client.get(f"{DEV_PATH}/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"})
    by_id = await client.get("/v1/cases", headers={"authorization": f"Bearer {tokens['id_token']}"})

    assert (who.json()["sub"], who.json()["roles"], who.json()["organ"]) == ("liuyang-approver", ["approver"], "11430181TB000001XB")
    assert by_id.status_code == 401, "an id token is for the client, not for us"


async def test_a_code_is_good_once(client: httpx.AsyncClient) -> None:
    signed_in = await sign_in(client)
    answers = [await exchange(client, signed_in) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[1].json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "w" * 50},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:5001/callback"},
        {"client_id": "another"},
        {"code": "made-up"},
    ],
    ids=str,
)
async def test_a_code_is_good_only_for_whoever_asked_and_spent_by_a_wrong_try(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    signed_in = await sign_in(client)

    refused = await exchange(client, signed_in, **wrong)

    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})
    if "code" not in wrong:
        assert (await exchange(client, signed_in)).status_code == 400


async def test_only_codes_are_exchanged(client: httpx.AsyncClient) -> None:
    answer = await exchange(client, await sign_in(client), grant_type="password")

    assert answer.json() == {"error": "unsupported_grant_type"}


@pytest.mark.parametrize("wrong", [{"username": "nobody"}, {"password": "wrong"}, {"password": ""}, {"username": ""}], ids=str)
async def test_a_wrong_account_or_password_is_asked_again(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    answer = await sign_in(client, **wrong)

    assert (answer.status_code, "location" in answer.headers) == (401, False)
    assert "Wrong account or password" in answer.text


async def test_after_a_wrong_password_the_account_stays_chosen(client: httpx.AsyncClient) -> None:
    answer = await sign_in(client, password="wrong")  # noqa: S106 - a wrong one

    assert re.findall(r'<option value="([^"]+)" selected>', answer.text) == ["liuyang-approver"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://evil.test/callback"},
        {"redirect_uri": "http://127.0.0.1@evil.test/"},
        {"redirect_uri": "http://127.0.0.1.evil.test/"},
        {"redirect_uri": "http://127.0.0.1/\r\nx:1"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://[::1"},
        {"redirect_uri": ""},
        {"client_id": "stranger"},
    ],
    ids=str,
)
async def test_nobody_is_sent_to_an_unknown_place(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    shown = await client.get(f"{DEV_PATH}/authorize", params=asked(**wrong))
    sent = await sign_in(client, **wrong)

    assert [(answer.status_code, "location" in answer.headers) for answer in (shown, sent)] == [(400, False)] * 2


@pytest.mark.parametrize(
    "wrong",
    [{"code_challenge": ""}, {"code_challenge_method": "plain"}, {"code_challenge_method": ""}, {"response_type": "token"}],
    ids=str,
)
async def test_a_sign_in_without_proof_key_is_refused_at_its_client(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    answer = await sign_in(client, **wrong)

    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert ("error" in query, "code" in query, query["state"]) == (True, False, ["s&t"])


async def test_the_page_lists_everybody_in_both_languages_and_repeats_nothing_unescaped(client: httpx.AsyncClient) -> None:
    page = await client.get(f"{DEV_PATH}/authorize", params=asked(state='"><script>alert(1)</script>'))

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "铜鼓县行政审批服务局" in page.text
    assert "receiving clerk at" in page.text
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"},  # noqa: S104 - that it is refused is the point
        {"host": "192.168.1.5"},
        {"development": False},
        {"development": False, "oidc_issuer": "https://sso.test"},
        {"people_file": None},
        {"people_file": None, "development": False, "oidc_issuer": "http://sso.test"},
    ],
    ids=str,
)
async def test_it_starts_only_in_development_and_on_loopback(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        told(tmp_path, log_url="postgresql+asyncpg://x@127.0.0.1:1/x", services=NOWHERE, **wrong)


async def test_it_refuses_by_itself_what_settings_should_have_refused(tmp_path: Path) -> None:
    settings = told(tmp_path, log_url="postgresql+asyncpg://x@127.0.0.1:1/x", services=NOWHERE)

    for wrong in ({"development": False}, {"host": "10.0.0.1"}, {"people_file": None}):
        with pytest.raises(ValueError, match="loopback"):
            DevelopmentIssuer.load(settings.model_copy(update=wrong))


async def test_it_is_there_for_this_machine_alone(tmp_path: Path) -> None:
    application = create_app(told(tmp_path, log_url="postgresql+asyncpg://x@127.0.0.1:1/x", services=NOWHERE))

    async def status(client: tuple[str, int]) -> int:
        transport = httpx.ASGITransport(app=application, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as outside:
            return (await outside.get(f"{DEV_PATH}/jwks")).status_code

    assert [await status(("192.168.1.5", 1)), await status(("127.0.0.1", 1)), await status(("::1", 1))] == [404, 200, 200]
    assert OnLoopback is not None


async def test_a_gateway_with_a_provider_has_no_development_issuer(tmp_path: Path) -> None:
    settings = told(
        tmp_path, log_url="postgresql+asyncpg://x@127.0.0.1:1/x", services=NOWHERE, people_file=None, oidc_issuer="https://sso.test"
    )
    transport = httpx.ASGITransport(app=create_app(settings))

    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert (await client.get(f"{DEV_PATH}/jwks")).status_code == 404


async def test_its_key_is_kept_where_only_its_owner_reads(tmp_path: Path) -> None:
    settings = told(tmp_path, log_url="postgresql+asyncpg://x@127.0.0.1:1/x", services=NOWHERE)

    first, second = DevelopmentIssuer.load(settings), DevelopmentIssuer.load(settings)

    assert first._key.kid == second._key.kid
    assert stat.S_IMODE((tmp_path / "dev.json").stat().st_mode) == 0o600


async def test_the_key_of_internal_tokens_must_be_the_gateways(tmp_path: Path) -> None:
    settings = told(tmp_path, log_url="postgresql+asyncpg://x@127.0.0.1:1/x", services=NOWHERE)
    text = settings.internal_key_file.read_text().replace("gateway.", "catalog.")
    settings.internal_key_file.write_text(text)

    with pytest.raises(ValueError, match=r"gateway\."):
        create_app(settings)


def test_every_organ_of_the_seed_has_people_who_accept_and_decide_and_no_other_organ_has() -> None:
    seed = (PEOPLE.parents[2] / "catalog-svc/catalog_svc/seed/organs.csv").read_text(encoding="utf-8")
    organs = {line.split(",")[0] for line in seed.splitlines()[1:]}
    people = [person.claims for person in load(PEOPLE).by_name.values() if "organ" in person.claims]

    for role in ("reviewer", "approver"):
        assert {person["organ"] for person in people if person["roles"] == [role]} == organs
    assert {person["organ"] for person in people} == organs


def test_an_account_stands_once() -> None:
    document = yaml.safe_load(PEOPLE.read_text(encoding="utf-8"))

    assert len(load(PEOPLE).by_name) == len(document["people"]) + 2 * len(document["offices"])
