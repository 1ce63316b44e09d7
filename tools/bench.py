"""Measure what operations cost beyond EDAS's own time, and say what became worse.

    python tools/bench.py                                  everything that is promised, some 25 minutes
    python tools/bench.py --size quick                     the same in small, to try it
    python tools/bench.py --only start,imports             some sections
    python tools/bench.py --compare docs/bench.json        and say what became worse
    python tools/bench.py --output docs/bench.json --plot docs/bench.svg

The law of this file: it judges ratios, counts and virtual time, never real seconds (see ``results.py``). What is
promised in seconds is shown beside its limit; a busy machine may miss it and be right.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python looks beside it only

from tools.benchmarks import changes, growth, many, pacing, programs, regions, starts, waits  # noqa: E402
from tools.benchmarks.plot import draw  # noqa: E402
from tools.benchmarks.results import Result, compare, parse_result, render_table  # noqa: E402
from tools.benchmarks.sizes import FULL, NORMAL, QUICK, Sizes  # noqa: E402
from tools.benchmarks.stacks import open_lab  # noqa: E402
from tools.pulumi_cli import GetError, get_cli  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tools.benchmarks.results import Figure
    from tools.benchmarks.stacks import Lab

SIZES: Final = {each.name: each for each in (QUICK, NORMAL, FULL)}

WITHOUT_ENGINE: Final[dict[str, Callable[[Sizes], Iterator[Figure]]]] = {
    "imports": starts.measure_imports,
    "program": programs.measure_program,
    "start": starts.measure_start,
    "waits": waits.measure_waits,
    "provider": changes.measure_provider,
    "long": changes.measure_long_orders,
    "pacing": pacing.measure_pacing,
    "regions": regions.measure_regions,
}
WITH_ENGINE: Final[dict[str, Callable[[Lab, Sizes], Iterator[Figure]]]] = {
    "engine": changes.measure_engine,
    "parallel": many.measure_parallel,
    "limits": many.measure_limited,
    "large-group": many.measure_large_group,
    "preview": growth.measure_largest,
    "growth": growth.measure_growth,
}
SECTIONS: Final = (*WITHOUT_ENGINE, *WITH_ENGINE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 when ``--compare`` found something worse; 2 when something could not be measured.
    """
    options = _parser().parse_args(arguments)
    _heed_interrupts()
    sizes = SIZES[options.size]
    try:
        before = parse_result(json.loads(options.compare.read_text())) if options.compare else None
        result = Result({**_machine(), "sections": {}})
        if options.keep and options.output.exists():
            kept = parse_result(json.loads(options.output.read_text()))
            result = Result({**_machine(), "sections": kept.about["sections"]}, kept.figures)
        failed = _measure(options.only, sizes, result, lambda: _store(result, options))
    except (GetError, OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(render_table(result.figures))
    verdict = 0 if before is None else _judge(result, before)
    if failed:
        print(f"bench: not measured: {', '.join(failed)}", file=sys.stderr)
    return 2 if failed else verdict


def _heed_interrupts() -> None:
    """Let what is started honour interrupts: a shell has a program in the background ignore them, and all its children.

    Pulumi ends its plugins by an interrupt and waits five seconds for it, so that each command would take that longer.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _store(result: Result, options: argparse.Namespace) -> None:
    options.output.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: whoever breaks off in the middle keeps what was stored before.
    draft = options.output.with_name(options.output.name + ".draft")
    draft.write_text(json.dumps(result.to_json(), indent=1) + "\n")
    draft.replace(options.output)
    if options.plot is not None:
        options.plot.write_text(draw(result))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", type=_sections, default=SECTIONS, metavar="SECTION,…", help=f"of {', '.join(SECTIONS)}"
    )
    parser.add_argument("--size", choices=tuple(SIZES), default=NORMAL.name, help="how much is measured")
    parser.add_argument("--full", action="store_const", const=FULL.name, dest="size", help="as --size full")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build" / "bench.json", help="the result, as JSON"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep what the output holds of sections that are not measured now"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="the promised figures, as SVG")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="an earlier result")
    return parser


def _sections(text: str) -> tuple[str, ...]:
    wanted = tuple(part.strip() for part in text.split(","))
    for each in wanted:
        if each not in SECTIONS:
            raise argparse.ArgumentTypeError(f"{each!r} is no section; there are {', '.join(SECTIONS)}")
    return wanted


def _measure(
    sections: Sequence[str], sizes: Sizes, result: Result, store: Callable[[], None]
) -> Sequence[str]:
    """Measure section by section and store each as soon as it is complete; until then its old figures stay.

    Returns:
        The sections that failed. They do not keep the others from being measured.
    """
    about = {"size": sizes.name, "tree": _tree()}
    failed = []

    def measure(name: str, section: Callable[[], Iterator[Figure]]) -> None:
        if _measure_section(name, section, about, result):
            store()
        else:
            failed.append(name)

    for name in sections:
        if name in WITHOUT_ENGINE:
            measure(name, partial(WITHOUT_ENGINE[name], sizes))
    if not set(sections).isdisjoint(WITH_ENGINE):
        path = (Path(sys.executable).parent, get_cli(("python",), offline=False))
        with open_lab(path) as lab:
            for name in sections:
                if name in WITH_ENGINE:
                    measure(name, partial(WITH_ENGINE[name], lab, sizes))
    return failed


def _measure_section(
    name: str, measure: Callable[[], Iterator[Figure]], about: Mapping[str, str], result: Result
) -> bool:
    """Measure one section, and say on stderr how long that took; return whether it could be measured."""
    began, load = time.monotonic(), os.getloadavg()[0]
    date = time.strftime("%Y-%m-%d", time.gmtime())
    print(f"bench: {name} …", file=sys.stderr, flush=True)
    try:
        found = list(measure())
    except Exception:  # noqa: BLE001 - whatever is wrong with one section, the hours of the others are not lost
        traceback.print_exc()
        return False
    seconds = round(time.monotonic() - began)
    print(f"bench: {name} took {seconds} s", file=sys.stderr, flush=True)
    loads = {"loadAtStart": round(load, 1), "loadAtEnd": round(os.getloadavg()[0], 1)}
    result.replace_section(name, {"date": date, **about, "seconds": seconds, **loads}, found)
    return True


def _judge(result: Result, before: Result) -> int:
    worse = compare(result, before)
    for each in worse:
        print(f"worse: {each}")
    if not worse:
        print("Nothing became worse.")
    return 1 if worse else 0


def _machine() -> dict[str, Any]:
    pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memoryGiB": round(pages * page_size / 2**30),
        "python": platform.python_version(),
        "pulumi": version("pulumi"),
        "grpcio": version("grpcio"),
    }


def _tree() -> str:
    """Return which revision is measured; the documents, into which a run may write, do not change it."""
    described = _git("describe", "--always").stdout.strip()
    changed = _git("diff", "--quiet", "HEAD", "--", ".", ":(exclude)docs").returncode
    return described + "-dirty" * bool(changed)


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], check=False, cwd=ROOT, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
