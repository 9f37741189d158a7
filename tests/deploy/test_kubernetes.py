"""The manifests: put together, held to Kubernetes' own definitions and those of the operators, and to what the services really need."""

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml

from chassis import topics
from chassis.serving import DRAIN, LEAVING
from chassis.settings import LogSettings
from tests.deploy.composition import Composition
from tests.deploy.outside import SERVING
from tests.deploy.tools import kustomize
from tongban_operations import rights, strimzi

pytestmark = pytest.mark.timeout(1200)

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "kubernetes" / "base"
AVAILABLE = ROOT / "deploy" / "kubernetes" / "overlays" / "high-availability"
WATCHED = ROOT / "deploy" / "kubernetes" / "overlays" / "watched"

OLDEST = "1.34"
"""The oldest Kubernetes that takes them: from here on a pod may just sleep before it is told to stop."""
NEWEST = "1.37"

OTHERS = json.loads((Path(__file__).parent / "schemas" / "operators.json").read_text(encoding="utf-8"))["resources"]
"""Kinds that operators define; Kubernetes' own definitions do not have them."""

CONSUMERS = 5
"""Seconds that a relay and the consumers take to leave, generously."""


@cache
def rendered(folder: Path) -> tuple[dict[str, Any], ...]:
    """Everything that would be applied."""
    done = subprocess.run([kustomize(ROOT), "build", folder], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(kind: str, folder: Path = AVAILABLE) -> dict[str, dict[str, Any]]:
    return {str(each["metadata"]["name"]): each for each in rendered(folder) if each["kind"] == kind}


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every container of every workload, with the workload's name."""
    for name, spec in pods():
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            yield name, container


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """What every workload starts, with the workload's name."""
    for kind in ("Deployment", "Job", "CronJob"):
        for name, each in of_kind(kind).items():
            of_pods = each["spec"]["jobTemplate"] if kind == "CronJob" else each
            yield name, of_pods["spec"]["template"]["spec"]


def complaints(resource: dict[str, Any], *, version: str) -> str:
    key = f"{resource['apiVersion']} {resource['kind']}"
    if key in OTHERS:
        found = jsonschema_rs.validator_for(OTHERS[key]).iter_errors(resource)
        return "; ".join(f"{list(each.instance_path)}: {each.message}" for each in found)
    try:
        kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


@pytest.mark.parametrize(("folder", "version"), [(BASE, OLDEST), (AVAILABLE, OLDEST), (WATCHED, NEWEST)])
def test_every_resource_is_what_its_definition_asks_for(folder: Path, version: str) -> None:
    wrong = {
        f"{each['kind']} {each['metadata']['name']}": complaint
        for each in rendered(folder)
        if (complaint := complaints(each, version=version))
    }

    assert wrong == {}


def test_a_misspelt_field_is_found_in_ours_and_in_the_operators() -> None:
    deployment = json.loads(json.dumps(of_kind("Deployment")["intake"]))
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolicyy"] = "Always"
    cluster = json.loads(json.dumps(of_kind("Cluster")["intake-database"]))
    cluster["spec"]["postgresql"]["synchronous"]["dataDurabilty"] = "required"

    assert "imagePullPolicyy" in complaints(deployment, version=OLDEST)
    assert "dataDurabilty" in complaints(cluster, version=OLDEST)


def test_topics_and_users_are_those_of_the_two_lists() -> None:
    listed = topics.load(ROOT / "deploy" / "topics.yaml")
    users = rights.load(ROOT / "deploy" / "rights.yaml")

    assert (AVAILABLE / "topics.yaml").read_text(encoding="utf-8") == strimzi.topics(listed), "tongban topics strimzi writes it anew"
    assert (AVAILABLE / "users.yaml").read_text(encoding="utf-8") == strimzi.users(users)


def test_the_rights_name_the_topics_and_the_services() -> None:
    users = rights.load(ROOT / "deploy" / "rights.yaml")
    known = {topic.name for topic in topics.load(ROOT / "deploy" / "topics.yaml")}

    assert {each.user for each in users} == {*SERVING, "checker"}
    assert {topic for each in users for topic in (*each.writes, *each.reads)} <= known


@pytest.mark.parametrize("service", SERVING)
def test_every_variable_is_a_setting_of_its_service(service: str) -> None:
    package = "gateway" if service == "gateway" else f"{service}_svc"
    settings: type[LogSettings] = import_module(f"{package}.app").Settings
    prefix = f"TONGBAN_{service.upper()}_"
    compose = Composition(ROOT / "deploy" / "compose.yaml", {"TONGBAN_OIDC_ISSUER": "https://x", "TONGBAN_PUBLIC_URL": "https://x"})

    told = {
        "kubernetes": {
            name
            for configured, each in of_kind("ConfigMap").items()
            for name in each["data"]
            if name.startswith(prefix) and not configured.startswith("check-settings")
        },
        "compose": set(compose.services[service]["environment"]),
    }

    fields = {prefix + name.upper() for name in settings.model_fields}
    needed = {prefix + name.upper() for name, field in settings.model_fields.items() if field.is_required()}
    for where, names in told.items():
        assert names <= fields, where
        assert names >= needed, where
        assert prefix + "DEVELOPMENT" not in names, where


def test_what_is_run_is_what_the_compose_file_runs_and_its_test_tries() -> None:
    compose = Composition(ROOT / "deploy" / "compose.yaml", {"TONGBAN_OIDC_ISSUER": "https://x", "TONGBAN_PUBLIC_URL": "https://x"})
    tried = {tuple(each["command"]) for each in compose.services.values() if str(each["image"]).startswith("tongban/")}

    run = {tuple(container["args"]) for _, container in containers()}

    assert {each for each in run if each[-1] != "--wait"} <= tried
    assert {each[:-1] for each in run if each[-1] == "--wait"} <= tried


def test_a_pod_has_the_time_it_takes_to_leave() -> None:
    for name, each in of_kind("Deployment").items():
        pod = each["spec"]["template"]["spec"]
        [container] = pod["containers"]
        asleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] >= asleep + LEAVING + DRAIN + CONSUMERS, name


