"""What a policy is torn between: modes of plans, and mixtures whose number of components is not fixed.

Arrays in, arrays out. All that takes long runs without the interpreter's lock; what comes out depends on the seed
alone.

    plans = np.stack([policy.sample(observation, seed=seed).executed for seed in range(256)])
    points, _ = parapolicy.modes.features(plans)
    found = parapolicy.modes.find(points, scale=10.0)          # px: how wide one way is
    print(found.numbers, found.weights[:, 0], plans[found.medoids[0]])
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from parapolicy import _native

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DirichletProcessMixture", "Modes", "features", "find"]

_Floats = npt.NDArray[np.float64]
_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Modes:
    """Modes of points; those with most points first."""

    numbers: _Floats
    """P(number of modes that are not rare), at its index."""
    components: _Floats
    """P(number of components), at its index: a bent bundle takes several, and is one mode."""
    labels: _Numbers
    """The mode of every point, ``[n]``."""
    weights: _Floats
    """The mean of each mode's weight in every group, ``[modes, groups]``."""
    intervals: _Floats
    """Its 95 % credible interval, ``[modes, groups, 2]``."""
    apart: _Floats
    """The probability that each is a mode of its own, ``[modes]``."""
    rare: npt.NDArray[np.bool_]
    """Whether a mode has a smaller share of the points of every group than ``rare``, or but one point, ``[modes]``."""
    medoids: _Numbers
    """The point of each that is nearest to all of its points, ``[modes]``."""


def find(
    points: npt.ArrayLike,
    scale: float,
    *,
    groups: npt.ArrayLike | None = None,
    burn_in: int = 300,
    draws: int = 1000,
    thin: int = 1,
    rare: float = 0.01,
    seed: int = 0,
) -> Modes:
    """Modes of ``points`` ``[n, D]``: groups of Gaussian components between which the density has no valley.

    ``scale`` is how far, about, points of one mode are from its middle. Components, their number, and the
    concentration are drawn from their posterior ``draws`` times, ``thin`` iterations apart, after ``burn_in``. With
    ``groups`` ``[n]``, numbers from 0, modes are shared and have a weight in each.

    ValueError if a value is not finite, there are no points, a group has none, or a setting cannot be used. It cannot
    be interrupted.
    """
    of = None if groups is None else _groups(groups)
    found = _native.search_modes(
        points, scale, groups=of, burn_in=burn_in, draws=draws, thin=thin, rare=rare, seed=seed
    )
    weights = np.asarray(found.weights, float)
    return Modes(
        numbers=found.numbers,
        components=found.components,
        labels=found.labels.astype(np.int64),
        weights=weights[..., 0],
        intervals=weights[..., 1:],
        apart=found.apart,
        rare=found.rare,
        medoids=found.medoids.astype(np.int64),
    )


