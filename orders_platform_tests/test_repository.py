"""The files beside the code: that what they say is so."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate

from orders_platform.cli.main import cli
from orders_platform.configuration import ENVIRONMENTS, read_configuration
from orders_platform.domain.mutations import Mutation
from orders_platform.monday.documents import Documents
from orders_platform.settings import _Environment

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sql").rglob("*.md")])
STATEMENTS = sorted((ROOT / "sql").glob("*.sql.j2"))
GRAPHQL = sorted(path for path in (ROOT / "graphql").glob("*.graphql") if path.name != "schema.graphql")
SIX = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pyproject() -> dict:
    return tomllib.loads(text_of("pyproject.toml"))


def code_in(document: Path) -> list[str]:
    """Lines of code blocks, and inline code."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", rest)


def is_mutation(path: Path) -> bool:
    definition = parse(path.read_text(encoding="utf-8")).definitions[0]
    return isinstance(definition, OperationDefinitionNode) and definition.operation is OperationType.MUTATION


# --- documents ----------------------------------------------------------------------------------------------------------


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), flags=re.MULTILINE))
    assert {"run", "test", "ui", "check", "setup"} <= targets
    named = {
        (document.name, target)
        for document in DOCUMENTS
        for line in code_in(document)
        for target in re.findall(r"(?:^|[$;&] )make ([a-z][a-z-]*)", line)
    }
    assert ("README.md", "run") in named
    assert {(document, target) for document, target in named if target not in targets} == set()


def test_make_help_lists_the_targets() -> None:
    makefile = text_of("Makefile")
    phony = set(re.search(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)[1].split()) - {"help"}
    helped = set(re.findall(r"make ([a-z-]+)", "\n".join(line for line in makefile.splitlines() if "@echo" in line)))
    assert helped == phony


def test_every_command_and_option_that_a_document_names_exists() -> None:
    wrong = []
    for document in DOCUMENTS:
        for line in code_in(document):
            for call in re.findall(r"\borders-platform ((?:[^|;&#`]|$)+)", line):
                wrong += [
                    f"{document.name}: {call}: {problem}" for problem in problems_of(call.replace("[", " ").replace("]", " "))
                ]
    assert wrong == []


def problems_of(call: str) -> list[str]:
    command: click.Command = cli
    words = call.split()
    if words[:1] == ["--config"] or words[:1] == ["--home"]:
        words = words[2:]
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        if name in {"OPTIONS", "COMMAND"}:
            return []  # the usage of a group
        if name not in command.commands:
            return [f"no command {name}"]
        command = command.commands[name]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    given = [word.split("=")[0] for word in words if word.startswith("--")]
    return [f"no option {name}" for name in given if name not in {*options, "--help", "--version"}]


def test_every_relative_link_of_a_document_leads_somewhere() -> None:
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target) and not (document.parent / target).exists()
    ]
    assert dead == []


def test_the_architecture_names_every_asset() -> None:
    words = text_of("docs/explanation/architecture.md")
    assert [asset for asset in ("swp_order_list", *SIX, "order_board") if asset not in words] == []


# --- settings and configuration -----------------------------------------------------------------------------------------


def test_the_example_has_exactly_the_variables_that_are_read() -> None:
    lines = text_of(".env.example").splitlines()
    assert [line for line in lines if line and not line.startswith("#") and not re.fullmatch(r"[A-Z_]+=\S*", line)] == []
    given = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert sorted(given) == sorted(name.upper() for name in _Environment.model_fields)
    for name in given:
        assert lines[lines.index(next(line for line in lines if line.startswith(f"{name}="))) - 1].startswith("#"), name