def test_a_pod_that_started_is_not_taken_out_because_an_engine_is_away() -> None:
    for name, each in of_kind("Deployment").items():
        [container] = each["spec"]["template"]["spec"]["containers"]
        paths = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
        assert paths == {"startupProbe": "/readyz", "readinessProbe": "/livez", "livenessProbe": "/livez"}, name


def test_containers_may_write_nowhere_and_gain_nothing() -> None:
    for name, container in containers():
        confined = container["securityContext"]
        assert confined["readOnlyRootFilesystem"], name
        assert not confined["allowPrivilegeEscalation"], name
        assert confined["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["limits"]["memory"], name
        assert container["resources"]["requests"]["cpu"], name
    for kind in ("Deployment", "Job"):
        for name, each in of_kind(kind).items():
            pod = each["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"], name
            assert not pod["automountServiceAccountToken"], name


def test_no_container_runs_whatever_is_newest() -> None:
    for name, container in containers():
        assert container["image"].startswith("tongban/"), name
        assert container["image"].rpartition(":")[2] not in {"", "latest"}, name


def test_every_service_stands_twice_apart_and_leaves_one_by_one() -> None:
    deployments = of_kind("Deployment")
    budgets = of_kind("PodDisruptionBudget")

    assert deployments.keys() == budgets.keys() == set(SERVING)
    for name, each in deployments.items():
        spread = each["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert each["spec"]["replicas"] >= 2, name
        assert any(one["topologyKey"] == "kubernetes.io/hostname" and one["whenUnsatisfiable"] == "DoNotSchedule" for one in spread), name
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        assert budgets[name]["spec"]["selector"]["matchLabels"].items() <= each["spec"]["template"]["metadata"]["labels"].items()


def test_every_engine_stands_three_times_apart_and_loses_nothing_with_one() -> None:
    pools, clusters = of_kind("KafkaNodePool"), of_kind("Cluster")

    assert pools
    assert clusters
    for name, each in pools.items():
        assert each["spec"]["replicas"] == 3, name
    assert of_kind("Kafka")["tongban-kafka"]["spec"]["kafka"]["config"]["min.insync.replicas"] == 2
    for name, each in clusters.items():
        assert each["spec"]["instances"] == 3, name
        assert each["spec"]["postgresql"]["synchronous"]["dataDurability"] == "required", name
        assert [plugin["isWALArchiver"] for plugin in each["spec"]["plugins"]] == [True], name
    assert {each["spec"]["cluster"]["name"] for each in of_kind("ScheduledBackup").values()} == clusters.keys()


def test_secrets_that_nobody_makes_are_those_that_the_page_for_operators_names() -> None:
    """Operators make some; ``kubectl create secret`` of deploy/README.md makes the rest."""
    used = {
        source["secret"]["name"]
        for _, pod in pods()
        for volume in pod["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
    }
    made = {*of_kind("KafkaUser"), "tongban-kafka-cluster-ca-cert"}
    made |= {f"{name}-{end}" for name in of_kind("Cluster") for end in ("app", "ca")}

    page = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    left = used - made

    assert left == {*(f"{name}-keys" for name in SERVING), "checker-database"}
    assert [name for name in (*left, "backup-store") if f"create secret generic {name}" not in page] == []


def test_prometheus_finds_the_pods_of_every_service_and_the_port_they_answer_on() -> None:
    [monitor] = of_kind("PodMonitor", WATCHED).values()
    wanted = monitor["spec"]["selector"]["matchLabels"]
    [asked] = monitor["spec"]["podMetricsEndpoints"]

    found = {
        name: [port["name"] for port in each["spec"]["template"]["spec"]["containers"][0]["ports"]]
        for name, each in of_kind("Deployment", WATCHED).items()
        if wanted.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    }

    assert found == {name: [asked["port"]] for name in SERVING}


def test_whoever_may_be_reached_may_also_be_called() -> None:
    """Each way between pods needs a rule at both ends."""
    policies = of_kind("NetworkPolicy", BASE)
    leaves = {name for name, each in policies.items() if "Egress" in each["spec"]["policyTypes"]}

    assert policies["nothing-else"]["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "tongban"}},
        "policyTypes": ["Ingress", "Egress"],
    }
    assert leaves >= {"gateway", "credential", "names-and-engines", *(f"{name}-database" for name in SERVING[:-1])}
    for name in SERVING[:-1]:
        [rule] = policies[f"{name}-database"]["spec"]["egress"]
        entrance = of_kind("NetworkPolicy")[f"{name}-database-entrance"]["spec"]
        assert rule["to"] == [{"podSelector": entrance["podSelector"]}]


def test_the_proof_runs_when_it_is_asked_for_and_reaches_every_database() -> None:
    check = of_kind("CronJob")["check"]
    labels = check["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    policies = of_kind("NetworkPolicy")
    [rule] = policies["check-databases"]["spec"]["egress"]
    [settings] = [each["data"] for name, each in of_kind("ConfigMap").items() if name.startswith("check-settings")]
    compose = Composition(ROOT / "deploy" / "compose.yaml", {"TONGBAN_OIDC_ISSUER": "https://x", "TONGBAN_PUBLIC_URL": "https://x"})

    assert check["spec"]["suspend"]
    assert policies["check-databases"]["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    for name in SERVING[:-1]:
        entrance = policies[f"{name}-database-entrance"]["spec"]
        assert {"podSelector": entrance["podSelector"]} in rule["to"], name
        let_in = [each["podSelector"]["matchLabels"] for each in entrance["ingress"][0]["from"]]
        assert any(wanted.items() <= labels.items() for wanted in let_in), name
        assert [role["name"] for role in of_kind("Cluster")[f"{name}-database"]["spec"]["managed"]["roles"]] == ["tongban_checker"]
    assert settings.keys() - {"TONGBAN_ROUTING_KAFKA_AUTHORITY_FILE"} == compose.services["check"]["environment"].keys() - {
        "TONGBAN_ROUTING_KAFKA_MECHANISM"
    }
