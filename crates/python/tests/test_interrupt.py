"""Ctrl-C, and whatever other signal has a handler in Python, ends what takes long."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from parapolicy._native import Worlds

# Seconds until the signal, and how long the main thread may compute until it surfaces: a round of the sampler. Time of
# the processor, whatever else the machine does.
DELAY = 0.3
PROMPT = 2.0

PLANS = 64
LONG = {"sampler": "sequential", "solver": "ddpm", "steps": 100}


@pytest.fixture
def interrupted():
    """Runs something in the main thread, sends it Ctrl-C, and returns how long that computed until it surfaced."""
    # A shell lets programs in the background ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []
    clock = time.pthread_getcpuclockid(threading.main_thread().ident)

    def run(act):
        sent = []

        def send():
            sent.append(time.clock_gettime(clock))
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(DELAY, send)
        timers.append(timer)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            act()
        assert sent, "it was interrupted before Ctrl-C"
        return time.clock_gettime(clock) - sent[0]

    yield run
    for timer in timers:
        timer.cancel()
        timer.join()
    signal.signal(signal.SIGINT, before)


def test_plans_that_are_drawn_together_end_with_ctrl_c(policy, observation, interrupted):
    before = policy.sample(observation, seed=3, sampler="picard").actions
    observations = np.stack([observation] * PLANS)
    assert interrupted(lambda: policy.sample_many(observations, seeds=list(range(PLANS)), **LONG)) < PROMPT
    np.testing.assert_array_equal(policy.sample(observation, seed=3, sampler="picard").actions, before)
    few = policy.sample_many(observations[:2], seeds=[3, 4], sampler="picard")
    assert len(few) == 2


def test_plans_that_are_drawn_one_by_one_end_with_ctrl_c(policy, observation, interrupted):
    def act():
        # However fast it is: the signal comes while one of these is drawn, or between two.
        end = time.monotonic() + 60.0
        while time.monotonic() < end:
            policy.sample(observation, **LONG)

    assert interrupted(act) < PROMPT


def test_waiting_for_another_threads_plan_ends_with_ctrl_c(policy, observation, interrupted):
    observations = np.stack([observation] * PLANS)
    seeds = list(range(PLANS))
    started, waited = threading.Event(), []

    def hold():
        started.set()
        begun = time.monotonic()
        policy.sample_many(observations, seeds=seeds, sampler="sequential", solver="ddim", steps=40)
        waited.append(time.monotonic() - begun)

    thread = threading.Thread(target=hold)
    thread.start()
    started.wait()
    time.sleep(0.1)
    try:
        assert interrupted(lambda: policy.sample(observation)) < PROMPT
        assert not waited, "the other thread was done before: nothing was waited for"
    finally:
        thread.join()


class Alarm(Exception):
    """What a handler raises."""


@pytest.fixture
def alarm():
    """Raises `Alarm` in the main thread after so many seconds of the process's own computing."""

    def handler(*_):
        raise Alarm

    previous = signal.signal(signal.SIGPROF, handler)
    yield lambda seconds: signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    signal.signal(signal.SIGPROF, previous)


def test_a_handler_that_raises_ends_a_step_and_nothing_has_moved(alarm):
    random = np.random.default_rng(0)
    seconds, count = 0.0, 2048
    while seconds < 0.3:
        count *= 2
        worlds = Worlds(count)
        actions = random.uniform(0.0, 512.0, (count, 2))
        before = worlds.snapshot()
        begun = time.process_time()
        worlds.step(actions)
        seconds = time.process_time() - begun
        assert seconds > 0.3 or 2 * count <= 65_536, "the machine is too fast for this test: step more tables"
        after = worlds.snapshot()
        worlds.restore(before)
    with pytest.raises(Alarm):
        alarm(0.05)
        worlds.step(actions)
    np.testing.assert_array_equal(worlds.snapshot(), before)
    worlds.step(actions)
    np.testing.assert_array_equal(worlds.snapshot(), after)
