"""The drill: a node dies under load, one is drained, versions roll out and back, the database is cut off."""

import asyncio
from collections.abc import Callable

import pytest

from tests.compose.load import Load
from tests.swarm.callers import Callers
from tests.swarm.conftest import NEXT_VERSION, Swarm
from tests.swarm.nodes import Node, eventually, sh

Body = Callable[[str], bytes]
Row = Callable[..., None]
ALL = {"frontend": 3, "triton": 3, "proxy": 3, "mongo": 1}


def under_load(
    swarm: Swarm, name: str, request_body: Body, work: Callable[[], object], limit: int | None = None
) -> tuple[Callers, float, float]:
    """The callers, and when the work began and ended, while they asked."""
    hash_id = swarm.new_key(name, limit)

    async def scene() -> tuple[Callers, float, float]:
        loop = asyncio.get_running_loop()
        callers = Callers([node.address for node in swarm.nodes], request_body(hash_id), swarm.certificate)
        async with callers:
            begun_s = loop.time()
            await asyncio.to_thread(work)
            ended_s = loop.time()
        return callers, begun_s, ended_s

    return asyncio.run(scene())


def note(row: Row, event: str, callers: Callers, begun_s: float, counted: int) -> None:
    recovery_s = max(0.0, callers.last_loss_s() - begun_s)
    statuses = {201: callers.statuses[201]} | dict(callers.losses)
    delivered = callers.statuses[201]
    row(
        event,
        len(callers.log),
        callers.lost,
        f"{recovery_s:.1f}",
        f"{callers.slowest_s:.1f}",
        delivered,
        counted,
        statuses,
    )


@pytest.fixture(autouse=True)
def whole(swarm: Swarm) -> None:
    swarm.converge(**ALL)


def test_limit_of_100_is_exact_for_400_callers_at_once(swarm: Swarm, request_body: Body, row: Row) -> None:
    loads = [
        Load(f"https://{node.address}:5443", request_body(hash_id), swarm.certificate)
        for hash_id in [swarm.new_key("exact", 100)]
        for node in swarm.nodes[:2]
    ]

    async def scene() -> None:
        await asyncio.gather(*(load.pile(200) for load in loads))

    for load in loads:
        load._tls.check_hostname = False  # type: ignore[union-attr]
    asyncio.run(scene())
    statuses = loads[0].statuses + loads[1].statuses
    used = swarm.used("exact")
    row(
        "400 callers at once, limit 100",
        400,
        0,
        "0",
        f"{max(load.slowest_s for load in loads):.1f}",
        statuses[201],
        used,
        dict(statuses),
    )
    assert statuses == {201: 100, 429: 300}
    assert used == 100


def test_new_version_rolls_out_and_back_without_a_loss(swarm: Swarm, request_body: Body, row: Row) -> None:
    for version, name in (NEXT_VERSION, "out"), ("0.1.0", "back"):

        def roll(version: str = version) -> None:
            swarm.deploy(version)
            for service in "frontend", "triton":
                eventually(lambda s=service: swarm.update_state(s) == "completed", 300, f"{service} rolls")

        callers, begun_s, _ = under_load(swarm, f"rolled-{name}", request_body, roll)
        used = swarm.used(f"rolled-{name}")
        note(row, f"a new version rolls {name} (frontends and Tritons)", callers, begun_s, used)
        assert callers.lost == 0
        assert used == callers.statuses[201]


def test_version_that_never_is_ready_is_rolled_back_without_a_loss(swarm: Swarm, request_body: Body, row: Row) -> None:
    def break_it() -> None:
        swarm.first.docker("service", "update", "-d", "--env-add", "LIVENESS_TRITON_MODEL=another", "liveness_frontend")
        eventually(lambda: swarm.update_state("frontend") == "rollback_completed", 300, "rolled back")

    callers, begun_s, _ = under_load(swarm, "broken", request_body, break_it)
    used = swarm.used("broken")
    note(row, "a version that is never ready, and its rollback", callers, begun_s, used)
    assert callers.lost == 0
    assert used == callers.statuses[201]


