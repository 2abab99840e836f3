from __future__ import annotations

import json
import re
from typing import Any

JOBS = """\
  - segment: A
  - segment: A
    name: A since spring
    since: 2026-03-01T00:00:00Z
  - group: Winback
    match:
      criteria: EmailAddress
      type: Home
      values: [ada@example.test, grace@example.test, lin@example.test]
      batch: 2
"""


def test_the_plan_shows_datasets_jobs_notices_and_cost(invoke: Any, config: Any) -> None:
    """And never a match value."""
    ended = invoke("plan", str(config(JOBS)))

    lines = [line for line in ended.out.splitlines() if line]
    assert ended.code == 0
    assert lines[0].startswith("4 jobs for 2 datasets, plan ")
    assert [line.split() for line in lines[1:4]] == [
        ["DATASET", "JOBS", "SINCE"],
        ["segment", "'A'", "2", "2026-02-28T23:59:59.996Z", "and", "1", "more"],
        ["group", "'Winback'", "2", "everything"],
    ]
    assert "Winback by EmailAddress [2/2]  group 'Winback'  EmailAddress/Home x 1" in ended.out
    assert "note: segment 'A' is asked for by 2 jobs" in ended.out
    assert lines[-2:] == [
        "At least 4 exports, 16 requests, 0.8 s at 20 requests/s;",
        "each further million records adds 1,000 requests, 50 s.",
    ]
    assert "@" not in ended.out + ended.err


def test_a_plan_of_thousands_of_jobs_is_a_screenful(invoke: Any, config: Any) -> None:
    """What is left out is counted."""
    values = ", ".join(str(number) for number in range(2000))
    jobs = f"  - segment: A\n    match: {{criteria: ProfileId, values: [{values}], batch: 1}}\n"
    ended = invoke("plan", str(config(jobs)))

    assert len(ended.out.splitlines()) < 35
    assert "… and 1,980 jobs more" in ended.out


def test_the_plan_as_json_has_every_job_without_its_values(invoke: Any, config: Any) -> None:
    """Keys are an outside contract."""
    ended = invoke("plan", str(config(JOBS)), "--json")

    plan = json.loads(ended.out)
    assert list(plan) == ["plan_id", "datasets", "jobs", "notices", "forecast"]
    assert list(plan["jobs"][0]) == [
        "ordinal", "job_id", "name", "label", "dataset", "since", "match", "batch", "batches",
    ]  # fmt: skip
    assert plan["jobs"][2]["match"] == {"criteria": "EmailAddress", "type": "Home", "values": 2}
    assert plan["datasets"][1] == {"dataset": "group=Winback", "kind": "group", "name": "Winback", "jobs": 2}
    assert plan["forecast"]["requests"] == 16
    assert "@" not in ended.out


def test_only_the_jobs_that_are_named_are_planned(invoke: Any, config: Any) -> None:
    """By the job's name, several times if wanted."""
    ended = invoke("plan", str(config(JOBS)), "--json", "--job", "A", "--job", "A since spring")

    assert [job["name"] for job in json.loads(ended.out)["jobs"]] == ["A", "A since spring"]


def test_every_problem_of_a_configuration_is_a_line_with_file_and_key(invoke: Any, config: Any) -> None:
    """The last line says how many; nothing on stdout."""
    path = config("  - segmnt: A\n", extra="limits: {exports: 0}\n")
    ended = invoke("plan", str(path))

    lines = ended.err.splitlines()
    assert (ended.code, ended.out) == (2, "")
    assert len(lines) > 2
    assert all(line.startswith(f"{path}:") for line in lines[:-1])
    assert lines[-1] == f"{len(lines) - 1} problems: nothing was done."


def test_checks_of_higher_layers_are_part_of_the_configuration(invoke: Any, config: Any) -> None:
    """The same question twice, and a dialect that does not exist."""
    path = config("  - segment: A\n  - segment: A\n    name: again\n")
    text = path.read_text(encoding="utf-8").replace("client_id: DEMO", "client_id: DEMO\n  dialect: {comit: x}")
    path.write_text(text, encoding="utf-8")
    ended = invoke("plan", str(path))

    assert ended.code == 2
    assert "asks for exactly what jobs[0] asks for" in ended.err
    assert 'did you mean "commit"?' in ended.err


