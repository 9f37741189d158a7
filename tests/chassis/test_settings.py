"""Settings: from the environment, checked at the start, frozen."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict
from sqlalchemy import make_url

from chassis.settings import ServiceSettings
from tests.support.toy import toy_settings

URL = "postgresql+asyncpg://tongban:secret@127.0.0.1/x"


class FromEnvironment(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="TONGBAN_TOY_")
    NAME = "toy"


def test_a_service_reads_its_own_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATABASE_URL": URL,
        "LOG_URL": URL,
        "TOPICS_FILE": "topics.yaml",
        "INTERNAL_JWKS_FILE": "jwks.json",
        "PORT": "8101",
    }.items():
        monkeypatch.setenv(f"TONGBAN_TOY_{name}", value)
    monkeypatch.setenv("TONGBAN_INTAKE_PORT", "9")

    settings = FromEnvironment()

    assert settings.port == 8101


@pytest.mark.parametrize(
    "wrong",
    [
        {"crash_point": "in-timer"},
        {"bus_unruly": "twice"},
        {"clock_behind": 3},
        {"bus": "kafka"},
        {"kafka_user": "toy"},
        {"kafka_password_file": Path("password")},
        {"log_url": ""},
        {"transaction_limit": 11},
        {"port": 70000},
    ],
)
def test_what_does_not_fit_together_is_refused_at_the_start(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        type(toy_settings(URL, tmp_path))(**(toy_settings(URL, tmp_path).model_dump() | wrong))


def test_passwords_come_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("a/b@c:1\n")
    bare = {"database_url": "postgresql+asyncpg://tongban@127.0.0.1/x", "database_password_file": secret}
    kafka = {"bus": "kafka", "kafka_bootstrap": "127.0.0.1:9092", "kafka_user": "toy", "kafka_password_file": secret}

    settings = type(toy_settings(URL, tmp_path))(**(toy_settings(URL, tmp_path).model_dump() | bare | kafka))

    assert make_url(settings.database_url).password == secret.read_text().strip()
    assert settings.kafka.options() == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "toy",
        "sasl_plain_password": secret.read_text().strip(),
    }
    assert "a/b" not in repr(settings.kafka)


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings = toy_settings(URL, tmp_path)

    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_no_password_is_shown(tmp_path: Path) -> None:
    shown = repr(toy_settings(URL, tmp_path))

    assert "secret" not in shown
    assert "QUFB" not in shown
