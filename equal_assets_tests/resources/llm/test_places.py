import asyncio

import pytest

from equal_assets.resources.llm.places import Places


def test_chat_goes_on_before_those_that_wait_to_begin():
    order = []

    async def two_turns(places, name):
        for goes_on in (False, True):
            async with places.one(goes_on=goes_on):
                order.append(f"{name}{1 + goes_on}")
                await asyncio.sleep(0.01)

    async def all_of_them():
        places = Places(1)
        await asyncio.gather(*(two_turns(places, name) for name in "abc"))

    asyncio.run(all_of_them())
    assert order == ["a1", "a2", "b1", "b2", "c1", "c2"]


def test_chat_that_comes_back_later_is_next():
    order = []

    async def take(places, name, *, goes_on, after=0.0):
        await asyncio.sleep(after)
        async with places.one(goes_on=goes_on):
            order.append(name)
            await asyncio.sleep(0.05)

    async def all_of_them():
        places = Places(1)
        await asyncio.gather(
            take(places, "first", goes_on=False),
            take(places, "begins", goes_on=False, after=0.01),
            take(places, "goes on", goes_on=True, after=0.02),
        )

    asyncio.run(all_of_them())
    assert order == ["first", "goes on", "begins"]


@pytest.mark.parametrize("n_places", [1, 3])
def test_no_more_at_once_than_places_and_none_is_lost_to_a_canceled_one(n_places):
    at_once = most = 0

    async def take(places):
        nonlocal at_once, most
        async with places.one(goes_on=False):
            at_once += 1
            most = max(most, at_once)
            try:
                await asyncio.sleep(0.001)
            finally:
                at_once -= 1

    async def all_of_them():
        places = Places(n_places)
        tasks = [asyncio.create_task(take(places)) for _ in range(40)]
        for number, task in enumerate(tasks):
            await asyncio.sleep(0)
            if number % 3 == 0:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not any(task.cancelled() for task in tasks[1::3])
        async with asyncio.timeout(1):
            await asyncio.gather(*(take(places) for _ in range(n_places)))

    asyncio.run(all_of_them())
    assert most == n_places


def test_place_that_was_given_to_a_canceled_one_is_free_again():
    async def take(places):
        async with places.one(goes_on=False):
            pass

    async def all_of_them():
        places = Places(1)
        async with places.one(goes_on=False):
            waiting = asyncio.create_task(take(places))
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is given the place, and has not run since
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(1), places.one(goes_on=False):
            pass

    asyncio.run(all_of_them())
