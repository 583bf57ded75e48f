"""Asks a server of diffusion policies (``parapolicy serve``) for plans.

The protocol is openpi's: MessagePack maps over a WebSocket, with arrays as ``openpi_client.msgpack_numpy`` packs them.
What Parapolicy adds is in the map ``parapolicy`` of a request and of a reply.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
import websockets.sync.client
from numpy.typing import ArrayLike, NDArray

__all__ = ["Client", "Plan", "Refused"]


class Refused(RuntimeError):
    """The server has refused: a code, and words after a colon. The connection is over."""

    @property
    def code(self) -> str:
        """``bad_request``, ``too_large``, ``too_fast``, ``timed_out``, ``going_away`` or ``failed``."""
        return str(self).partition(":")[0]


@dataclass(frozen=True)
class Plan:
    """A plan, and what it took."""

    #: Actions from now on, in raw units, ``[n, action_dim]``.
    actions: NDArray[np.float64]
    #: The episode's seed.
    seed: int
    #: The plan's number in its episode.
    plan: int
    #: Calls of the network.
    rounds: int
    #: Rows in them.
    evaluations: int
    #: How far the plan moved in its last round, where the deadline cut it short.
    residual: float | None
    #: From the observation's arrival at the server to the plan, in milliseconds.
    infer_ms: float


def _pack(value: Any) -> dict[bytes, Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"arrays of {array.dtype} cannot be sent, only numbers")
    return {b"__ndarray__": True, b"data": array.tobytes(), b"dtype": array.dtype.str, b"shape": array.shape}


def _unpack(found: dict[Any, Any]) -> Any:
    if b"__ndarray__" in found:
        return np.frombuffer(found[b"data"], np.dtype(found[b"dtype"])).reshape(found[b"shape"]).copy()
    return found


class Client:
    """A connection to a server: an episode, until another is begun.

    ``url`` is ``ws://HOST:PORT/NAME``, or ``wss://`` with an ``ssl`` context that believes the server's certificate.
    ``seed`` is that of the first episode; without it the server counts. ``timeout`` is how many seconds the server may
    take for an answer.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        seed: int | None = None,
        timeout: float = 10.0,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        headers = {"Authorization": f"Api-Key {token}"} if token is not None else None
        self._timeout = timeout
        self._socket = websockets.sync.client.connect(
            url if seed is None else f"{url}?seed={seed}",
            compression=None,
            max_size=None,
            additional_headers=headers,
            open_timeout=timeout,
            ssl=ssl,
        )
        self._begin: dict[str, Any] = {}
        self.metadata: dict[str, Any] = self._receive()

    def infer(
        self,
        observation: Mapping[str, ArrayLike],
        *,
        deadline_ms: float | None = None,
        committed: ArrayLike | None = None,
    ) -> Plan:
        """The plan for an observation: the values of each key, or ``n_obs_steps`` of them in one more dimension.

        The best plan that there is after ``deadline_ms`` is the plan. It goes through the actions ``committed``,
        ``[n, action_dim]``, which are carried out before it is there.
        """
        options: dict[str, Any] = {}
        if deadline_ms is not None:
            options["deadline_ms"] = float(deadline_ms)
        if committed is not None:
            options["committed"] = np.asarray(committed, np.float64)
        reply = self._ask(observation, options)
        told = reply["parapolicy"]
        return Plan(
            actions=reply["actions"],
            seed=told["seed"],
            plan=told["plan"],
            rounds=told["rounds"],
            evaluations=told["evaluations"],
            residual=told.get("residual"),
            infer_ms=reply["server_timing"]["infer_ms"],
        )

    def observe(self, observation: Mapping[str, ArrayLike]) -> None:
        """Hands in an observation for the policy's history; nothing is planned."""
        self._ask(observation, {"observe": True})

    def reset(self, seed: int | None = None) -> None:
        """Begins an episode with the next observation; without a seed, the server counts."""
        self._begin = {"reset": True} if seed is None else {"seed": seed}

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def _ask(self, observation: Mapping[str, ArrayLike], options: dict[str, Any]) -> dict[str, Any]:
        request: dict[str, Any] = {key: np.asarray(value) for key, value in observation.items()}
        if options or self._begin:
            request["parapolicy"] = {**self._begin, **options}
        self._socket.send(msgpack.packb(request, default=_pack))
        reply = self._receive()
        self._begin = {}
        return reply

    def _receive(self) -> dict[str, Any]:
        answer = self._socket.recv(timeout=self._timeout)
        if isinstance(answer, str):
            raise Refused(answer)
        return msgpack.unpackb(answer, object_hook=_unpack)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
