"""What the documentation says is so: its programs run, its commands exist, its messages are the code's."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from pulumi_edas_scale.cli import main as cli
from pulumi_edas_scale.domain.codes import GAP, ROWS
from pulumi_edas_scale.emulator.switches import SWITCHES
from tools import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
OTHER_PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
OWN_LINK = (
    r"https://(?:(?P<site>pulumi-edas\.github\.io)/pulumi-edas-scale/"
    r"|(?:github|raw\.githubusercontent)\.com/pulumi-edas/pulumi-edas-scale/(?:blob/|tree/)?main/)(?P<path>\S+)"
)
REGISTRY_LINKS = ("/registry/", "./api-docs/")
"""What only the Pulumi registry has."""
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the page and the text of each code block in a language."""
    return [
        (page.name, "\n".join(line.removeprefix(indent) for line in text.splitlines()))
        for page in [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
        for indent, kind, text in BLOCK.findall(page.read_text("utf-8"))
        if kind == language
    ]


def test_every_python_program_runs() -> None:
    """Each Python block runs to its end under Pulumi's mocks, beside an emulated EDAS where it asks one."""
    programs = blocks("python")
    assert len(programs) >= 5
    for page, source in programs:
        compile(source, page, "exec")

    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "mocked_docs.py"],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"ran": len(programs)}


def test_every_yaml_program_names_what_the_schema_has() -> None:
    """The YAML programs use inputs and outputs of the schema only."""
    schema = json.loads((ROOT / "schema.json").read_text("utf-8"))
    resource = schema["resources"]["edas-scale:index:DeployGroupMembership"]
    programs = [yaml.safe_load(text) for _, text in blocks("yaml")]
    assert programs
    for program in programs:
        for each in program["resources"].values():
            assert each["type"] == "edas-scale:DeployGroupMembership"
            assert set(each["properties"]) <= set(resource["inputProperties"])
        for output in program["outputs"].values():
            assert output.strip("${}").split(".")[1] in resource["properties"]


def commands() -> Iterator[list[str]]:
    """Yield the words of each command in a console block or in a code span of a page."""
    for _, text in blocks("console"):
        yield from (line.split() for line in text.splitlines() if line.strip())
    for page in [*PAGES, ROOT / "README.md"]:
        for span in re.findall(r"`((?:make|edas-scale) [^`]+)`", page.read_text("utf-8")):
            yield span.split()


