"""The cache in memory keeps to its bounds in time, entries and bytes."""

from hand_clocks import HandClock

from binance_trade_agent.storage.memory_cache import MemoryCache


async def test_an_entry_is_kept_for_its_time_by_the_clock_and_no_longer() -> None:
    clock = HandClock(1_000)
    cache = MemoryCache(clock.now_ms)
    await cache.put({"a": b"1"}, ttl_ms=500)
    clock.time_ms = 1_500
    assert await cache.get(["a", "b"]) == {"a": b"1"}
    clock.time_ms = 1_501
    assert await cache.get(["a"]) == {}
    await cache.put({"a": b"2"}, ttl_ms=500)
    clock.time_ms = 900  # the clock was set back: nobody knows how old the entry is
    assert await cache.get(["a"]) == {}


async def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = MemoryCache(HandClock(0).now_ms, max_entries=3)
    await cache.put({"a": b"1", "b": b"2", "c": b"3"}, ttl_ms=1)
    await cache.get(["a"])
    await cache.put({"d": b"4"}, ttl_ms=1)
    assert await cache.get(["a", "b", "c", "d"]) == {"a": b"1", "c": b"3", "d": b"4"}


async def test_large_values_push_others_out_and_one_larger_than_all_the_room_is_not_kept() -> None:
    cache = MemoryCache(HandClock(0).now_ms, max_bytes=100)
    await cache.put({"a": b"x" * 60}, ttl_ms=1)
    await cache.put({"b": b"x" * 60}, ttl_ms=1)
    assert list(await cache.get(["a", "b"])) == ["b"]
    await cache.put({"b": b"y" * 40, "c": b"y" * 60}, ttl_ms=1)
    assert list(await cache.get(["b", "c"])) == ["b", "c"]
    await cache.put({"c": b"x" * 101}, ttl_ms=1)
    assert list(await cache.get(["b", "c"])) == ["b"]
