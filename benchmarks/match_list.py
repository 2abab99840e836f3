"""A large match list, end to end: 400,000 rows of a gzip CSV asked of the simulator over real HTTP, and checked.

    python benchmarks/match_list.py [--rows 400000] [--people 500000] [--batch 1000] [--dir FOLDER]

The addresses are those of the simulator's own people, in mixed case; one row in a hundred is no address, one in twenty
repeats an earlier row in another spelling, one address in ten is nobody's. A second, small list asks for mailboxes that
several people share. What comes out (rejects, repetitions, values that matched nobody or several, records) is compared
with what the generator knows, and a difference ends the program. Prints a table of times and of the peak memory of each
command's process.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from extractor.cli.child import simulator_process
from extractor.simulator import Segment, SimulatorSettings
from extractor.simulator.world import World

BAD, REPEATED, UNKNOWN = 0.01, 0.05, 0.1  # shares: of rows, of rows, of the distinct addresses
NOT_ADDRESSES = ("not an address", "two@at@example.com", "@example.com", "user@localhost", "", "user 7@example.com")
MAILBOXES = 400  # of the small list: each second one is shared by three people
SEED = 7


@dataclass
class Truth:
    """What must come out. ``bad`` are the 1-based lines of bad rows, addresses are folded."""

    bad: set[int] = field(default_factory=set)
    repeated: int = 0
    values: list[str] = field(default_factory=list)
    unmatched: set[str] = field(default_factory=set)
    records: int = 0


def people_of(count: int) -> dict[str, int]:
    """Everybody's addresses, folded, with the person's index: by the simulator's own word."""
    world = World(SimulatorSettings(segments=(Segment(name="All Profiles", count=count),), seed=SEED))
    found: dict[str, int] = {}
    for start in range(0, count, 1000):
        for index, line in enumerate(world.people.records(range(start, min(start + 1000, count)), 0), start=start):
            for each in json.loads(line)["Emails"]:
                found[each["EmailAddress"].casefold()] = index
    return found


def mixed(chance: random.Random, address: str) -> str:
    """The address in another case, perhaps with white space around it."""
    spelled = chance.choice((address, address.upper(), address.title(), address.swapcase()))
    return f" {spelled} " if chance.random() < 0.02 else spelled  # noqa: PLR2004 - one in fifty


def write_list(path: Path, people: dict[str, int], rows: int, batch: int) -> Truth:
    """Write the list, and say what must come of it."""
    chance, truth = random.Random(SEED), Truth()  # noqa: S311 - the same list each time is the purpose
    bad, repeated = round(rows * BAD), round(rows * REPEATED)
    distinct = rows - bad - repeated
    unknown = round(distinct * UNKNOWN)
    if distinct - unknown > len(people):
        raise SystemExit("too few people for so many rows")
    known = chance.sample(sorted(people), distinct - unknown)
    strangers = [f"nobody.{number}@nowhere.example" for number in range(unknown)]
    fresh = [*known, *strangers]
    chance.shuffle(fresh)
    kinds = ["fresh"] * (distinct - 1) + ["bad"] * bad + ["repeated"] * repeated
    chance.shuffle(kinds)
    with gzip.open(path, "wt", encoding="utf-8-sig", newline="", compresslevel=3) as file:
        writer = csv.writer(file)
        writer.writerow(("id", "email", "name"))
        for line, kind in enumerate(["fresh", *kinds], start=2):
            if kind == "bad":
                address = chance.choice(NOT_ADDRESSES)
                truth.bad.add(line)
            elif kind == "repeated":
                address = mixed(chance, chance.choice(truth.values))
                truth.repeated += 1
            else:
                address = fresh.pop()
                truth.values.append(address)
                address = mixed(chance, address)
            writer.writerow((line, address, "Ada, née Example"))
    truth.unmatched = set(strangers)
    for start in range(0, len(truth.values), batch):
        truth.records += len({people[each] for each in truth.values[start : start + batch] if each in people})
    return truth


def write_mailboxes(folder: Path) -> None:
    """Write the small segment, of mailboxes that one or three people read, and the list of them."""
    with (folder / "shared.ndjson").open("w", encoding="utf-8") as people:
        number = 0
        for box in range(MAILBOXES):
            for _ in range(1 if box % 2 else 3):
                number += 1
                emails = [{"EmailAddressType": "Work", "EmailAddress": f"Box.{box}@example.org"}]
                people.write(json.dumps({"ProfileId": number, "Emails": emails}) + "\n")
    with gzip.open(folder / "boxes.ndjson.gz", "wt", encoding="utf-8") as boxes:
        boxes.writelines(json.dumps({"contact": {"mail": f"box.{box}@EXAMPLE.org"}}) + "\n" for box in range(MAILBOXES))


