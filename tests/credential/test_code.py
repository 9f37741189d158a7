"""The printed code: read without our own reader, fits on paper, and never says ``valid`` for anything but what was signed."""

import zlib
from dataclasses import replace
from datetime import date

import cbor2
import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.values import OrganCode, RegionCode
from credential_svc.qr.domain import Claims, Unreadable, Verdict
from credential_svc.qr.outside import MAX_INFLATED, PREFIX, base45, from_base45, open_code, write_code
from credential_svc.seal.outside import SigningKey

KEY, _ = SigningKey.make()
URL = "https://tongban.example/v1/status-lists/1"
CLAIMS = Claims(
    issuer=RegionCode("430181"),
    organ=OrganCode("11430181MB0654321B"),
    credential_no="360926202611020000011-1",
    credential_type="个体工商户营业执照",
    holder="**明",
    holder_id="430181********1239",
    issued_on=date(2026, 11, 2),
    valid_until=date(2031, 11, 2),
    list_id=1,
    place=54321,
)
CODE = write_code(CLAIMS, key=KEY, status_list_url=URL)


def test_a_stranger_reads_the_code_with_the_published_standards_alone() -> None:
    packed = bytearray()
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    letters = [alphabet.index(letter) for letter in CODE.removeprefix("TB1:")]
    for at in range(0, len(letters), 3):
        group = letters[at : at + 3]
        packed += sum(letter * 45**place for place, letter in enumerate(group)).to_bytes(len(group) - 1, "big")

    message = cbor2.loads(zlib.decompress(packed))

    header, unprotected, payload, signature = message.value
    signed = cbor2.dumps(["Signature1", header, b"", payload])
    Ed25519PublicKey.from_public_bytes(KEY.public).verify(signature, signed)
    claims = cbor2.loads(payload)
    assert (message.tag, unprotected, cbor2.loads(header)) == (18, {}, {1: -8, 4: bytes.fromhex(KEY.kid)})
    assert (claims[1], claims[7], claims[65535]["status_list"]) == ("430181", b"360926202611020000011-1", {"idx": 54321, "uri": URL})
    assert (claims[6], claims[4]) == (1793548800, 1951315200)


def test_what_is_written_is_read_again() -> None:
    code = open_code(CODE)

    assert (code.kid, code.claims(public=KEY.public)) == (KEY.kid, CLAIMS)


@settings(deadline=None, max_examples=300)
@given(at=st.integers(4, len(CODE) - 1), letter=st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:中"))
def test_another_letter_anywhere_is_never_believed(at: int, letter: str) -> None:
    changed = CODE[:at] + letter + CODE[at + 1 :]

    assert changed == CODE or _believed(changed) is None


@settings(deadline=None, max_examples=300)
@given(bit=st.integers(0, len(zlib.decompress(from_base45(CODE[4:]))) * 8 - 1))
def test_another_bit_below_the_compression_is_never_believed(bit: int) -> None:
    message = bytearray(zlib.decompress(from_base45(CODE[4:])))
    message[bit // 8] ^= 1 << bit % 8

    assert _believed(PREFIX + base45(zlib.compress(bytes(message), 9))) is None


@settings(deadline=None, max_examples=200)
@given(content=st.binary(max_size=400))
def test_any_bytes_behind_the_prefix_get_an_answer(content: bytes) -> None:
    assert _believed(PREFIX + base45(content)) is None
    assert _believed(PREFIX + base45(zlib.compress(content))) is None


@settings(deadline=None)
@given(content=st.binary(max_size=64))
def test_base45_gives_the_same_bytes_back(content: bytes) -> None:
    assert from_base45(base45(content)) == content


def test_base45_is_that_of_the_standard() -> None:
    examples = {b"AB": "BB8", b"Hello!!": "%69 VD92EX0", b"base-45": "UJCLQE7W581", b"ietf!": "QED8WEX0"}

    assert {content: base45(content) for content in examples} == examples


def test_a_code_has_one_spelling() -> None:
    packed = from_base45(CODE.removeprefix(PREFIX))
    even = next(claimed for claimed in map(_with_place, range(9)) if len(claimed) % 3 == len(PREFIX) % 3)
    others = (PREFIX + base45(packed + b"\0"), PREFIX + base45(packed[:-1]), CODE.lower(), CODE + " ", even + "0")

    assert {_believed(even)} != {None}
    assert [_believed(other) for other in others] == [None] * len(others)


def test_a_small_text_that_would_inflate_without_end_is_refused() -> None:
    bomb = PREFIX + base45(zlib.compress(bytes(MAX_INFLATED * 50), 9))

    with pytest.raises(Unreadable) as refused:
        open_code(bomb)

    assert refused.value.verdict is Verdict.ALTERED


def test_another_algorithm_is_not_tried() -> None:
    header = cbor2.dumps({1: -7, 4: bytes.fromhex(KEY.kid)}, canonical=True)
    payload = cbor2.dumps({})
    signature = KEY.sign(cbor2.dumps(["Signature1", header, b"", payload]))
    message = cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, signature]))

    with pytest.raises(Unreadable) as refused:
        open_code(PREFIX + base45(zlib.compress(message)))

    assert refused.value.verdict is Verdict.UNKNOWN


def test_the_longest_code_is_small_enough_for_paper() -> None:
    longest = Claims(
        issuer=RegionCode("430181"),
        organ=OrganCode("11430181MB0654321B"),
        credential_no="360926202611020000011-12",
        credential_type="道路普通货物运输车辆年度审验合格证明电子凭证",
        holder="湖南省浏阳市大围山镇中岳村新型农业综合开发专业合作社联合社有限责任公司",
        holder_id="914301**********XX",
        issued_on=date(2026, 11, 2),
        valid_until=date(2031, 11, 2),
        list_id=999,
        place=131071,
    )
    code = write_code(longest, key=KEY, status_list_url="https://tongban.zwfw.changsha.hunan.gov.cn/v1/status-lists/999")

    drawn = segno.make_qr(code, error="M", boost_error=False)

    assert int(drawn.version) <= 20
    assert drawn.mode == "alphanumeric"


def _with_place(place: int) -> str:
    return write_code(replace(CLAIMS, place=place, holder="*" * place), key=KEY, status_list_url=URL)


def _believed(code: str) -> Claims | None:
    try:
        opened = open_code(code)
        return opened.claims(public=KEY.public) if opened.kid == KEY.kid else None
    except Unreadable:
        return None