def test_the_example_holds_no_secret() -> None:
    assert (
        re.findall(r"^(?:MONDAY_API_TOKEN|ORDERS_DATABASE_URL|ORDERS_ALERT_URLS)=(.+)$", text_of(".env.example"), re.MULTILINE)
        == []
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_configuration_is_right_for_every_environment(environment: str) -> None:
    configuration = read_configuration(ROOT / "config" / "order_sync.toml", environment)
    assert len(configuration.items.fields) > 40
    assert configuration.items.external_key in {field.column_id for field in configuration.items.fields}
    assert "GREYSON" in configuration.customers


def test_only_the_development_boards_differ_from_production() -> None:
    boards = {
        environment: (found.items.board_id, found.subitems.board_id)
        for environment in ENVIRONMENTS
        for found in [read_configuration(ROOT / "config" / "order_sync.toml", environment)]
    }
    assert boards["sandbox"] == boards["production"]
    assert not set(boards["development"]) & set(boards["production"])


# --- sql/ and graphql/ --------------------------------------------------------------------------------------------------


def test_every_statement_says_what_it_is_for_reads_writes_and_takes() -> None:
    silent = []
    for path in STATEMENTS:
        header = re.match(r"(-- .*\n)+", path.read_text(encoding="utf-8"))
        words = " ".join(line.removeprefix("-- ") for line in header[0].splitlines()) if header else ""
        if not re.fullmatch(r"\S.{15,}?[.:] Reads: \S.*? Writes: \S.*? Parameters: \S.*", words):
            silent.append(path.name)
    assert len(STATEMENTS) > 40
    assert silent == []


def test_every_macro_and_table_opens_with_what_it_is() -> None:
    files = [
        path for path in sorted((ROOT / "sql").glob("*/*.j2")) if not re.match(r"\{#- \S", path.read_text(encoding="utf-8"))
    ]
    assert [str(path.relative_to(ROOT)) for path in files] == []


@pytest.mark.parametrize("path", GRAPHQL, ids=lambda path: path.name)
def test_a_document_alone_is_valid_against_the_schema(path: Path) -> None:
    document = parse(path.read_text(encoding="utf-8"))
    assert validate(build_schema(text_of("graphql/schema.graphql")), document) == []
    assert len(document.definitions) == 1


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("path", [path for path in GRAPHQL if is_mutation(path)], ids=lambda path: path.name)
def test_a_mutation_is_valid_however_often_it_is_batched(path: Path, count: int) -> None:
    request = Documents(ROOT / "graphql").batch(path.stem, [Mutation(f"row {n}", {}) for n in range(count)])
    assert validate(build_schema(text_of("graphql/schema.graphql")), parse(request.query)) == []
    assert len(request.aliases) == count


# --- Dagster, packaging, git --------------------------------------------------------------------------------------------


def test_every_launcher_gives_the_code_location_the_same_name() -> None:
    (entry,) = yaml.safe_load(text_of("workspace.yaml"))["load_from"]
    project = pyproject()["tool"]["dg"]["project"]
    names = {"module_name": project["code_location_target_module"], "location_name": project["code_location_name"]}
    assert entry["python_module"] == names


def test_the_local_instance_keeps_its_storage_in_the_checkout_and_reports_nothing() -> None:
    instance = yaml.safe_load(text_of("dagster.yaml"))
    assert instance["telemetry"] == {"enabled": False}
    folders = [
        instance["storage"]["sqlite"]["base_dir"],
        instance["local_artifact_storage"]["config"]["base_dir"],
        instance["compute_logs"]["config"]["base_dir"],
    ]
    assert all(folder.startswith(".dagster/") for folder in folders)
    limits = {limit["key"]: limit for limit in instance["concurrency"]["runs"]["tag_concurrency_limits"]}
    assert limits["dagster/partition"]["limit"] == 1
    assert limits["dagster/partition"]["value"] == {"applyLimitPerUniqueValue": True}
    assert instance["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert instance["run_monitoring"]["max_runtime_seconds"] > 0


def test_the_constraints_pin_every_dependency_and_name_no_place_to_get_it_from() -> None:
    lines = [line for line in text_of("constraints.txt").splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines}
    project = pyproject()["project"]
    wanted = {
        re.match(r"[A-Za-z0-9_.-]+", line)[0].lower()
        for line in project["dependencies"] + project["optional-dependencies"]["dev"]
    }
    assert wanted - pinned == set()


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


LEFT_BY_RUNS = (
    ".coverage",
    ".dagster/storage/runs.db",
    ".data/orders.db",
    ".hypothesis/examples/x",
    ".mypy_cache/x",
    ".pytest_cache/x",
    ".ruff_cache/x",
    ".tmp_dagster_home_x/storage/x",  # of a `dagster dev` that was killed
    ".venv-peers/bin/python",
    ".venv/bin/python",
    "build/x",
    "coverage.json",
    "coverage.txt",
    "dist/x.whl",
    "orders_platform.egg-info/x",
    "orders_platform/__pycache__/x.pyc",
)


@pytest.mark.parametrize("name", [*LEFT_BY_RUNS, ".env"])
def test_what_a_run_leaves_behind_is_not_committed(name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0


def test_no_tracked_file_is_one_that_a_run_leaves_behind() -> None:
    listed = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout == ""


def test_make_clean_removes_what_a_run_leaves_behind_and_nothing_else(tmp_path: Path) -> None:
    kept = {".env", ".gitignore", "Makefile", "a note of mine.txt", "orders_platform/committed.py", "orders_platform/new.py"}
    for name in (*LEFT_BY_RUNS, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    for name in (".gitignore", "Makefile"):
        (tmp_path / name).write_text(text_of(name), encoding="utf-8")
    for command in (["git", "init", "-q"], ["git", "add", "orders_platform/committed.py"], ["make", "clean"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith(".git/")} == kept


def test_no_file_names_a_folder_of_one_machine_or_a_package_registry() -> None:
    homes = "|".join(rf"/{folder}/\w" for folder in ("home", "root", "Users", "work"))
    hosts = "|".join(("pypi" + r"\.org", "python" + r"hosted\.org", "arti" + "factory", "j" + r"frog\.io", "index" + "-url"))
    wrong = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found = re.search(rf"(?<![\w.$}})*-])(?:{homes})|{hosts}", text)
        if found:
            wrong.append(f"{path.relative_to(ROOT)}: {found[0]}")
    assert wrong == []


def test_no_temporary_test_and_no_stray_file_is_left() -> None:
    stray = [
        path.name for path in tracked() if re.search(r"(_tmp|_probe|_scratch)\b|\.(orig|rej|bak|log|db)$|^nohup", path.name)
    ]
    assert stray == []
