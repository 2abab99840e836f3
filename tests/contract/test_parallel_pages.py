"""Contract, section 3.4: pages of one export in any order, where the server allows it, and one by one where not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import anyio
import orjson
import pytest

from extractor.observe.news import Noticed, PaceChanged
from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.simulator import Segment, SimulatorSettings
from tests.contract.stage import Played, Spoil, Wire, assert_published, assert_withheld, play, resume, truth, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SMALL = {"page_size": 10, "pages": 8}


def offsets(played: Played) -> list[int]:
    """The offsets of the pages that were answered, in the order of asking."""
    return [each.offset for each in played.calls("page") if each.offset is not None]


def notices(played: Played) -> list[str]:
    """What people were told."""
    return [each.message for each in played.news if isinstance(each, Noticed)]


def answering(place: int, change: Spoil) -> Spoil:
    """Change the answer to the page that was asked for at ``place``, whenever it is."""

    def spoil(request: Request, answer: Answer) -> Answer:
        return change(request, answer) if f"offset={place}&" in request.url else answer

    return spoil


async def test_pages_are_read_beside_each_other_after_one_trial(tmp_path: Path) -> None:
    """One request more than there are pages: it lies across the first two, and nobody is told of it."""
    played = await play(tmp_path, world(250), limits=SMALL, latency=0.5)
    assert_published(played)
    asked = offsets(played)
    assert (1, {6, 11}) == (asked[0], set(asked[1:3]))
    assert sorted([6, *range(1, 251, 10)]) == sorted(asked)
    assert [] == notices(played)
    seconds = played.closed.seconds
    assert seconds < 0.5 * 15  # twenty-five pages, one after the other, would take 12.5


async def test_one_trial_serves_all_exports_of_a_run(tmp_path: Path) -> None:
    """Also those that are alive already."""
    names = [f"S{n}" for n in range(5)]
    server = SimulatorSettings(segments=tuple(Segment(name=name, count=100) for name in names))
    played = await play(tmp_path, server, [{"segment": name} for name in names], limits=SMALL)
    for name in names:
        assert_published(played, name)
    assert 5 * 10 + 1 == len(offsets(played))


@pytest.mark.parametrize("people", [0, 1, 10, 20, 29])
async def test_small_exports_do_not_try(tmp_path: Path, people: int) -> None:
    """Fewer than three pages' worth: a trial would cost more than it brings."""
    played = await play(tmp_path, world(people), limits=SMALL)
    assert_published(played)
    assert list(range(1, max(2, people + 1), 10)) == offsets(played)


@pytest.mark.parametrize(
    ("said", "asked"),
    [("yes", sorted(range(1, 101, 10))), ("no", sorted(range(1, 101, 10)))],
)
async def test_the_configuration_spares_the_trial(tmp_path: Path, said: str, asked: list[int]) -> None:
    """Taken at its word, either way."""
    played = await play(
        tmp_path, world(100), limits=SMALL, connection={"dialect": {"random_access": said}}, latency=0.5
    )
    assert_published(played)
    assert asked == sorted(offsets(played))
    assert (played.closed.seconds < 4.5) == (said == "yes")


def shuffled(_request: Request, answer: Answer) -> Answer:
    """Right in every number, but other records, or in another order."""
    page = orjson.loads(answer.body)
    page["UserProfilePreferences"].reverse()
    return replace(answer, body=orjson.dumps(page))


def refused(_request: Request, answer: Answer) -> Answer:
    """The server does not know how to begin in the middle."""
    return replace(answer, status=400, body=b'{"Message": "offset must be a multiple of limit"}')


def moved(_request: Request, answer: Answer) -> Answer:
    """It begins where it likes."""
    page = orjson.loads(answer.body)
    return replace(answer, body=orjson.dumps({**page, "Offset": page["Offset"] + 1}))


@pytest.mark.parametrize("change", [shuffled, refused, moved])
async def test_a_server_without_random_access_is_read_page_by_page(tmp_path: Path, change: Spoil) -> None:
    """A sentence says so and names the key; the data is whole."""
    played = await play(tmp_path, world(100), limits=SMALL, spoil=answering(6, change))
    assert_published(played)
    (told,) = notices(played)
    assert "connection.dialect.random_access" in told
    assert list(range(1, 101, 10)) == [at for at in offsets(played) if at != 6]


async def test_a_trial_that_gets_no_answer_is_made_again_by_another_export(tmp_path: Path) -> None:
    """An outage says nothing of random access."""
    tries = count()

    def fail_first(_request: Request, answer: Answer) -> Answer:
        return replace(answer, status=503, body=b"") if next(tries) == 0 else answer

    server = SimulatorSettings(segments=(Segment(name="A", count=100), Segment(name="B", count=100)))
    jobs = [{"segment": "A"}, {"segment": "B"}]
    limits = SMALL | {"exports": 1}
    played = await play(tmp_path, server, jobs, limits=limits, spoil=answering(6, fail_first))
    assert_published(played, "A")
    assert_published(played, "B")
    assert 2 == offsets(played).count(6)
    assert [] == notices(played)