def features(plans: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> tuple[_Floats, float]:
    """``plans`` ``[n, actions, action_dim]`` as points ``[n, D]``, and the share of the variance that they keep.

    The distance of two points is how far the plans are apart, as a root mean square over their actions, in the
    actions' unit; D is 6 at most. With ``groups`` ``[n]``, what was planned at one time each, the place where a
    group's plans begin is taken out.

    ValueError if there are no plans or actions, or a value is not finite.
    """
    array = np.asarray(plans, float)
    of = np.zeros(len(array), int) if groups is None else groups
    return _native.plan_features(array, _groups(of))


def _groups(groups: npt.ArrayLike) -> list[int]:
    array = np.asarray(groups)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
        raise ValueError("groups must be whole numbers from 0, one a point")
    return [int(group) for group in array]


class DirichletProcessMixture:
    """A mixture of Gaussians whose number of components is not fixed, with scikit-learn's methods.

    ``scale`` is the standard deviation of a component that is expected, in the data's unit: the prior of its
    covariance is an inverse Wishart distribution with D + 3 degrees of freedom and the mean ``scale``² I. ``kappa``
    is how many points the prior of a mean, that of the data, counts for. ``concentration`` says how readily points
    open a component; None learns it, under Gamma(1, 1).

    ``strategy`` is ``"launch"``, exact; ``"collapsed"``, the reference, exact and slow; or ``"subclusters"``, as
    published, biased. ``n_draws`` partitions are drawn from the posterior after ``burn_in`` iterations, from one
    component, or from where ``climb`` iterations of a search lead: for many points.

    After ``fit``: ``n_components_``, ``labels_`` ``[n]``, ``weights_`` ``[K]``, ``means_`` ``[K, D]`` and
    ``covariances_`` ``[K, D, D]`` are of the drawn partition that agrees with most of the others (Binder 1978; of
    more than 4096 points, of the last), the numbers their mean given that partition. ``n_components_probability_``
    ``[k]`` is the posterior of the number of components, ``partitions_`` ``[n_draws, n]`` and ``concentrations_``
    ``[n_draws]`` are all draws.

    ValueError names what cannot be used: NaN, infinity, no points, settings out of range.
    """

    n_components_: int
    labels_: _Numbers
    weights_: _Floats
    means_: _Floats
    covariances_: _Floats
    n_components_probability_: _Floats
    partitions_: npt.NDArray[np.uint32]
    concentrations_: _Floats
    n_features_in_: int

    def __init__(
        self,
        scale: float = 1.0,
        *,
        kappa: float = 0.05,
        concentration: float | None = None,
        strategy: Literal["launch", "collapsed", "subclusters"] = "launch",
        climb: int = 0,
        burn_in: int = 300,
        n_draws: int = 1000,
        random_state: int = 0,
    ) -> None:
        self.scale = scale
        self.kappa = kappa
        self.concentration = concentration
        self.strategy = strategy
        self.climb = climb
        self.burn_in = burn_in
        self.n_draws = n_draws
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What it was made with, by name: with this scikit-learn's ``clone`` and searches work."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Changes settings by name; ValueError if one does not exist."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{name} is no parameter of {type(self).__name__}")
            setattr(self, name, value)
        return self

    def fit(self, X: npt.ArrayLike, y: object = None) -> Self:
        """Draws from the posterior given ``X`` ``[n, D]``.

        Ctrl-C ends it between two iterations of the chain; not while it looks for a start or an estimate.
        """
        points = np.asarray(X, float)
        if points.ndim != 2 or points.size == 0:
            raise ValueError(f"X has the shape {points.shape}, but must have [n, D], n and D at least 1")
        if self.n_draws < 1:
            raise ValueError(f"n_draws is {self.n_draws}, but must be at least 1")
        # Sums of squares are taken about the prior's mean: the data's, so that they do not cancel.
        middle = points.mean(axis=0) if np.isfinite(points).all() else np.zeros(points.shape[1])
        partitions, best, concentrations = _native.sample_partitions(
            points,
            self.scale,
            kappa=self.kappa,
            mean=middle.tolist(),
            alpha=self.concentration,
            strategy=self.strategy,
            climb=self.climb,
            burn_in=self.burn_in,
            draws=self.n_draws,
            seed=self.random_state,
        )
        self.partitions_, self.concentrations_ = partitions, concentrations
        self.n_components_probability_ = np.bincount(partitions.max(axis=1) + 1) / len(partitions)
        self.n_features_in_ = points.shape[1]
        self._estimate(points, middle, partitions[best].astype(np.int64))
        return self

    def _estimate(self, points: _Floats, middle: _Floats, labels: _Numbers) -> None:
        """Posterior means given the labels: NIW(kappa, middle, D + 3, 2 scale² I)."""
        count, dim = points.shape
        sizes = np.bincount(labels).astype(float)
        kappa = self.kappa + sizes
        sums = np.stack([np.bincount(labels, points[:, d] - middle[d]) for d in range(dim)], axis=1)
        means = sums / kappa[:, None]
        covariances = np.empty((len(sizes), dim, dim))
        for k, size in enumerate(sizes):
            rows = points[labels == k] - middle
            spread = 2 * self.scale**2 * np.eye(dim) + rows.T @ rows - kappa[k] * np.outer(means[k], means[k])
            covariances[k] = spread / (size + 2)
        self.n_components_, self.labels_ = len(sizes), labels
        self.weights_, self.means_, self.covariances_ = sizes / count, means + middle, covariances

    def _log_joint(self, X: npt.ArrayLike) -> _Floats:
        """log of weight times density, ``[n, K]``."""
        if not hasattr(self, "means_"):
            raise ValueError(f"this {type(self).__name__} is not fitted yet: call fit first")
        points = np.asarray(X, float)
        if points.ndim != 2 or points.shape[1] != self.n_features_in_:
            raise ValueError(f"X has the shape {points.shape}, but must have [n, {self.n_features_in_}]")
        if not np.isfinite(points).all():
            raise ValueError("X has a value that is not finite")
        logs = np.empty((len(points), self.n_components_))
        for k in range(self.n_components_):
            factor = np.linalg.cholesky(self.covariances_[k])
            whitened = np.linalg.solve(factor, (points - self.means_[k]).T)
            constant = (
                np.log(self.weights_[k]) - np.log(np.diag(factor)).sum() - 0.5 * self.n_features_in_ * np.log(2 * np.pi)
            )
            logs[:, k] = constant - 0.5 * (whitened**2).sum(axis=0)
        return logs

    def predict(self, X: npt.ArrayLike) -> _Numbers:
        """The component of each row of ``X`` that is most probable, ``[n]``."""
        return self._log_joint(X).argmax(axis=1)

    def predict_proba(self, X: npt.ArrayLike) -> _Floats:
        """The probability of every component, ``[n, K]``."""
        logs = self._log_joint(X)
        return np.exp(logs - _log_sum_exp(logs)[:, None])

    def score_samples(self, X: npt.ArrayLike) -> _Floats:
        """The log density of the mixture at each row of ``X``, ``[n]``."""
        return _log_sum_exp(self._log_joint(X))

    def score(self, X: npt.ArrayLike, y: object = None) -> float:
        """The mean of ``score_samples``."""
        return float(self.score_samples(X).mean())

    def fit_predict(self, X: npt.ArrayLike, y: object = None) -> _Numbers:
        """``fit``, and then ``labels_``."""
        return self.fit(X).labels_

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({settings})"


def _log_sum_exp(logs: _Floats) -> _Floats:
    top = logs.max(axis=1)
    return top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