def test_without_history_only_the_floor_is_told(invoke: Any, config: Any) -> None:
    """And the state folder is not made."""
    path = config()
    ended = invoke("plan", str(path))
    assert "No history: this state folder knows of no published run of these jobs." in ended.out
    assert "nothing to compare with: state knows of no run" in invoke("plan", str(path), "--diff").out
    assert json.loads(invoke("plan", str(path), "--diff", "--json").out)["diff"] is None
    assert not (path.parent / "state").exists()


def test_after_a_run_the_plan_has_a_price_tag(invoke: Any, config: Any, simulator: str) -> None:
    """A range for each quantity; a job that is new is named, and leaves no upper end."""
    path = config("  - segment: VIP Customers\n", base_url=simulator)
    assert 0 == invoke("run", str(path), "--quiet").code

    ended = invoke("plan", str(path))
    assert re.search(r"^Likely 250 \(93 - 407\) records, .* 1 export, 4 \(4 - 6\) requests,$", ended.out, re.MULTILINE)
    assert re.search(r"^done in .* \(.* - .*\), from 1 earlier run\.$", ended.out, re.MULTILINE)
    assert "At least 1 export, 4 requests" in ended.out

    path = config("  - segment: VIP Customers\n  - segment: SMS OptIns\n", base_url=simulator)
    ended = invoke("plan", str(path))
    assert "No history of their kind, so that only the least is counted for them: SMS OptIns." in ended.out
    told = json.loads(invoke("plan", str(path), "--json").out)["forecast"]
    assert list(told) == [
        "exports", "requests", "seconds", "requests_per_million", "seconds_per_million", "likely", "without_history",
        "jobs",
    ]  # fmt: skip
    assert ["SMS OptIns"] == told["without_history"]
    assert {"low": 93.314, "likely": 250, "high": None} == told["likely"]["records"]
    assert [("VIP Customers", 1), ("SMS OptIns", 0)] == [(each["name"], each["runs"]) for each in told["jobs"]]
    assert {"low": 93.314, "likely": 250, "high": 406.686} == told["jobs"][0]["records"]


def test_the_difference_from_the_last_run(invoke: Any, config: Any, simulator: str) -> None:
    """What is new, gone, changed or as it was; exit code 0 either way, and no match value."""
    people = "  - segment: VIP Customers\n    name: people\n    match: {criteria: EmailAddress, values: [%s]}\n"
    before = "  - segment: Nobody Yet\n  - segment: VIP Customers\n" + people % "ada@example.test"
    path = config(before, base_url=simulator)
    assert 0 == invoke("run", str(path), "--quiet").code

    same = invoke("plan", str(path), "--diff")
    assert (0, 1) == (same.code, len(same.out.splitlines()))
    assert same.out.startswith("The plan asks for what run ")
    assert same.out.endswith("in the same form: nothing differs.\n")

    now = "  - segment: VIP Customers\n  - segment: SMS OptIns\n" + people % "lin@example.test"
    path = config(now, base_url=simulator, extra="limits: {page_size: 500}\n")
    ended = invoke("plan", str(path), "--diff")
    lines = [line.split() for line in ended.out.splitlines()]
    assert 0 == ended.code
    assert ["+", "SMS", "OptIns", "segment", "'SMS", "OptIns'", "0", "->", "1", "new"] in lines
    assert ["~", "people", "segment", "'VIP", "Customers'", "1", "changed:", "another", "list"] in lines
    assert ["-", "Nobody", "Yet", "segment", "'Nobody", "Yet'", "1", "->", "0", "gone"] in lines
    assert "1 entry unchanged." in ended.out
    assert "@" not in ended.out

    told = json.loads(invoke("plan", str(path), "--diff", "--json").out)["diff"]
    assert list(told) == ["run", "differs", "form_changed", "entries"]
    assert (True, None) == (told["differs"], told["form_changed"])
    assert ["unchanged", "new", "changed", "gone"] == [each["change"] for each in told["entries"]]


def test_a_watermark_that_has_moved_is_told_and_does_not_differ(invoke: Any, config: Any, simulator: str) -> None:
    """It moves every night; a smaller page is another form."""
    job = "  - segment: VIP Customers\n    since: watermark\n"
    path = config(job, base_url=simulator)
    assert 0 == invoke("run", str(path), "--quiet").code
    ended = invoke("plan", str(path), "--diff")
    assert ended.out.endswith("in the same form; only 1 watermark has moved on.\n")

    path = config(job, base_url=simulator, extra="limits: {page_size: 500}\n")
    ended = invoke("plan", str(path), "--diff")
    assert "The form of the output has changed: output.compression, " in ended.out
    assert "1 entry unchanged; 1 watermark has moved on." in ended.out