async def test_no_more_pages_are_under_way_than_the_limit(tmp_path: Path) -> None:
    """``limits.pages`` is for all exports together, whatever may be asked in any order."""
    in_flight, most = 0, 0

    def count_in(request: Request, _now: float) -> None:
        nonlocal in_flight, most
        in_flight += request.about.startswith("Page")
        most = max(most, in_flight)

    def count_out(request: Request, answer: Answer) -> Answer:
        nonlocal in_flight
        in_flight -= request.about.startswith("Page")
        return answer

    names = [f"S{n}" for n in range(4)]
    server = SimulatorSettings(segments=tuple(Segment(name=name, count=300) for name in names))
    limits = {"page_size": 10, "pages": 5, "exports": 4}
    played = await play(
        tmp_path, server, [{"segment": n} for n in names], limits=limits, lookout=count_in, spoil=count_out
    )
    assert [Verdict.DONE] * 4 == played.verdicts()
    assert 2 <= most <= 5


async def test_more_is_asked_at_once_as_it_brings_more_and_each_step_is_told(tmp_path: Path) -> None:
    """From eight to thirty-two, each change in one sentence with its reason."""
    limits = {"page_size": 2, "pages": 32}
    played = await play(tmp_path, world(1600), limits=limits, latency=0.2)
    assert_published(played)
    told = [each.message for each in played.news if isinstance(each, PaceChanged)]
    assert [line.partition(":")[0] for line in told[:2]] == ["pages at once 8 -> 16", "pages at once 16 -> 32"]
    assert played.closed.seconds < 800 * 0.2 / 32 * 1.6