def configuration(folder: Path, base_url: str, batch: int) -> Path:
    """Write the configuration; its rate does not bind."""
    path = folder / "c.yaml"
    path.write_text(
        f"connection: {{base_url: '{base_url}', client_id: DEMO, "
        "auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}}\n"
        "limits: {requests_per_second: 5000, poll_first: 10ms}\n"
        "jobs:\n"
        "  - name: large\n    segment: All Profiles\n"
        f"    match: {{criteria: EmailAddress, batch: {batch}, "
        f"values: {{file: '{folder / 'people.csv.gz'}', column: email, max_rejects: 1%}}}}\n"
        "  - name: shared\n    segment: Shared\n"
        "    match: {criteria: EmailAddress, "
        f"values: {{file: '{folder / 'boxes.ndjson.gz'}', column: contact.mail}}}}\n"
        f"output: {{path: '{folder / 'out'}'}}\nstate: '{folder / 'state'}'\n",
        encoding="utf-8",
    )
    return path


def measured(said: IO[bytes], *words: str) -> tuple[float, float]:
    """Do a command to its good end; give its seconds, and the MB that its process held at most."""
    began = time.monotonic()
    child = subprocess.Popen([sys.executable, "-m", "extractor", *words], stdout=said, stderr=said)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        said.seek(0)
        sys.stderr.buffer.write(said.read())
        raise SystemExit(f"extractor {words[0]} ended with {child.returncode}")
    return time.monotonic() - began, usage.ru_maxrss / 1000


def objects(path: Path) -> Iterator[dict[str, object]]:
    """The lines of an NDJSON file."""
    with path.open("rb") as file:
        yield from map(json.loads, file)


def check(name: str, expected: object, actual: object) -> str:
    """Compare, and give a row of the table."""
    if expected != actual:
        raise SystemExit(f"{name}: {actual}, but the truth is {expected}")
    return f"| {name} | {actual:,} | right |" if isinstance(actual, int) else f"| {name} | {actual} | right |"


def compare(folder: Path, truth: Truth) -> list[str]:
    """Compare everything that came out with the truth; rows of the table."""
    (entry_path,) = [
        path for path in (folder / "state" / "lists").glob("*/list.json") if b"people.csv.gz" in path.read_bytes()
    ]
    entry = json.loads(entry_path.read_bytes())
    rejects = list(objects(entry_path.with_name("rejects.ndjson")))
    (large,) = (folder / "state" / "reports").glob("*/segment=All%20Profiles")
    (shared,) = (folder / "state" / "reports").glob("*/segment=Shared")
    (manifest,) = (folder / "out" / "segment=All%20Profiles").glob("run=*/manifest.json")
    unmatched = [str(each["value"]).casefold() for each in objects(large / "unmatched.ndjson")]
    several = {(each["value"], each["profiles"]) for each in objects(shared / "several.ndjson")}
    if {each["line"] for each in rejects} != truth.bad or set(unmatched) != truth.unmatched:
        raise SystemExit("the rejects or the unmatched values are not those of the truth")
    if several != {(f"box.{box}@EXAMPLE.org", 3) for box in range(0, MAILBOXES, 2)}:
        raise SystemExit("the shared mailboxes are not those of the truth")
    return [
        check("values asked for", len(truth.values), entry["values"]),
        check("rejected rows, by line", len(truth.bad), len(rejects)),
        check("repeated rows", truth.repeated, entry["repeated"]),
        check("unmatched values, by value", len(truth.unmatched), len(unmatched)),
        check("matched several, of the large list", 0, len(list(objects(large / "several.ndjson")))),
        check("matched several, of the shared mailboxes, by value", MAILBOXES // 2, len(several)),
        check("strangers", 0, json.loads((large / "matches.json").read_bytes())["strangers"]),
        check("records published", truth.records, json.loads(manifest.read_bytes())["totals"]["records"]),
    ]


def main() -> None:
    """Make the list, run it, compare, print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rows", type=int, default=400_000)
    words.add_argument("--people", type=int, default=500_000)
    words.add_argument("--batch", type=int, default=1000)
    words.add_argument("--dir", type=Path, default=Path.cwd())
    given = words.parse_args()
    people = people_of(given.people)
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="match-list-") as name:
        folder = Path(name)
        truth = write_list(folder / "people.csv.gz", people, given.rows, given.batch)
        people.clear()
        write_mailboxes(folder)
        options = ["--processing", "0", "--profiles", str(given.people), "--seed", str(SEED)]
        options += ["--segment", f"Shared={folder / 'shared.ndjson'}"]
        with (
            simulator_process(options, errors=folder / "simulator") as base_url,
            (folder / "said").open("w+b") as said,
        ):
            config = str(configuration(folder, base_url, given.batch))
            planned = measured(said, "plan", config, "--job", "large")
            ran = measured(said, "run", config, "--quiet")
        rows = compare(folder, truth)
    print("| what | figure | against the truth |\n| --- | --- | --- |")
    print("\n".join(rows))
    for what, (seconds, peak) in (("`extractor plan`", planned), ("`extractor run`", ran)):
        print(f"| {what} | {seconds:.1f} s, peak RSS {peak:.0f} MB | |")


if __name__ == "__main__":
    main()
