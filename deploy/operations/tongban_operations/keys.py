"""``tongban keys rotate|prune``: the keys by which services vouch for callers among themselves.

A new key is published before anything is signed with it: verifiers read the list again when a token names a key that they do not know. The old
one stays in the list until the last token signed with it has run out, a minute after its holder began to use the new one.
"""

import argparse
import json
import os
import stat
from pathlib import Path

from chassis.identity import LIFETIME, SigningKey
from tongban_operations.terminal import Commands, Unable, conclude

HOLDERS = ("gateway", "catalog", "intake", "routing", "credential")


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("keys", help="内部令牌密钥:轮换 / keys of internal tokens: rotate")
    acts = parser.add_subparsers(required=True, metavar="act")
    for name, run, text in (
        ("rotate", _rotate, "换新密钥;随后重启持有者 / make a new key; restart its holder afterwards"),
        ("prune", _prune, "旧令牌过期后去掉旧公钥 / take old public keys out, once their tokens have run out"),
    ):
        act = acts.add_parser(name, help=text)
        act.add_argument("--holder", choices=HOLDERS, required=True, help="持有者 / who signs with it")
        act.add_argument("--key-file", type=Path, required=True, help="私钥文件 / the holder's private key (JWK)")
        act.add_argument("--jwks-file", type=Path, required=True, help="公钥列表 / the list that every service reads")
        act.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
        act.set_defaults(run=run)


def _rotate(chosen: argparse.Namespace) -> int:
    made = SigningKey.make(chosen.holder)
    listed = _listed(chosen.jwks_file)
    write_in_place(chosen.jwks_file, json.dumps({"keys": [*listed, made.public]}))
    write_in_place(chosen.key_file, json.dumps(made.private))
    sentence = f"{made.kid}: 已生成,请重启 {chosen.holder},{LIFETIME} 秒后 prune / made; restart the holder, prune {LIFETIME} s later"
    conclude({"kid": made.kid}, as_json=chosen.json, sentence=sentence)
    return 0


def _prune(chosen: argparse.Namespace) -> int:
    current = SigningKey.load(chosen.key_file).kid
    listed = _listed(chosen.jwks_file)
    kept = [key for key in listed if key["kid"] == current or not str(key["kid"]).startswith(f"{chosen.holder}.")]
    if not any(key["kid"] == current for key in kept):
        raise Unable(f"{current} 不在公钥列表中 / is not in the list: nothing was changed")
    write_in_place(chosen.jwks_file, json.dumps({"keys": kept}))
    gone = len(listed) - len(kept)
    conclude({"kid": current, "gone": gone}, as_json=chosen.json, sentence=f"去掉 {gone} 个旧公钥 / {gone} old keys are out of the list")
    return 0


def _listed(path: Path) -> list[dict[str, object]]:
    try:
        keys: list[dict[str, object]] = json.loads(path.read_bytes())["keys"]
    except (OSError, ValueError, KeyError) as error:
        raise Unable(f"{path}: 无法读取公钥列表 / no list of public keys ({type(error).__name__})") from error
    return keys


def write_in_place(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Give a file other contents and leave it the same file, with the rights it has: a container is handed single files, and never sees another.

    One write, longer than what was there or filled up with spaces, so that whoever reads meanwhile finds the old or the new.

    Args:
        path: The file; made when missing.
        text: A JSON document, or anything else that spaces at the end do no harm.
        mode: Of a file that is made.
    """
    if not path.exists():
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        beside.touch(mode=0o600)
        beside.write_text(text, encoding="utf-8")
        beside.chmod(mode)
        beside.rename(path)
        return
    before = path.stat()
    data = text.encode().ljust(before.st_size)
    path.chmod(before.st_mode | stat.S_IWUSR)
    try:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    finally:
        path.chmod(before.st_mode)
