"""Run make targets one after the other and say how long each took.

The law of this file: every step runs, also after one that failed, so that one run tells everything; the exit
code is zero only if every step's was.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time


def main() -> int:
    """Run each argument as ``make ARGUMENT``."""
    make = os.environ.get("MAKE", "make")
    lines = []
    failed = []
    for step in sys.argv[1:]:
        print(f"==> {step}", flush=True)
        began = time.monotonic()
        code = subprocess.run([make, "--no-print-directory", step], check=False).returncode
        lines.append(f"{'FAILED' if code else 'ok':>8}  {time.monotonic() - began:6.0f} s  {step}")
        if code != 0:
            failed.append(step)
    print("\n".join(["==> summary", *lines]), flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
