"""Write the pictures of README and docs: a real preview, and the demo as a recording.

The law of this file: what the pictures show happened. ``docs/preview.svg`` is what the Pulumi CLI printed on the
program of the demo, and ``docs/demo.svg`` shows the steps of the demo one after the other, as ``make demo`` prints
them. Nothing in them is fetched from elsewhere.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT: Final = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python looks beside it only

from pulumi_edas_scale.emulator import Emulator  # noqa: E402
from tools.demo import WIDTH, Demo, Project  # noqa: E402

DOCS: Final = ROOT / "docs"
PREVIEW_WIDTH: Final = 106
SECONDS_A_STEP: Final = 6

ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")

SVG: Final = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
"""The picture of a terminal, for rich; its own format loads a font from the network."""


class RecordedDemo(Demo):
    """The demo, with a picture of each step."""

    def __init__(self, project: Project, console: Console) -> None:
        super().__init__(project, console)
        self._recorder = console
        self.pictures: list[str] = []

    def _step(self, title: str, command: str) -> None:
        super()._step(title, command)
        self.pictures.append(export(self._recorder, "make demo", f"step-{len(self.pictures)}"))


def new_recorder(width: int) -> Console:
    """Return a console that prints nowhere and remembers."""
    return Console(record=True, width=width, file=io.StringIO(), highlight=False, force_terminal=True)


def export(recorder: Console, title: str, unique_id: str) -> str:
    """Return the picture of what was printed since the last one."""
    return recorder.export_svg(title=title, theme=MONOKAI, code_format=SVG, unique_id=unique_id)


def draw_preview(project: Project) -> str:
    """Return the picture of a preview that swaps an instance after a drift."""
    printed = project.run("preview", "--suppress-outputs", color="always")
    lines = [each.rstrip() for each in printed.splitlines()]
    kept = [
        each
        for each in lines[max(n for n, line in enumerate(lines) if ANSI.sub("", line).startswith("@")) + 1 :]
        if not re.match(r"\s+pulumi:pulumi:Stack ", ANSI.sub("", each))
    ]
    recorder = new_recorder(PREVIEW_WIDTH)
    recorder.print("$ pulumi preview", style="bold")
    recorder.print(Text.from_ansi("\n".join(kept).strip("\n") + "\n"))  # the last line is cut off otherwise
    return export(recorder, "pulumi preview", "preview")


def join_pictures(pictures: list[str]) -> str:
    """Return one picture that shows others one after the other, again and again."""
    sizes = [re.search(r'viewBox="0 0 (\S+) (\S+)"', each) for each in pictures]
    width, height = (max(float(size[side]) for size in sizes if size) for side in (1, 2))
    length = SECONDS_A_STEP * len(pictures)
    frames = []
    for number, picture in enumerate(pictures):
        shown = ";".join("visible" if number == each else "hidden" for each in range(len(pictures)))
        first = "visible" if number == 0 else "hidden"
        size = re.search(r'viewBox="0 0 (\S+) (\S+)"', picture)
        height_of = float(size[2]) if size else height
        frames.append(
            f'<g visibility="{first}"><animate attributeName="visibility" values="{shown}" calcMode="discrete" '
            f'dur="{length}s" repeatCount="indefinite"/>\n'
            + picture.replace("<svg ", f'<svg width="{width:g}" height="{height_of:g}" ', 1)
            + "</g>"
        )
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg">\n'
        + "\n".join(frames)
        + "\n</svg>\n"
    )


def main() -> None:
    """Write both pictures."""
    with tempfile.TemporaryDirectory() as directory, Emulator(order_duration="seconds:1") as edas:
        project = Project(Path(directory), edas)
        project.prepare()
        demo = RecordedDemo(project, new_recorder(WIDTH))
        demo.run()
        (DOCS / "demo.svg").write_text(join_pictures(demo.pictures), "utf-8")
        edas.action("leave", instance="i-bp109")
        project.list_instances("i-bp101", "i-bp102", "i-bp103")
        project.run("up", "--yes", "--skip-preview")
        edas.action("leave", instance="i-bp102")
        project.list_instances("i-bp101", "i-bp102", "i-bp104")
        (DOCS / "preview.svg").write_text(draw_preview(project), "utf-8")


if __name__ == "__main__":
    main()
