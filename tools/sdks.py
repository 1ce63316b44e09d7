"""Generate the SDKs of the plugin from schema.json.

The law of this file: the generators are Pulumi's own.  Where the language host of the CLI has one, the CLI is
asked; an old host has none, and then the same generator is built from the Go module of the CLI's version.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tools.pulumi_cli import (
    CLI_MODULE,
    CLI_VERSION,
    SDK,
    GetError,
    GoProgram,
    build_program,
    cache_root,
    check_go,
    get_cli,
    say,
    sole_run,
)

REPOSITORY = Path(__file__).resolve().parent.parent
SCHEMA = REPOSITORY / "schema.json"
LANGUAGES = ("nodejs", "python", "go")

GENERATOR = GoProgram(
    name="sdkgen",
    package=".",
    versions=tuple(
        f"{path}@v{CLI_VERSION}"
        for path in (
            SDK,
            CLI_MODULE,
            f"{CLI_MODULE}/codegen/go",
            f"{CLI_MODULE}/codegen/nodejs",
            f"{CLI_MODULE}/codegen/python",
        )
    ),
    go_version="1.25",
    sources=(REPOSITORY / "tools" / "sdkgen" / "main.go",),
)


def generator() -> Path:
    """Return the generator program; build it when it is not there or its source is newer."""
    bin_dir = cache_root() / f"sdkgen-{CLI_VERSION}"
    program = bin_dir / GENERATOR.name
    with sole_run(cache_root() / f"sdkgen-{CLI_VERSION}.lock"):
        if not program.exists() or program.stat().st_mtime < GENERATOR.sources[0].stat().st_mtime:
            check_go()
            build_program(GENERATOR, bin_dir)
    return program


def generate_by_cli(language: str, out: Path) -> str:
    """Let the CLI generate an SDK, and return why it did not; empty when it did."""
    pulumi = get_cli(("python",), offline=False) / "pulumi"
    answer = subprocess.run(
        [pulumi, "package", "gen-sdk", SCHEMA, "--language", language, "--out", out],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"exit code {answer.returncode}"


def generate(language: str, out: Path) -> None:
    """Generate the SDK of one language into ``out/<language>``, in place of what was there.

    Raises:
        GetError: neither the CLI nor the built generator could.
    """
    target = out / language
    shutil.rmtree(target, ignore_errors=True)
    refusal = generate_by_cli(language, out)
    if not refusal:
        return
    say(f"{language}: the CLI cannot generate it ({refusal.splitlines()[-1]}); using the generator itself")
    answer = subprocess.run([generator(), "sdk", SCHEMA, language, target], check=False)
    if answer.returncode != 0:
        raise GetError(f"the {language} SDK could not be generated")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Generate the SDKs of the plugin from schema.json.")
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "build" / "sdks", help="where; default build/sdks"
    )
    parser.add_argument("languages", nargs="*", default=LANGUAGES, help=f"default: {' '.join(LANGUAGES)}")
    arguments = parser.parse_args()
    try:
        for language in arguments.languages:
            generate(language, arguments.out)
            print(arguments.out / language)
    except GetError as error:
        print(f"sdks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
