"""The contract, the programs and the generated code of other languages than Python, through the real CLI."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from pulumi_edas_scale.version import __version__
from tests.e2e import orders, sdks
from tests.e2e.stack import COMMAND_TIMEOUT, FrontEnd, Stack
from tests.e2e.world import BETA, REGION, SHOP
from tests.fetching import fetching
from tools.pulumi_cli import get_cli, go_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
ABC = ["i-a", "i-b", "i-c"]

pytestmark = pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["native"])


def write_yaml(stack: Stack, program: dict[str, Any]) -> None:
    """Make the project of a stack a YAML program that uses the plugin under test."""
    file = stack.program / "Pulumi.yaml"
    plugins = json.loads(file.read_text())["plugins"]
    file.write_text(json.dumps({**program, "name": "shop", "runtime": "yaml", "plugins": plugins}))


def list_members(stack: Stack, instance_ids: Sequence[str]) -> None:
    """Set the list of the example program: ``pulumi config set --path`` makes the same of it."""
    config = cast("dict[str, Any]", stack.config)  # elsewhere values are texts
    config["shop:instanceIds"] = list(instance_ids)


def test_the_cli_accepts_the_schema(stack: Stack) -> None:
    """``pulumi schema check`` has nothing to say against schema.json."""
    result = stack.run("schema", "check", str(ROOT / "schema.json"))
    assert "warning" not in result.output.lower(), str(result)


def test_the_plugin_serves_the_schema(stack: Stack, path: tuple[Path, ...]) -> None:
    """``pulumi package get-schema`` gets from the plugin exactly what stands in schema.json."""
    got = subprocess.run(
        ["pulumi", "package", "get-schema", path[0] / "pulumi-resource-edas-scale"],
        cwd=stack.program,
        env=stack.variables(),
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT,
        check=True,
    )
    assert json.loads(got.stdout) == json.loads((ROOT / "schema.json").read_text())


def test_the_yaml_example_lives(stack: Stack) -> None:
    """examples/yaml goes up, stays clean, takes one member in place of another, and goes down."""
    write_yaml(stack, yaml.safe_load((ROOT / "examples" / "yaml" / "Pulumi.yaml").read_text()))
    live(stack)


def test_the_plugin_is_added_to_a_yaml_project(stack: Stack, path: tuple[Path, ...]) -> None:
    """``pulumi package add`` writes the package into the project; for other languages it needs Pulumi's own hosts."""
    write_yaml(stack, yaml.safe_load((ROOT / "examples" / "yaml" / "Pulumi.yaml").read_text("utf-8")))
    stack.run("package", "add", str(path[0] / "pulumi-resource-edas-scale"))
    project = yaml.safe_load((stack.program / "Pulumi.yaml").read_text("utf-8"))
    assert project["packages"] == {"edas-scale": f"edas-scale@{__version__}"}


def test_the_typescript_example_lives(stack: Stack) -> None:
    """examples/typescript type-checks against the generated SDK, and lives as the YAML example does."""
    sdks.link_typescript_project(sdks.typescript_project(), stack.program)
    sdks.run([str(stack.program / "node_modules" / ".bin" / "tsc")], stack.program)
    live(stack)


@pytest.mark.timeout(1800)  # Pulumi's host for Go and its SDK are built here
def test_the_go_example_lives(stack: Stack) -> None:
    """examples/go compiles against the generated SDK, and lives as the YAML example does."""
    sdks.link_go_project(sdks.go_project(), stack.program)
    stack.environment.update(sdks.go_variables())
    with fetching():
        stack.path = (*stack.path, get_cli(("python", "go"), offline=False))
    # The first build compiles Pulumi's SDK: minutes beside other tests, more than a command of Pulumi may take.
    sdks.run([sdks.needed("go"), "build", "-o", "first-build", "."], stack.program, go_environment())
    live(stack)


def live(stack: Stack) -> None:
    """Take the program of an example through its life: up, one member in place of another, and down."""
    stack.config.update({"shop:application": "shop", "shop:deployGroup": "beta"})

    list_members(stack, ABC)
    stack.up(preview=True)
    assert stack.run("stack", "output", "running").output.strip() == "3"
    stack.preview(expect_no_changes=True)
    list_members(stack, ["i-a", "i-b", "i-d"])
    stack.up()
    stack.preview(expect_no_changes=True)
    stack.destroy()

    assert orders.orders(stack.edas) == [
        ("scale_out", ABC),
        ("scale_out", ["i-d"]),
        ("scale_in", ["i-c"]),
        ("scale_in", ["i-a", "i-b", "i-d"]),
    ]


@pytest.mark.scenario("S22")
def test_s22_the_code_that_an_import_generates_is_clean(stack: Stack) -> None:
    """The YAML program that ``pulumi import`` writes for a group lists its members and previews without changes."""
    write_yaml(stack, {})
    import_group(stack, "--out", "generated.yaml")

    generated = yaml.safe_load((stack.program / "generated.yaml").read_text())
    assert generated["resources"]["web"]["properties"]["instanceIds"] == ABC
    write_yaml(stack, generated)
    stack.preview(expect_no_changes=True)
    assert orders.writes(stack.edas) == []


@pytest.mark.scenario("S22")
@pytest.mark.parametrize("language", ["python", "nodejs"])
def test_s22_generated_programs_are_clean(stack: Stack, language: str) -> None:
    """What the generators write for an imported group previews without changes; in Python without an SDK."""
    import_group(stack, "--generate-code=false")

    program = sdks.imported_program(language, stack.run("stack", "export").output, stack.directory)
    if language == "python":
        (stack.program / "__main__.py").write_text(program)
    else:
        sdks.link_typescript_project(sdks.typescript_project(), stack.program)
        (stack.program / "index.ts").write_text(program)
    for each in ABC:
        assert f'"{each}"' in program
    stack.preview(expect_no_changes=True)
    assert orders.writes(stack.edas) == []


@pytest.mark.timeout(1800)  # as above
@pytest.mark.scenario("S22")
def test_s22_the_generated_go_program_compiles(stack: Stack, tmp_path: Path) -> None:
    """What the generator of Go writes for an imported group compiles against the generated SDK."""
    import_group(stack, "--generate-code=false")

    project = tmp_path / "project"
    shutil.copytree(sdks.go_project(), project)
    program = sdks.imported_program("go", stack.run("stack", "export").output, stack.directory)
    (project / "main.go").write_text(program)
    sdks.run([sdks.needed("go"), "vet", "."], project, go_environment())


def import_group(stack: Stack, *flags: str) -> None:
    """Import a group of three members that nobody manages as ``web``."""
    for each in ABC:
        stack.edas.action("join", group=BETA, application=SHOP, instance=each)
    import_id = f"{REGION}/{SHOP}/{BETA}"
    stack.run("import", FrontEnd.NATIVE.type_token, "web", import_id, "--yes", "--protect=false", *flags)
