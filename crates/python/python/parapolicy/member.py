"""One environment of many."""

import copy
from typing import TYPE_CHECKING, Any

from parapolicy._native import World
from parapolicy.env import PushTEnv

if TYPE_CHECKING:
    from parapolicy.vector_env import PushTVectorEnv

# Arguments of the vector, and of gymnasium's make_vec, that a single environment does not have.
_OF_THE_VECTOR = ("num_envs", "max_episode_steps", "autoreset_mode", "vectorization_mode")


class Member(PushTEnv):
    """Environment ``index`` of a :class:`~parapolicy.vector_env.PushTVectorEnv`: what ``gym.make`` would have made, its
    time limit included, on a table of the vector's."""

    def __init__(self, vector: "PushTVectorEnv", index: int, **kwargs: Any):
        self._vector = vector
        self._index = index
        super().__init__(**kwargs)

    @property
    def has_reset(self) -> bool:
        """Whether an episode was begun, as gymnasium's ``OrderEnforcing`` says it."""
        return self._has_reset

    @property
    def _elapsed_steps(self) -> int:
        """Steps of this episode, as gymnasium's ``TimeLimit`` names them."""
        return int(self._vector.elapsed_steps[self._index])

    @_elapsed_steps.setter
    def _elapsed_steps(self, steps: int) -> None:
        self._vector.elapsed_steps[self._index] = steps

    @property
    def spec(self) -> Any:  # type: ignore[override]
        """What ``gym.make`` would make it from; None if the vector was not made by ``gym.make_vec``."""
        if self._vector.spec is None:
            return None
        spec = copy.deepcopy(self._vector.spec)
        spec.kwargs = {key: value for key, value in spec.kwargs.items() if key not in _OF_THE_VECTOR}
        spec.max_episode_steps = self._vector.max_episode_steps
        return spec

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Moves this table alone."""
        observation, reward, terminated, _, info = super().step(action)
        self._elapsed_steps += 1
        return observation, reward, terminated, bool(self._vector.out_of_time()[self._index]), info

    def __getstate__(self) -> dict[str, Any]:
        # The vector hands it its table again.
        return {key: value for key, value in super().__getstate__().items() if key != "_world"}

    def _new_world(self) -> World:
        return self._vector.worlds.table(self._index)

    def _begin(self, seed: int | None, options: dict[str, Any] | None) -> None:
        super()._begin(seed, options)
        self._elapsed_steps = 0
