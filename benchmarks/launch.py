"""Runs one command and tells what it took: a small process between the measuring one and the measured one.

    python -I -S launch.py CORES FILE COMMAND...

CORES are 0-based, with commas. Writes a JSON object to FILE: seconds by the clock, cpu seconds and peak bytes of the
command and all children that it waited for, and its exit code. Called by ``measure``.

Decided: a process of its own, because on Linux a program inherits as its peak what the process that started it held
at that time: the measuring process, which has just counted half a million ids, would be found in everybody's figure.
Imports as little as it can for the same reason.
"""

import os
import sys
import time

cores, path, *command = sys.argv[1:]
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
began = time.monotonic()
child = os.posix_spawnp(command[0], command, os.environ)
_, status, spent = os.wait4(child, 0)
seconds = time.monotonic() - began
code = os.waitstatus_to_exitcode(status)
unit = 1 if sys.platform == "darwin" else 1024
with open(path, "w", encoding="ascii") as out:  # noqa: PTH123 - pathlib is a third of this process's memory
    out.write(
        f'{{"seconds": {seconds}, "cpu": {spent.ru_utime + spent.ru_stime}, "peak": {spent.ru_maxrss * unit}, '
        f'"code": {code}}}'
    )