async def test_a_page_that_is_cut_within_its_json_is_asked_for_again(tmp_path: Path) -> None:
    """Its envelope was whole, its records are not: nothing of it is kept, and the second answer is."""
    tries = count()

    def cut_once(_request: Request, answer: Answer) -> Answer:
        if next(tries):
            return answer
        body = answer.body
        half = body.index(b"}", len(body) // 2) + 1
        return replace(answer, body=body[: half - 40] + body[half:])

    played = await play(tmp_path, world(100), limits=SMALL, spoil=answering(51, cut_once))
    assert_published(played)
    assert 2 == offsets(played).count(51)
    assert 1 == played.only().retries


async def test_a_page_that_never_can_be_read_is_refused_in_the_end(tmp_path: Path) -> None:
    """Bounded, and nothing is published."""

    def cut(_request: Request, answer: Answer) -> Answer:
        body = answer.body
        half = body.index(b"}", len(body) // 2) + 1
        return replace(answer, body=body[: half - 40] + body[half:])

    played = await play(tmp_path, world(100), limits=SMALL, spoil=answering(51, cut))
    assert_withheld(played, 6)
    assert "offset 51" in played.only().message
    assert 2 <= offsets(played).count(51) <= 10


async def test_a_run_that_was_cut_off_among_parallel_pages_goes_on_behind_the_last_one_in_order(tmp_path: Path) -> None:
    """What had arrived out of order is fetched again; the bytes are those of an undisturbed run."""
    quiet = await play(tmp_path, world(300), fresh=True, limits=SMALL)
    limits = SMALL | {"deadline": 2.5, "grace": 0}
    broken = await play(tmp_path, world(300), fresh=True, limits=limits, latency=0.4)
    assert (5, []) == (broken.exit_code, broken.published)
    stored = max(each.stored for each in broken.news if hasattr(each, "stored"))
    assert 0 < stored < 300
    broken.config = broken.config.model_copy(
        update={"limits": broken.config.limits.model_copy(update={"deadline": None})}
    )
    again = await resume(broken)
    assert (0, truth(again)) == (again.exit_code, again.lines("segment=A"))
    assert quiet.shards() == again.shards()


@dataclass
class Late:
    """A way to the server on which the page asked for at ``place`` takes ``seconds`` more, there or back."""

    place: int
    seconds: float
    back: bool = False
    left: list[tuple[float, str]] = field(default_factory=list)

    def over(self, wire: Wire) -> None:
        """Take the place of a wire's own way."""
        straight = wire.send

        async def send(request: Request) -> Answer:
            self.left.append((anyio.current_time(), request.url))
            mine = f"offset={self.place}&" in request.url
            await anyio.sleep(self.seconds if mine and not self.back else 0)
            answer = await straight(request)
            await anyio.sleep(self.seconds if mine and self.back else 0)
            return answer

        wire.send = send  # type: ignore[method-assign]  # the one of this night


async def test_a_halt_asks_for_no_trial(tmp_path: Path) -> None:
    """The first page comes home after it: what it would lead to is not asked for, and nothing is waited for."""
    late = Late(1, 5.0, back=True)
    limits = SMALL | {"deadline": 3.0, "grace": 60}
    played = await play(tmp_path, world(250), limits=limits, way=late.over)
    assert 5 == played.exit_code
    assert max(when for when, _ in late.left) - late.left[0][0] < 3.0
    assert played.closed.seconds < 6.0


async def test_a_halt_does_not_wait_for_the_second_page_of_a_trial(tmp_path: Path) -> None:
    """It was withdrawn before it left; the trial comes home alone."""
    late = Late(6, 4.0)
    limits = SMALL | {"deadline": 5.5, "grace": 60, "requests_per_second": 1}
    played = await play(tmp_path, world(250), limits=limits, way=late.over)
    assert 5 == played.exit_code
    assert played.closed.seconds < 12.0


async def test_pages_that_the_server_makes_smaller_end_at_the_same_places_whenever_the_window_opens(
    tmp_path: Path,
) -> None:
    """Byte by byte, compressed, however long the trial takes."""
    server = SimulatorSettings(segments=(Segment(name="A", count=250),), max_page_size=7)
    shards = []
    for seconds in (0.0, 0.3, 1.0):
        way = Late(4, seconds, back=True).over
        played = await play(
            tmp_path, server, fresh=True, limits=SMALL, latency=0.05, way=way, output={"compression": "zstd"}
        )
        assert_published(played)
        assert {*range(1, 251, 7), 4} == set(offsets(played))
        shards.append(played.shards())
    assert shards[0] == shards[1] == shards[2]


async def test_a_run_that_is_taken_up_ends_in_the_same_compressed_bytes(tmp_path: Path) -> None:
    """Of a server that makes pages smaller, too."""
    server = SimulatorSettings(segments=(Segment(name="A", count=250),), max_page_size=7)
    settings = {"latency": 0.4, "output": {"compression": "zstd"}, "connection": {"dialect": {"random_access": "yes"}}}
    quiet = await play(tmp_path, server, fresh=True, limits=SMALL, **settings)
    broken = await play(tmp_path, server, fresh=True, limits=SMALL | {"deadline": 2.5, "grace": 0}, **settings)
    assert 5 == broken.exit_code
    endless = broken.config.limits.model_copy(update={"deadline": None})
    broken.config = broken.config.model_copy(update={"limits": endless})
    again = await resume(broken)
    assert (0, quiet.shards()) == (again.exit_code, again.shards())


def cut_once(place: int) -> Spoil:
    """The page that is asked for at ``place`` comes damaged the first time."""
    tries = count()

    def cut(_request: Request, answer: Answer) -> Answer:
        if next(tries):
            return answer
        half = answer.body.index(b"}", len(answer.body) // 2) + 1
        return replace(answer, body=answer.body[: half - 40] + answer.body[half:])

    return answering(place, cut)


async def test_a_damaged_page_beside_a_window_that_opens_is_asked_for_once_more(tmp_path: Path) -> None:
    """And no page that has come already."""
    way = Late(6, 0.3, back=True).over
    played = await play(tmp_path, world(40), limits=SMALL, latency=0.05, spoil=cut_once(21), way=way)
    assert_published(played)
    assert [1, 6, 11, 21, 21, 31] == sorted(offsets(played))


@pytest.mark.parametrize("place", [1, 6, 11])
async def test_a_damaged_page_in_a_trial_says_nothing_of_random_access(tmp_path: Path, place: int) -> None:
    """Nobody is told that the server cannot do it."""
    played = await play(tmp_path, world(250), limits=SMALL, spoil=cut_once(place))
    assert_published(played)
    assert [] == notices(played)


@pytest.mark.parametrize("seconds", [3.4, 3.6, 3.8])
async def test_a_damaged_page_shortly_before_the_deadline_is_no_integrity_failure(
    tmp_path: Path, seconds: float
) -> None:
    """There was no time to ask again: the run is stopped, to be taken up."""
    way = Late(11, seconds, back=True).over
    limits = SMALL | {"deadline": 4.0, "pages": 1}
    played = await play(tmp_path, world(100), limits=limits, spoil=cut_once(11), way=way)
    assert 5 == played.exit_code
    assert [verdict for verdict in played.verdicts() if verdict is not Verdict.UNAVAILABLE] == []


async def test_an_account_that_bears_few_exports_is_not_asked_ever_more_slowly(tmp_path: Path) -> None:
    """429 to an Initiate is about the exports that are alive, and not about pages."""
    alive = 0

    def cap(wire: Wire) -> None:
        straight = wire.send

        async def send(request: Request) -> Answer:
            nonlocal alive
            if request.about.startswith("Initiate"):
                if alive >= 4:
                    await anyio.sleep(0.05)
                    return Answer(status=429, headers={}, body=b"{}", received_at=wire.clock.now())
                alive += 1
            answer = await straight(request)
            alive -= "ommit" in request.url
            return answer

        wire.send = send  # type: ignore[method-assign]  # the one of this night

    names = [f"S{n}" for n in range(12)]
    server = SimulatorSettings(segments=tuple(Segment(name=name, count=1000) for name in names), processing=2.0)
    limits = {"page_size": 10, "pages": 16, "exports": 8, "requests_per_second": 200.0}
    jobs = [{"segment": name} for name in names]
    played = await play(tmp_path, server, jobs, limits=limits, latency=0.05, way=cap)
    assert [Verdict.DONE] * 12 == played.verdicts()
    assert played.closed.seconds < 60.0
    assert not [each for each in played.news if isinstance(each, PaceChanged) and "requests a second" in each.message]
