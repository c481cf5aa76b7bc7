"""What packaging/docker says agrees with the programs, so far as that shows without a daemon."""

import ast
import os
import re
import stat
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from urllib.parse import urlsplit

import guardian_cloud.cli
import guardian_relay.cli
import pytest
import yaml
from guardian_cloud.settings.load import load as load_cloud
from guardian_relay.settings import DEFAULT_FILE, RelaySettings
from guardian_relay.settings import load as load_relay

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "packaging/docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMMANDS = {"relay": guardian_relay.cli.cli.commands, "cloud": guardian_cloud.cli.cli.commands}


def composed(name):
    return yaml.safe_load((DOCKER / name / "compose.yaml").read_text(encoding="utf-8"))


def dockerfile(name):
    return (DOCKER / name / "Dockerfile").read_text(encoding="utf-8")


def mounts(service):
    """Return {place in the container: what is there}."""
    return {one.split(":")[1]: one.split(":")[0] for one in service["volumes"]}


def published(service):
    """Return (port, protocol) in the container of each published port."""
    inner = [one.rpartition(":")[2] for one in service["ports"]]
    return {(int(port), protocol or "tcp") for port, _, protocol in (one.partition("/") for one in inner)}


def port_of(listen):
    return int(listen.rpartition(":")[2])


