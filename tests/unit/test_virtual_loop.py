"""VirtualLoop: time jumps, order repeats in every process, real sockets and signals still work."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import binance_trade_agent
from binance_trade_agent.simulation.virtual_loop import VirtualLoop, run_virtual

PACKAGE_PARENT = Path(next(iter(binance_trade_agent.__path__))).parent


def in_new_process(program: str, hash_seed: str = "0") -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(PACKAGE_PARENT)}
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout


def test_a_year_of_sleep_passes_and_is_counted() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert loop.time() == 0
        for _ in range(365):
            await asyncio.sleep(86_400)
        return loop.time()

    assert run_virtual(main()) == 365 * 86_400


def test_timers_fire_in_order_of_their_time_however_they_were_set() -> None:
    async def main() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        fired: list[tuple[float, float]] = []

        async def wait(delay: float) -> None:
            await asyncio.sleep(delay)
            fired.append((delay, loop.time()))

        async with asyncio.TaskGroup() as group:
            for delay in (3600.0, 0.001, 59.5, 86_400.0 * 3, 0.0, 60.0):
                group.create_task(wait(delay))
        return fired

    fired = run_virtual(main())
    assert [delay for delay, _ in fired] == [0.0, 0.001, 59.5, 60.0, 3600.0, 259_200.0]
    assert [now for _, now in fired] == [delay for delay, _ in fired]


def test_a_timeout_fires_at_its_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1234.5):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 1234.5


CANCEL_ORDER_PROGRAM = """
import asyncio
from binance_trade_agent.simulation.virtual_loop import run_virtual
ended = []
async def wait(number):
    ballast.append(bytearray(number * 37 % 991))
    try:
        await asyncio.sleep(1e6)
    finally:
        ended.append(number)
async def main():
    for _ in range(3):
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(wait(number))
                await asyncio.sleep(1)
                raise ValueError
        except* ValueError:
            pass
        done, pending = await asyncio.wait({asyncio.ensure_future(asyncio.sleep(n, n)) for n in range(30)}, timeout=12.5)
        ended.extend(task.result() for task in done)
        for task in pending:
            task.cancel()
ballast = [object() for _ in range(__import__("os").getpid() % 1000)]
run_virtual(main())
print(ended)
"""


def test_tasks_are_cancelled_in_the_same_order_in_every_process() -> None:
    orders = {in_new_process(CANCEL_ORDER_PROGRAM, hash_seed) for hash_seed in ("0", "1", "4242", "random")}
    assert len(orders) == 1
    assert len(orders.pop()) > 150


def test_a_server_on_a_real_socket_answers_while_time_jumps() -> None:
    async def main(answers: list[bytes]) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"alive\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        def ask() -> None:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(b"how are you\n")
                answers.append(connection.makefile("rb").readline())

        asker = threading.Thread(target=ask)
        asker.start()
        while not answers:  # noqa: ASYNC110 - the point is that time jumps on and on meanwhile
            await asyncio.sleep(3600)
        asker.join()
        server.close()
        await server.wait_closed()

    answers: list[bytes] = []
    run_virtual(main(answers))
    assert answers == [b"alive\n"]


def test_time_stands_still_while_a_thread_works() -> None:
    async def main() -> tuple[str, float]:
        release = threading.Event()
        asyncio.get_running_loop().call_later(3600, lambda: pytest.fail("time moved on"))

        def work() -> str:
            release.wait(0.05)
            return "done"

        result = await asyncio.to_thread(work)
        return result, asyncio.get_running_loop().time()

    assert run_virtual(main()) == ("done", 0.0)


def test_a_signal_handler_runs_while_nothing_is_scheduled() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, stopped.set)
        killer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
        killer.start()
        await stopped.wait()
        loop.remove_signal_handler(signal.SIGUSR1)
        killer.join()
        return loop.time()

    assert run_virtual(main()) == 0.0


def test_sigint_cancels_the_main_task_as_asyncio_run_does() -> None:
    ended: list[str] = []

    async def main() -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            while True:  # noqa: ASYNC110 - the point is that time jumps on and on meanwhile
                await asyncio.sleep(3600)
        finally:
            ended.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        run_virtual(main())
    assert ended == ["cleaned up"]


def test_with_nothing_scheduled_it_waits_for_the_world_without_spinning() -> None:
    loop = VirtualLoop()
    turns = 0

    async def main() -> None:
        woken = asyncio.Event()
        threading.Timer(0.2, loop.call_soon_threadsafe, (woken.set,)).start()
        await woken.wait()

    select = loop._jumping.select

    def counted(timeout: float | None = None) -> object:
        nonlocal turns
        turns += 1
        return select(timeout)

    loop._jumping.select = counted
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert turns < 20


def test_the_smallest_wait_ends_after_a_century_too() -> None:
    async def main() -> float:
        await asyncio.sleep(3e9)
        for delay in (1e-300, 1e-9, 1e-6, 0.001):
            await asyncio.sleep(delay)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(3e9, abs=0.01)


def test_a_paced_loop_waits_for_the_world_and_keeps_its_timers_in_order() -> None:
    async def main() -> tuple[list[float], bool]:
        loop = asyncio.get_running_loop()
        woken: list[float] = []
        threading.Timer(0.02, loop.call_soon_threadsafe, (woken.append, -1.0)).start()

        async def wait(delay: float) -> None:
            await asyncio.sleep(delay)
            woken.append(delay)

        async with asyncio.TaskGroup() as group:
            for delay in (3600.0, 1.0, 60.0):
                group.create_task(wait(delay))
        return woken, loop.time() >= 3600

    woken, arrived = run_virtual(main(), speed=36_000)
    assert [delay for delay in woken if delay > 0] == [1.0, 60.0, 3600.0]
    assert woken.index(-1.0) < woken.index(3600.0)
    assert arrived


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_loop_moves_forward(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        VirtualLoop(speed)
