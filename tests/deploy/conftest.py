"""An image of all services made by the recipe, and the system of the compose file run from it; both once per run."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.development.issuer import DEV_ISSUER
from tests.deploy.brokers import Brokers
from tests.deploy.composition import Composition
from tests.deploy.outside import Outside
from tests.deploy.recipe import Builder, Image
from tongban_local.postgres import PostgresServer

FOLDERS = ("catalog-svc", "intake-svc", "routing-svc", "credential-svc", "gateway")


@pytest.fixture(scope="package")
def image(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What the recipe makes of each service, in one folder."""
    builder = Builder(project=project, folder=tmp_path_factory.mktemp("image"))
    for folder in FOLDERS:
        builder.build(folder)
    return builder.finish()


@pytest.fixture(scope="package")
def secrets(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the installation's first command makes."""
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    made = subprocess.run(
        [*image.entrypoint, "tongban_operations", "provision", str(folder)],
        cwd=image.home,
        env=dict(image.environment),
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="package")
def outside(project: Path, image: Image, secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The whole of ``deploy/compose.yaml``, with the seed, people let in by the development issuer at the gateway."""
    folder = tmp_path_factory.mktemp("outside")
    variables = {
        "TONGBAN_OIDC_ISSUER": DEV_ISSUER,
        "TONGBAN_PUBLIC_URL": "http://127.0.0.1:8080",
        "TONGBAN_SECRETS": str(secrets),
        "TONGBAN_SEED": "true",
    }
    composition = Composition(project / "deploy" / "compose.yaml", variables)
    brokers = Brokers(composition, folder=folder / "kafka")
    postgres = PostgresServer.start(data=folder / "postgres", durable=False)
    people = {"TONGBAN_GATEWAY_DEVELOPMENT": "true", "TONGBAN_GATEWAY_PEOPLE_FILE": str(project / "deploy" / "local" / "people.yaml")}
    running = Outside(image=image, composition=composition, brokers=brokers, postgres=postgres, folder=folder, more=people)
    try:
        brokers.start()
        running.make_databases()
        running.up()
        yield running
    finally:
        running.kill()
        brokers.stop()
        postgres.remove()
