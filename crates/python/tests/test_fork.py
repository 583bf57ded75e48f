"""A forked child has its parent's memory, but none of its threads. Whatever waited for them would wait for ever."""

import gc
import multiprocessing
import os
import select
import signal
import threading
import time
import traceback

import gymnasium as gym
import numpy as np
import pytest

import parapolicy
from conftest import MODEL

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # Python itself warns of forks beside threads, of which NumPy may have some.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

ID = "parapolicy/PushT-v0"
QUICK = {"solver": "ddim", "steps": 10}
PATIENCE = 60.0


def in_child(act):
    """What `act` returns in a forked child, as bytes. A child that does not answer is killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"failed"
        try:
            answer = act()
            gc.collect()
        except BaseException:
            answer = traceback.format_exc().encode()
        finally:
            os.write(writer, answer)
            os._exit(0)
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], PATIENCE)
        assert ready, "the child hangs"
        return os.read(reader, 1 << 20)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)


def refused(act):
    """The words of the RuntimeError."""
    try:
        act()
    except RuntimeError as error:
        return str(error)
    return "not refused"


def steps(envs):
    actions = np.full((envs.num_envs, 2), 300.0)
    return b"".join(envs.step(actions)[0].tobytes() for _ in range(5)) + envs.render()[0].tobytes()[:1000]


@pytest.mark.parametrize("used", [True, False], ids=["used", "not used"])
def test_vector_environments_go_on_in_the_child_and_in_the_parent(used):
    envs = gym.make_vec(ID, 4, visualization_width=96, visualization_height=96)
    envs.reset(seed=0)
    if used:
        envs.step(np.zeros((4, 2)))
    found = in_child(lambda: steps(envs))
    assert found == steps(envs)


def test_a_child_makes_environments_and_forks_again():
    gym.make_vec(ID, 4).reset(seed=0)

    def child():
        envs = gym.make_vec(ID, 4)
        envs.reset(seed=1)
        before = steps(envs)
        grandchild = in_child(lambda: steps(envs))
        return before + grandchild + steps(envs)

    envs = gym.make_vec(ID, 4)
    envs.reset(seed=1)
    first, second = steps(envs), steps(envs)
    assert in_child(child) == first + second + second


def test_a_fork_while_another_thread_steps():
    """The tables may be in the hands of a thread that is not in the child: a RuntimeError, or it works; no hang."""
    envs = gym.make_vec(ID, 16)
    envs.reset(seed=0)
    expected = gym.make_vec(ID, 16).reset(seed=1)[0].tobytes()
    over = threading.Event()

    def work():
        while not over.is_set():
            envs.worlds.step(np.zeros((16, 2)))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(4):
            found = in_child(lambda: refused(lambda: envs.worlds.step(np.zeros((16, 2)))).encode())
            assert found == b"not refused" or b"at work in another thread" in found
            # Environments of its own, whatever becomes of the parent's.
            assert in_child(lambda: gym.make_vec(ID, 16).reset(seed=1)[0].tobytes()) == expected
    finally:
        over.set()
        thread.join()


def test_single_environments_and_gymnasiums_async_vector_go_on():
    env = gym.make(ID)
    env.reset(seed=0)
    gym.make_vec(ID, 4).reset(seed=0)
    found = in_child(lambda: env.step([1.0, 2.0])[0].tobytes())
    assert found == env.step([1.0, 2.0])[0].tobytes()
    together = gym.make_vec(ID, 2, vectorization_mode="async", vector_kwargs={"context": "fork"})
    try:
        ours = gym.make_vec(ID, 2)
        np.testing.assert_array_equal(together.reset(seed=4)[0], ours.reset(seed=4)[0])
        np.testing.assert_array_equal(together.step(np.ones((2, 2)))[0], ours.step(np.ones((2, 2)))[0])
    finally:
        together.close()


def worker(seed):
    envs = gym.make_vec(ID, 3)
    envs.reset(seed=seed)
    return steps(envs)


def test_multiprocessing_with_fork():
    expected = [worker(seed) for seed in range(4)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(worker, range(4)).get(PATIENCE) == expected


@pytest.mark.parametrize("threads", [1, 2])
def test_a_policy_is_refused_in_the_child(observation, threads):
    policy = parapolicy.Policy(MODEL, threads=threads)
    expected = policy.sample(observation, **QUICK).actions

    def child():
        alone = refused(lambda: policy.sample(observation, **QUICK))
        assert refused(lambda: policy.sample_many(observation[np.newaxis], seeds=[0], **QUICK)) == alone
        # What needs no thread goes on.
        assert policy.horizon == 16 and "Policy(" in repr(policy)
        return alone.encode()

    found = in_child(child).decode()
    assert found == (
        "this Policy was created before the process forked, and its threads are not in the child: create a Policy in "
        "the child, or use multiprocessing's start method 'spawn'"
    )
    np.testing.assert_array_equal(policy.sample(observation, **QUICK).actions, expected)


def test_a_policy_that_is_created_in_the_child_draws_the_same_plans(observation):
    policy = parapolicy.Policy(MODEL, threads=2)
    expected = policy.sample(observation, **QUICK).actions
    found = in_child(lambda: parapolicy.Policy(MODEL, threads=2).sample(observation, **QUICK).actions.tobytes())
    assert found == expected.tobytes()


def test_a_child_lets_go_of_its_parents_policies_and_controllers(observation):
    held = [parapolicy.Policy(MODEL, threads=2), parapolicy.Controller(MODEL, initial=[0.0, 0.0], threads=2, **QUICK)]
    held[0].sample(observation, **QUICK)

    def child():
        held.clear()
        gc.collect()
        return b"gone"

    assert in_child(child) == b"gone"
    assert held[1].health().plans == 0
    held[1].close()


def test_a_controller_is_refused_in_the_child(observation):
    with parapolicy.Controller(MODEL, initial=[256.0, 256.0], threads=2, **QUICK) as controller:
        controller.observe(observation[0], 0.0)

        def child():
            with controller:
                words = [
                    refused(act)
                    for act in (
                        lambda: controller.observe(observation[0], 0.1),
                        lambda: controller.command(0.1),
                        lambda: controller.reset(1),
                        lambda: controller.events(),
                        lambda: controller.health(),
                    )
                ]
            controller.close()
            return "\n".join(words).encode()

        words = in_child(child).decode().split("\n")
        assert len(words) == 5
        assert all(word.startswith("this Controller was created before the process forked") for word in words), words
        end = time.monotonic() + PATIENCE
        while controller.health().plans == 0:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert controller.command(0.1).source == "plan"
