"""A campaign: worlds with seeds that follow each other, several at once, each in a process of its own."""

import multiprocessing
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from shutil import rmtree

from torturing.figures import Figures
from torturing.strike import Strike
from torturing.world import World

KILLS_IN_A_WORLD = 25
"""A history is read whole at each comparison; a new world keeps it short."""


def torture(folder: Path, kills: int, seed: int, jobs: int, only: tuple[Strike, ...], *, with_disk: bool) -> Figures:
    """Worlds with seeds from `seed` on, until `kills` processes have been killed or something was found."""
    figures = Figures()
    in_a_world = min(KILLS_IN_A_WORLD, -(-kills // jobs))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[Figures], int] = {}
        asked, next_seed = 0, seed
        while running or (asked < kills and not figures.findings):
            while len(running) < jobs and asked < kills and not figures.findings:
                future = pool.submit(tortured_world, folder, next_seed, min(in_a_world, kills - asked), only, with_disk=with_disk)
                running[future] = min(in_a_world, kills - asked)
                asked += running[future]
                next_seed += 1
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                world = future.result()
                planned = running.pop(future)
                if world.kills or not world.strikes:  # some strikes kill nobody, and in some worlds there is nothing to strike
                    asked -= max(planned - world.kills, 0)
                figures.add(world)
                print(f"{figures.kills} kills, {len(figures.findings)} findings", file=sys.stderr, flush=True)
    return figures


def tortured_world(folder: Path, seed: int, kills: int, only: tuple[Strike, ...], *, with_disk: bool) -> Figures:
    """One world, in this process; its folder stays when something was found."""
    world = World(folder / f"world-{seed}", seed, with_disk=with_disk)
    world.torture(kills, only=only)
    if not world.figures.findings:
        rmtree(world.folder)
    return world.figures