def test_every_command_exists() -> None:
    """Each make target is in the Makefile, and each subcommand and option of edas-scale is one."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in commands():
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words
        if words[0] == "edas-scale" and not words[1].startswith("-"):
            command = cli.cli.get_command(click.Context(cli.cli), words[1])
            assert command is not None, words
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words[2:] if word.startswith("--")} <= options, words


def sentences() -> str:
    """Return every text of the package, with a gap where a value stands."""
    found = []
    for file in (ROOT / "pulumi_edas_scale").rglob("*.py"):
        if file.name == "codes.py":  # it does not vouch for itself
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
                    )
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def test_every_message_of_the_page_is_one_of_the_code() -> None:
    """The words that the page of errors lists are words that the code says, in its tables and around them."""
    corpus = sentences()
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    around = [
        words
        for words in re.findall(r"^[^|].*", page, re.MULTILINE)
        for words in re.findall(r"`([A-Za-z ;]+ [A-Za-z ;]+)`", words)
    ]
    assert len(around) > 3
    for words in [*around, *(part for row in ROWS for part in row.words.split(GAP))]:
        assert words.strip() in corpus, words


def test_every_assumption_has_a_row_and_a_test_of_the_other_side() -> None:
    """Each switch of the emulator has a row; the tests it names set that switch."""
    page = (ROOT / "docs" / "api-assumptions.md").read_text("utf-8").partition("## What is assumed")[2]
    rows = [
        line.split(" | ") for line in page.partition("## Without")[0].splitlines() if line.startswith("| `")
    ]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(each.name for each in SWITCHES)
    for names, _, _, tests, _ in rows:
        files = re.findall(r"`(tests/\S+)`", tests)
        files += ["tests/simulation/invention.py"] if "histories" in tests else []
        texts = "".join((ROOT / file).read_text("utf-8") for file in files)
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b{name}\b", texts), f"no test named for {name} sets it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_is_in_its_page(page: Path) -> None:
    """Each marker names a table, whose rows stand in the repository: nobody has to build the site to read them."""
    text = page.read_text("utf-8")
    names = re.findall(r"<!-- ([a-z-]+) -->", text)
    assert set(names) <= {**tables.TABLES, **tables.COLLECTED}.keys()
    for name in names:
        assert (
            len(text.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].splitlines()) > 1
        ), name
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = table.strip().splitlines()
        assert len(rows) > 2
        assert len({len(re.split(r"(?<!\\)\|", row)) for row in rows}) == 1, table


def slug(heading: str) -> str:
    """Return the anchor that the site gives a heading."""
    words = re.sub(r"`|\*|\[([^]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words).strip().lower())


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page."""
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def test_the_menu_of_the_site_has_every_page_once() -> None:
    """No page is left out, none is named that is not there, and no two have one title."""
    # mkdocs has tags of its own, of which this test needs none.
    menu = re.findall(r"^  - (.+): (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(page for _, page in menu) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))
    assert len({title for title, _ in menu}) == len(menu)


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "registry").glob("*.md")), ids=lambda page: page.name
)
def test_a_page_of_the_registry_has_its_form(page: Path) -> None:
    """Front matter and choosers are those of the providers that Pulumi publishes, such as pulumi-docker-build."""
    _, front, text = page.read_text("utf-8").split("---\n", 2)
    assert yaml.safe_load(front).keys() == {"title", "meta_desc", "layout"}
    assert yaml.safe_load(front)["layout"] == "package"
    assert not re.search(r"^# ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    for languages, inside in re.findall(
        r'{{< chooser language "(.+?)" >}}(.*?){{< /chooser >}}', text, re.DOTALL
    ):
        chosen = re.findall(r"{{% choosable language (\w+) %}}.+?{{% /choosable %}}", inside, re.DOTALL)
        assert chosen == languages.split(",")
    assert text.count("{{< chooser") == text.count("{{< /chooser >}}")
    assert text.count("{{% choosable") == text.count("{{% /choosable %}}")


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / name for name in OTHER_PAGES)], ids=lambda page: page.name)
def test_every_link_and_anchor_of_a_page_works(page: Path) -> None:
    """A link names a page of the repository, a heading of it, or a whole address; a picture is there."""
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if link.startswith(REGISTRY_LINKS):
            continue
        own = re.fullmatch(OWN_LINK, link)
        if own is None and re.match(r"\w+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = (own["path"] if own else link).partition("#")
        directory = page.parent if own is None else ROOT / "docs" if own["site"] else ROOT
        target = directory / path.replace(".html", ".md") if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_page_of_trust_counts_what_pytest_finds() -> None:
    """The numbers of tests, behaviours, switches and rules are those of this tree; tools/tables.py writes them."""
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    assert "<!-- suites -->" in page
    assert tables.fill(page, {}, tables.COLLECTED) == page


def test_the_tests_of_the_hostile_behaviours_are_there() -> None:
    """The table has rows, which name files of tests."""
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8").partition("\n## ")[0]
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    assert rows
    for *_, tests in rows:
        named = re.findall(r"`(tests/\S+)`", tests)
        assert named or "the same" in tests
        assert [each for each in named if not (ROOT / each).exists()] == []


def test_numbers_of_tests_are_found_in_the_suites() -> None:
    """A directory and a file are counted, and what pytest leaves out by itself is not."""
    assert tables.count_tests("simulation/test_histories.py") > 10
    assert tables.count_tests("property") == len(laws())


def laws() -> list[str]:
    """Return the names of the tests of laws, of which none is parametrised."""
    files = (ROOT / "tests" / "property").glob("test_*.py")
    return [
        name
        for file in files
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    ]


def test_the_conformance_table_has_every_scenario_of_the_tests() -> None:
    """The table is made from the tests, in the order of the scenarios."""
    rows = re.findall(r"^\| S(\d+) \| (.+) \|$", tables.conformance_table({}), re.MULTILINE)

    assert [int(number) for number, _ in rows] == sorted({int(number) for number, _ in rows})
    assert len(rows) > 40
    assert all(sentence for _, sentence in rows)
