"""deploy/: that its files fit each other, the package, and the versions that are pinned."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from orders_platform import __version__
from orders_platform_tests.deploy.services import BIN, COMPOSE, composed, mounted_files
from orders_platform_tests.testing.workplace import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
FILLED_IN = {"DAGSTER_POSTGRES_PASSWORD": "p", "ORDERS_DATABASE_URL": "u", "MONDAY_API_TOKEN": "t"}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
VALUES = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text(encoding="utf-8"))


def pinned(package: str) -> str:
    text = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8")
    return re.search(rf"^{package}==(.+)$", text, re.MULTILINE)[1]


def location_name() -> str:
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["tool"]["dg"]["project"]["code_location_name"])


# --- compose -------------------------------------------------------------------------------------------------------------


def test_the_example_names_every_variable_that_compose_reads() -> None:
    compose = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
    example = (COMPOSE / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", compose)) == set(re.findall(r"^(\w+)=", example, re.MULTILINE))


@pytest.mark.parametrize("missing", FILLED_IN)
def test_compose_refuses_to_start_without_what_has_no_default(missing: str) -> None:
    with pytest.raises(AssertionError, match=missing):
        composed({name: value for name, value in FILLED_IN.items() if name != missing})


def test_one_daemon_one_migration_before_all_and_the_ui_on_this_host_only() -> None:
    services = composed(FILLED_IN)
    ours = {name: service for name, service in services.items() if name != "postgres"}
    assert {service["image"] for service in ours.values()} == {f"orders-platform:{__version__}"}
    assert sum(service["command"][0] == "dagster-daemon" for service in ours.values()) == 1
    assert "deploy" not in services["daemon"]  # no replicas: two daemons would start everything twice
    assert {name: list(service.get("depends_on", [])) for name, service in services.items()} == {
        "postgres": [],
        "migrate": ["postgres"],
        "code": ["migrate"],
        "webserver": ["code"],
        "daemon": ["code"],
    }
    assert [port for service in services.values() for port in service.get("ports", [])] == ["127.0.0.1:3000:3000"]


def test_no_container_may_more_than_it_needs() -> None:
    for name, service in composed(FILLED_IN).items():
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (
            True,
            ["ALL"],
            ["no-new-privileges:true"],
        ), name
        assert service["pids_limit"]
        assert service["mem_limit"]
        assert "/tmp" in service["tmpfs"]
        assert "privileged" not in service
        assert "cap_add" not in service or name == "postgres"


def test_every_command_of_a_service_is_a_program_of_the_image() -> None:
    services = composed(FILLED_IN).values()
    commands = [service["command"][0] for service in services if "command" in service]
    checks = [service["healthcheck"]["test"][1] for service in services if "command" in service and "healthcheck" in service]
    assert [name for name in {*commands, *checks} if not (BIN / name).exists()] == []


@pytest.mark.parametrize("own", ["", "/srv/orders.toml", "./orders.toml"])
def test_the_service_that_runs_is_given_the_configuration_file_of_the_deployer(own: str) -> None:
    code = composed({**FILLED_IN, "ORDERS_CONFIG": own})["code"]
    ((source, target),) = mounted_files(code)
    assert source == COMPOSE / (own or "../../config/order_sync.toml")
    assert str(target) == code["environment"]["ORDERS_CONFIG"]
    assert own or source.is_file()


def test_the_volumes_of_the_service_that_runs_are_folders_of_the_image_s_user() -> None:
    volumes = [volume.split(":") for volume in composed(FILLED_IN)["code"]["volumes"]]
    made = re.search(r"mkdir -p (.+) \\", DOCKERFILE)[1].split()
    assert {volume[1] for volume in volumes if not volume[0].startswith(".")} == set(made)
    declared = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))["volumes"]
    assert {volume[0] for volume in volumes if not volume[0].startswith(".")} <= set(declared)
    home = re.search(r"DAGSTER_HOME=(\S+)", DOCKERFILE)[1]
    assert f"{home}/.data/reports" in made  # where sync_report writes when `folder` is empty


def test_the_location_is_called_the_same_everywhere() -> None:
    (server,) = yaml.safe_load((COMPOSE / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    assert server["grpc_server"] == {"host": "code", "port": 4000, "location_name": location_name()}
    (of_chart,) = VALUES["dagsterWebserver"]["workspace"]["servers"]
    assert of_chart["name"] == location_name()


# --- the image -----------------------------------------------------------------------------------------------------------


def test_what_the_image_copies_is_there_and_is_let_through() -> None:
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    allowed = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert rules[0] == "*"
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
    named = [name for name in copied if name != "."]
    assert [name for name in [*allowed, *named] if not (CHECKOUT / name).exists()] == []
    assert [name for name in named if name not in allowed] == []
    wheel = {"orders_platform", "config", "graphql", "sql", "pyproject.toml", "setup.cfg", "README.md"}
    assert wheel <= set(allowed)


def test_no_secret_and_no_data_of_a_checkout_gets_into_the_image() -> None:
    allowed = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"]
    for private in (".env", ".data", ".dagster", ".git", "deploy/compose/.env"):
        assert not [rule for rule in allowed if fnmatch(private, rule) or Path(private).is_relative_to(rule)], private


def test_the_image_does_not_run_as_root_and_has_the_pinned_versions() -> None:
    assert re.search(r"^USER 1000$", DOCKERFILE, re.MULTILINE)
    assert "-c /tmp/constraints.txt" in DOCKERFILE
    assert not re.search(r"(?i)token|password|secret", DOCKERFILE)


# --- Kubernetes ----------------------------------------------------------------------------------------------------------


def test_the_values_have_one_image_its_port_and_the_pinned_chart() -> None:
    (code,) = VALUES["dagster-user-deployments"]["deployments"]
    images = [code["image"], VALUES["dagsterWebserver"]["image"], VALUES["dagsterDaemon"]["image"]]
    assert images == [{"repository": "orders-platform", "tag": __version__, "pullPolicy": "IfNotPresent"}] * 3
    (server,) = VALUES["dagsterWebserver"]["workspace"]["servers"]
    assert (server["host"], server["port"]) == (code["name"], code["port"])
    webserver = VALUES["dagsterWebserver"]
    assert webserver["service"]["port"] == webserver["readinessProbe"]["httpGet"]["port"] > 1024
    assert f"--version {pinned('dagster')}" in (DEPLOY / "helm" / "values.yaml").read_text(encoding="utf-8")
    assert VALUES["runLauncher"]["type"] == "K8sRunLauncher"


def test_a_pod_mounts_the_configuration_it_is_told_of_and_the_folder_of_reports() -> None:
    (code,) = VALUES["dagster-user-deployments"]["deployments"]
    folders = {mount["name"]: mount["mountPath"] for mount in code["volumeMounts"]}
    assert set(folders) == {volume["name"] for volume in code["volumes"]}
    variables = {entry["name"]: entry["value"] for entry in code["env"]}
    assert variables["ORDERS_CONFIG"] == f"{folders['config']}/order_sync.toml"
    assert folders["reports"] == "/opt/dagster/.data/reports"
    assert code["includeConfigInLaunchedRuns"]["enabled"]


def test_the_blocks_of_the_chart_that_our_rules_replace_are_off() -> None:
    """Both would be two keys of one name in dagster.yaml."""
    daemon = VALUES["dagsterDaemon"]
    assert [daemon[name]["enabled"] for name in ("runCoordinator", "runMonitoring", "runRetries")] == [False] * 3
    assert [daemon[name]["useThreads"] for name in ("sensors", "schedules")] == [False] * 2
    assert not {"concurrency", "retention"} & set(VALUES)


def test_no_pod_may_more_than_it_needs() -> None:
    (code,) = VALUES["dagster-user-deployments"]["deployments"]
    run = VALUES["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    pods = [code, VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]]
    users = [pod["podSecurityContext"] for pod in pods] + [run["podSpecConfig"]["securityContext"]]
    assert all(user["runAsNonRoot"] and user["runAsUser"] == 1000 for user in users)
    containers = [pod["securityContext"] for pod in pods] + [run["containerConfig"]["securityContext"]]
    assert all(not each["allowPrivilegeEscalation"] and each["capabilities"] == {"drop": ["ALL"]} for each in containers)
    assert [each.get("readOnlyRootFilesystem", False) for each in containers] == [True, True, False, True]
    for pod in pods[:2]:  # what is written lies on volumes
        assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in pod["volumeMounts"]}
        assert {"/tmp", "/opt/dagster/storage"} <= {mount["mountPath"] for mount in pod["volumeMounts"]}
    assert f"DAGSTER_HOME={VALUES['global']['dagsterHome']} " in DOCKERFILE


def test_the_code_server_is_reached_from_its_own_namespace_only() -> None:
    policies = list(yaml.safe_load_all((DEPLOY / "helm" / "network_policy.yaml").read_text(encoding="utf-8")))
    assert policies[0]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    from_outside = [
        (policy["spec"]["podSelector"]["matchLabels"]["component"], rule["ports"][0]["port"])
        for policy in policies
        for rule in policy["spec"].get("ingress", ())
        if any("namespaceSelector" in peer or "ipBlock" in peer for peer in rule.get("from", [{"ipBlock": {}}]))
    ]
    assert from_outside == [("dagster-webserver", VALUES["dagsterWebserver"]["service"]["port"])]


# --- the workflow --------------------------------------------------------------------------------------------------------


def test_every_action_is_pinned_by_commit_and_says_its_version() -> None:
    text = (CHECKOUT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[0-9.]+", line)] == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
