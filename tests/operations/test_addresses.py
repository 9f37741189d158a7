"""Where the operators' commands find a database: the services' own settings, in the words of the driver that the commands use."""

from pathlib import Path

import pytest

from tongban_operations.addresses import database


def test_an_address_keeps_its_certificates_and_gets_its_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/wörd\n", encoding="utf-8")
    monkeypatch.setenv("TONGBAN_INTAKE_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv(
        "TONGBAN_INTAKE_DATABASE_URL",
        "postgresql+asyncpg://reader@there:5432/tongban_intake?ssl=verify-full&sslrootcert=/run/secrets/ca.crt",
    )

    found = database("intake")

    assert found == ("postgresql://reader:p%40ss%2Fw%C3%B6rd@there:5432/tongban_intake?sslmode=verify-full&sslrootcert=/run/secrets/ca.crt")


def test_an_address_with_its_password_in_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGBAN_INTAKE_DATABASE_PASSWORD_FILE", raising=False)
    monkeypatch.setenv("TONGBAN_INTAKE_DATABASE_URL", "postgresql+asyncpg://me:secret@127.0.0.1:5432/tongban_intake")

    assert database("intake") == "postgresql://me:secret@127.0.0.1:5432/tongban_intake"