def test_drained_node_loses_nothing(swarm: Swarm, request_body: Body, row: Row) -> None:
    node = swarm.nodes[1]
    number = swarm.numbers[node.address]

    def drain() -> None:
        swarm.first.docker("node", "update", "--availability", "drain", number)
        eventually(lambda: not node.docker("ps", "-q"), 120, "the node is empty")
        swarm.converge(frontend=3, triton=3)

    callers, begun_s, _ = under_load(swarm, "drained", request_body, drain)
    used = swarm.used("drained")
    note(row, "a node is drained", callers, begun_s, used)
    swarm.first.docker("node", "update", "--availability", "active", number)
    assert callers.lost == 0
    assert used == callers.statuses[201]


def test_node_that_dies_loses_no_more_than_was_in_flight(swarm: Swarm, request_body: Body, row: Row) -> None:
    node = swarm.nodes[2]
    callers, begun_s, _ = under_load(swarm, "killed", request_body, lambda: (node.kill(), recover(swarm)))
    used = swarm.used("killed")
    note(row, "a node dies (cable pulled, every process killed)", callers, begun_s, used)
    node.start()
    assert callers.lost <= 6
    assert callers.statuses[201] <= used <= callers.statuses[201] + callers.lost + 6


def recover(swarm: Swarm) -> None:
    """Until the other nodes do the dead one's work."""
    eventually(
        lambda: healthy(swarm, "frontend") == 3 and healthy(swarm, "triton") == 3, 180, "three of each on two nodes"
    )


def healthy(swarm: Swarm, service: str) -> int:
    filters = ("--filter", "health=healthy", "--filter", f"name=liveness_{service}")
    return sum(len(node.docker("ps", "-q", *filters).split()) for node in swarm.nodes[:2])


def test_database_cut_off_gives_no_verdict_and_no_count_is_wrong(swarm: Swarm, request_body: Body, row: Row) -> None:
    node = swarm.first
    limit = 400

    def partition() -> None:
        interfaces = overlay_interfaces(node)
        for state in "down", "up":
            for interface in interfaces:
                in_database(node, "ip", "link", "set", interface, state)
            if state == "down":
                asyncio.run(asyncio.sleep(12))
        eventually(lambda: all(ready(n) for n in swarm.nodes), 60, "ready again")

    before = {n.name: n.containers("frontend") for n in swarm.nodes}
    callers, begun_s, _ = under_load(swarm, "partitioned", request_body, partition, limit)
    used = swarm.used("partitioned")
    note(row, "the database is cut off for 12 s", callers, begun_s, used)
    assert {n.name: n.containers("frontend") for n in swarm.nodes} == before, "no frontend is ended for it"
    assert set(callers.statuses) <= {201, 429, 503}
    assert not [at_s for at_s, status in callers.log if status == 201 and begun_s + 1 < at_s < begun_s + 11]
    assert callers.statuses[201] <= used <= limit


def overlay_interfaces(node: Node) -> list[str]:
    return [
        line.split(":")[1].split("@")[0].strip()
        for line in in_database(node, "ip", "-o", "link").splitlines()
        if ": eth" in line
    ]


def in_database(node: Node, *command: str) -> str:
    (container,) = node.containers("mongo")
    return sh("nsenter", f"--net=/proc/{node.main_process(container)}/ns/net", *command)


def ready(node: Node) -> bool:
    url = f"https://{node.address}:5443/status_check"
    return sh("curl", "-sk", "--max-time", "5", url, check=False) == "Services is live"


def test_triton_gone_means_no_verdict(swarm: Swarm, request_body: Body, row: Row) -> None:
    def without() -> None:
        swarm.first.docker("service", "scale", "-d", "liveness_triton=0")
        eventually(lambda: not any(node.containers("triton") for node in swarm.nodes), 60, "no Triton")
        asyncio.run(asyncio.sleep(5))
        swarm.first.docker("service", "scale", "-d", "liveness_triton=3")
        swarm.converge(triton=3)

    callers, begun_s, _ = under_load(swarm, "modelless", request_body, without)
    used = swarm.used("modelless")
    note(row, "no Triton for 5 s and its start", callers, begun_s, used)
    assert set(callers.statuses) <= {201, 503}
    assert callers.statuses[503] > 0
    assert used == callers.statuses[201]