def test_images_are_made_of_the_sources_of_the_wheel_and_of_nothing_else():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "what is not named stays outside"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    needed = {Path(one).parts[0] for one in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert allowed == needed | {"pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert "**/__pycache__" in rules


@pytest.mark.parametrize("name", ["relay", "cloud"])
def test_the_list_of_an_image_names_all_that_its_program_imports(name):
    listed = PROJECT["project"]["optional-dependencies"][name]
    listed = {re.match(r"[A-Za-z0-9-]+", one)[0].lower() for one in listed}
    assert f'["optional-dependencies"]["{name}"]' in dockerfile(name)
    known, strange = packages_distributions(), {}
    for path in (ROOT / name).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for module in {one.partition(".")[0] for one in names} - set(sys.stdlib_module_names):
                owners = {one.lower().replace("_", "-") for one in known.get(module, [module])}
                if not module.startswith("guardian") and not owners & listed:
                    strange[module] = path.name
    assert set(strange) <= {"py_vapid", "markupsafe"}, "pywebpush and jinja2 bring those"


@pytest.mark.parametrize("name", ["relay", "cloud"])
def test_an_image_runs_a_python_that_the_project_names(name):
    version = re.findall(r"^FROM python:([0-9.]+)-slim", dockerfile(name), re.MULTILINE)
    assert len(set(version)) == 1
    assert f"Programming Language :: Python :: {version[0]}" in PROJECT["project"]["classifiers"]


@pytest.mark.parametrize("name", ["relay", "cloud"])
def test_the_program_is_held_tight_asked_whether_it_lives_and_given_the_time_that_systemd_gives(name):
    service = composed(name)["services"][name]
    assert service["read_only"] is True
    assert service["init"] is True, "as process 1 Python would not hear a SIGTERM before it is told how"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"]
    assert service["command"] in COMMANDS[name]
    unit = (ROOT / f"packaging/systemd/guardian-{name}.service").read_text(encoding="utf-8")
    assert service["stop_grace_period"] == re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1] + "s"


def test_the_relays_mounts_and_ports_are_those_of_its_settings():
    service, settings = composed("relay")["services"]["relay"], load_relay(DOCKER / "relay/relay.toml")
    there = mounts(service)
    assert there[str(DEFAULT_FILE)] == "./relay.toml"
    assert there[str(RelaySettings.model_fields["state"].default)] == "state"
    assert settings.state == RelaySettings.model_fields["state"].default
    assert f"VOLUME {settings.state}\n" in dockerfile("relay")
    assert {there[str(Path(one).parent)] for one in (settings.gateway.cert_file, settings.gateway.key_file)} == {"./tls"}
    assert published(service) == {
        (settings.tunnel.listen_port, "udp"),
        (port_of(settings.pairing.listen), "tcp"),
        (port_of(settings.gateway.listen), "tcp"),
    }
    assert service["healthcheck"]["test"] == ["CMD", "guardian-relay", "status"]


@pytest.fixture
def secrets(tmp_path):
    """What `secrets.sh` makes; Path."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    (folder / "secrets.sh").write_bytes((DOCKER / "cloud/secrets.sh").read_bytes())
    done = subprocess.run(["sh", folder / "secrets.sh"], capture_output=True, text=True, check=False, umask=0o077)
    assert done.returncode == 0, done.stderr
    assert "client_secret" in done.stdout
    return folder / "secrets"


def test_the_secrets_are_for_the_containers_users_and_for_nobody_else_here(secrets):
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in secrets.iterdir()} == {0o644}
    before = {one.name: one.read_bytes() for one in secrets.iterdir()}
    assert len(set(before.values())) == len(before), "no two are the same"
    again = subprocess.run(["sh", secrets.parent / "secrets.sh"], capture_output=True, check=False)
    assert again.returncode != 0
    assert {one.name: one.read_bytes() for one in secrets.iterdir()} == before


def test_the_secrets_that_are_made_are_those_that_are_mounted(secrets):
    compose = composed("cloud")
    files = {name: one["file"] for name, one in compose["secrets"].items()}
    assert files == {name: f"secrets/{name}" for name in files}
    assert {*files, "rabbitmq.conf"} == {one.name for one in secrets.iterdir()}
    assert mounts(compose["services"]["rabbitmq"])["/etc/rabbitmq/conf.d/30-user.conf"] == "./secrets/rabbitmq.conf"
    assert {one for service in compose["services"].values() for one in service.get("secrets", ())} == set(files)


def cloud_settings(secrets, **environment):
    text = (DOCKER / "cloud/cloud.toml").read_text(encoding="utf-8")
    file = secrets.parent / "cloud.toml"
    file.write_text(text.replace("/run/secrets/", f"{secrets}/"))
    return load_cloud(file, {name: one.replace("/run/secrets/", f"{secrets}/") for name, one in environment.items()})


def test_the_cloud_reads_the_secrets_and_finds_the_services_with_them(secrets):
    services = composed("cloud")["services"]
    settings = cloud_settings(secrets, **services["migrate"]["environment"])
    word = {one.name: one.read_text().strip() for one in secrets.iterdir()}
    store, owner, redis, amqp = (
        urlsplit(one.get_secret_value())
        for one in (settings.store.url, settings.store.owner_url, settings.ephemeral.redis_url, settings.queue.amqp_url)
    )
    assert {one.hostname for one in (store, owner)} == {"postgres"} <= set(services)
    assert {redis.hostname, amqp.hostname} == {"redis", "rabbitmq"} <= set(services)
    assert (store.password, owner.password, redis.password) == tuple(
        word[f"{name}_password"] for name in ("app", "owner", "redis")
    )
    assert word["rabbitmq.conf"] == f"default_user = {amqp.username}\ndefault_pass = {amqp.password}"
    users = (DOCKER / "cloud/users.sh").read_text(encoding="utf-8")
    for url in (store, owner):
        assert f"CREATE ROLE {url.username} LOGIN" in users
        assert url.path == "/" + services["postgres"]["environment"]["POSTGRES_DB"]


def test_only_migrate_has_the_word_of_the_tables_owner(secrets):
    services = composed("cloud")["services"]
    assert services["migrate"]["command"] in COMMANDS["cloud"]
    assert "owner_url" in services["migrate"]["secrets"]
    assert "owner_url" not in services["cloud"]["secrets"]
    assert cloud_settings(secrets).store.owner_url.get_secret_value() == ""
    named = set(re.findall(r"/run/secrets/(\w+)", (DOCKER / "cloud/cloud.toml").read_text(encoding="utf-8")))
    assert named == set(services["cloud"]["secrets"])
    assert named < set(services["migrate"]["secrets"])
    assert services["cloud"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_clouds_mounts_and_ports_are_those_of_its_settings(secrets):
    service, settings = composed("cloud")["services"]["cloud"], cloud_settings(secrets)
    there = mounts(service)
    assert there[re.search(r"GUARDIAN_CLOUD_CONFIG=(\S+)", dockerfile("cloud"))[1]] == "./cloud.toml"
    assert there[str(settings.data_dir)] == "state"
    assert f"VOLUME {settings.data_dir}\n" in dockerfile("cloud")
    assert f"install -d -o guardian -g guardian -m 0700 {settings.data_dir}\n" in dockerfile("cloud")
    ports = {port_of(settings.web.listen), port_of(settings.control.listen)}
    assert {port for port, _ in published(service)} == ports
    assert f"http://127.0.0.1:{port_of(settings.web.listen)}/healthz" in service["healthcheck"]["test"][-1]
    assert f"EXPOSE {' '.join(str(port) for port in sorted(ports))}\n" in dockerfile("cloud")
    assert f"127.0.0.1:{port_of(settings.web.listen)}:" in service["ports"][0], "a TLS proxy stands before the page"


@pytest.mark.parametrize("name", ["users.sh", "secrets.sh"])
def test_scripts_may_be_run(name):
    # PostgreSQL's entrypoint reads one that is not executable into itself, with its `set -eu`
    assert os.access(DOCKER / "cloud" / name, os.X_OK)
    assert (DOCKER / "cloud" / name).read_text(encoding="utf-8").startswith("#!/bin/sh\n")
