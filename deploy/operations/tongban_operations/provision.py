"""``tongban provision FOLDER``: make the secrets that an installation needs, each in a file of its own; those that are there stay.

The folder is for its owner alone (0700). The files in it can be read by whoever is given one (0444): a container runs under an account that
the host does not know, and is handed single files.
"""

import argparse
import base64
import json
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chassis.identity import SigningKey
from tongban_operations.keys import write_in_place
from tongban_operations.terminal import Commands, conclude

CALLING = ("gateway", "credential")
"""Who mints internal tokens."""

DATABASES = ("catalog", "intake", "routing", "credential")
KAFKA_USERS = ("catalog", "intake", "routing", "credential", "gateway", "checker", "operator", "broker")
"""The services, who reads all to prove it, who makes topics and grants rights, and the brokers among themselves."""

FOR_WHOM_IT_IS_GIVEN = 0o444

_KEY_BYTES = 32


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("provision", help="生成安装所需的密钥与口令 / make the keys and passwords of an installation")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
    parser.set_defaults(run=_provision)


def _provision(chosen: argparse.Namespace) -> int:
    made = provision(chosen.folder)
    sentence = f"{chosen.folder}: 新生成 {len(made)} 个文件,已有的未动 / files made, those that were there stay"
    conclude({"folder": str(chosen.folder), "made": made}, as_json=chosen.json, sentence=sentence)
    return 0


def provision(folder: Path) -> list[str]:
    """Make what is missing; the names of the files that were made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted: dict[str, Callable[[], str]] = {f"{name}-key.json": partial(_signing_key, name) for name in CALLING}
    wanted |= {f"{name}-wrapping-key": _wrapping_key for name in DATABASES}
    wanted |= {f"{name}-database-password": _password for name in (*DATABASES, "checker", "postgres")}
    wanted |= {f"{name}-kafka-password": _password for name in KAFKA_USERS}
    made = [name for name in wanted if not (folder / name).exists()]
    for name in made:
        write_in_place(folder / name, wanted[name](), mode=FOR_WHOM_IT_IS_GIVEN)
    for name, text in {"internal-jwks.json": _public_keys(folder), "kafka-users": _kafka_users(folder)}.items():
        # Made from the others: written again when one of those was replaced.
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8").rstrip(" ") != text:
            write_in_place(folder / name, text, mode=FOR_WHOM_IT_IS_GIVEN)
            made.append(name)
    return made


def _public_keys(folder: Path) -> str:
    """The list as it stands with the keys that are missing in it; only ``tongban keys prune`` takes one out, when its tokens have run out."""
    file = folder / "internal-jwks.json"
    listed = json.loads(file.read_bytes())["keys"] if file.exists() else []
    current = [SigningKey.load(folder / f"{name}-key.json").public for name in CALLING]
    known = {key["kid"] for key in listed}
    return json.dumps({"keys": [*listed, *(key for key in current if key["kid"] not in known)]})


def _signing_key(issuer: str) -> str:
    return json.dumps(SigningKey.make(issuer).private)


def _wrapping_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _password() -> str:
    """Letters, digits, dash and underscore: nothing that a configuration would take for its own."""
    return secrets.token_urlsafe(24)


def _kafka_users(folder: Path) -> str:
    """What Kafka reads as ``plain.sasl.jaas.config``: as whom a broker comes to the others, and everybody's password."""
    known = {name: (folder / f"{name}-kafka-password").read_text(encoding="ascii") for name in KAFKA_USERS}
    users = " ".join(f'user_{name}="{password}"' for name, password in known.items())
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return f'{module} required username="broker" password="{known["broker"]}" {users};'
