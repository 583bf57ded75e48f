"""``parapolicy.modes`` against scikit-learn, and what it says of bad input."""

import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.metrics import normalized_mutual_info_score
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from parapolicy import modes


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(600, centers=[[-8, 0], [0, 6], [7, -3]], cluster_std=1.0, random_state=1)


def test_estimator_finds_what_scikit_learn_finds(blobs):
    points, truth = blobs
    # Single points apart are likely where concentrations are larger.
    ours = modes.DirichletProcessMixture(scale=1.0, concentration=0.05, n_draws=400).fit(points)
    assert ours.n_components_ == 3
    assert ours.n_components_probability_.argmax() == 3
    assert ours.n_components_probability_.sum() == pytest.approx(1)
    assert normalized_mutual_info_score(ours.labels_, truth) > 0.98

    # The same prior; it is told how many there are.
    theirs = BayesianGaussianMixture(
        n_components=3,
        weight_concentration_prior=0.01,
        mean_precision_prior=0.05,
        degrees_of_freedom_prior=5,
        covariance_prior=2 * np.eye(2),
        max_iter=1000,
        random_state=0,
    ).fit(points)
    order, other = np.argsort(ours.means_[:, 0]), np.argsort(theirs.means_[:, 0])
    np.testing.assert_allclose(ours.means_[order], theirs.means_[other], atol=0.05)
    np.testing.assert_allclose(ours.weights_[order], theirs.weights_[other], atol=0.02)
    np.testing.assert_allclose(ours.covariances_[order], theirs.covariances_[other], atol=0.05)
    assert (ours.predict(points) == ours.labels_).mean() > 0.98


def test_density_is_that_of_scikit_learn(blobs):
    points, _ = blobs
    ours = modes.DirichletProcessMixture(scale=1.0, n_draws=50).fit(points)
    theirs = GaussianMixture(n_components=3)
    theirs.weights_, theirs.means_, theirs.covariances_ = ours.weights_, ours.means_, ours.covariances_
    theirs.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(ours.covariances_))
    np.testing.assert_allclose(ours.score_samples(points), theirs.score_samples(points), rtol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(points), theirs.predict_proba(points), atol=1e-9)
    assert ours.score(points) == pytest.approx(theirs.score(points))
    np.testing.assert_array_equal(ours.predict(points), theirs.predict(points))


def test_settings_are_those_of_a_scikit_learn_estimator(blobs):
    points, _ = blobs
    made = modes.DirichletProcessMixture(scale=2.0, n_draws=20, random_state=3)
    copy = clone(made)
    assert copy is not made and copy.get_params() == made.get_params()
    np.testing.assert_array_equal(copy.fit_predict(points), made.fit(points).labels_)
    np.testing.assert_array_equal(copy.partitions_, made.partitions_)
    assert made.set_params(kappa=0.1).kappa == 0.1
    with pytest.raises(ValueError, match="colour is no parameter of DirichletProcessMixture"):
        made.set_params(colour="red")
    assert repr(made).startswith("DirichletProcessMixture(scale=2.0, kappa=0.1, concentration=None, strategy='launch'")


def test_exact_strategies_agree_and_the_search_for_a_start_does_not_change_what_is_found(blobs):
    points, _ = blobs
    for settings in ({}, {"strategy": "collapsed", "burn_in": 100, "n_draws": 50}, {"climb": 10}):
        fitted = modes.DirichletProcessMixture(**{"concentration": 0.05, "n_draws": 200, **settings}).fit(points)
        np.testing.assert_allclose(np.sort(fitted.weights_)[-3:], 1 / 3, atol=0.02, err_msg=str(settings))


def test_two_ways_and_a_rare_one():
    random = np.random.default_rng(4)
    points = np.concatenate(
        [random.normal([0, 0], 1, (160, 2)), random.normal([14, 0], 1, (94, 2)), random.normal([0, 18], 1, (2, 2))]
    )
    found = modes.find(points, 1.0, burn_in=100, draws=200)
    assert found.numbers[2] > 0.95
    np.testing.assert_array_equal(np.bincount(found.labels), [160, 94, 2])
    np.testing.assert_array_equal(found.rare, [False, False, True])
    assert found.weights.shape == (3, 1) and found.intervals.shape == (3, 1, 2)
    assert (found.intervals[:, 0, 0] < found.weights[:, 0]).all() and (
        found.weights[:, 0] < found.intervals[:, 0, 1]
    ).all()
    assert (found.labels[found.medoids] == [0, 1, 2]).all()
    groups = np.repeat([0, 1], 128)
    shared = modes.find(points, 1.0, groups=groups, burn_in=100, draws=100)
    assert shared.weights.shape[1] == 2
    assert shared.weights[0, 0] > 0.95


def test_distances_of_features_are_those_of_plans():
    plans = np.random.default_rng(0).normal(size=(5, 4, 1)) @ np.ones((1, 1))
    points, kept = modes.features(plans)
    assert points.shape[0] == 5 and 0.9 < kept <= 1
    rows = plans.reshape(5, -1) / 2
    distance = np.linalg.norm(rows[0] - rows[1]) ** 2
    assert np.linalg.norm(points[0] - points[1]) ** 2 <= distance + 1e-9


def test_other_threads_run_meanwhile(blobs):
    points, _ = blobs
    done = threading.Event()
    turns = 0

    def fit():
        modes.DirichletProcessMixture(n_draws=300).fit(points)
        done.set()

    thread = threading.Thread(target=fit)
    thread.start()
    while not done.wait(0.001):
        turns += 1
    thread.join()
    assert turns > 3


@pytest.mark.parametrize(
    ("points", "settings", "message"),
    [
        ([[1.0, np.nan]], {}, "value 1 of point 0 is NaN, but must be finite"),
        ([[np.inf, 1.0]], {}, "value 0 of point 0 is inf, but must be finite"),
        (np.zeros((0, 2)), {}, r"X has the shape \(0, 2\), but must have \[n, D\], n and D at least 1"),
        ([1.0, 2.0], {}, r"X has the shape \(2,\)"),
        ([[1.0]], {"scale": 0.0}, "spread is 0, but must be positive and finite"),
        ([[1.0]], {"kappa": -1.0}, "kappa is -1, but must be positive and finite"),
        ([[1.0]], {"concentration": np.nan}, "concentration is NaN, but must be positive and finite"),
        ([[1.0]], {"strategy": "guess"}, 'strategy is "guess", but must be'),
        ([[1.0]], {"n_draws": 0}, "n_draws is 0, but must be at least 1"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(points, settings, message):
    with pytest.raises(ValueError, match=message):
        modes.DirichletProcessMixture(**{"n_draws": 5, "burn_in": 5, **settings}).fit(points)


@pytest.mark.parametrize("points", [[[3.0, 4.0]], np.full((20, 3), 5.0), np.arange(24.0).reshape(3, 8)])
def test_one_point_constant_columns_and_more_dimensions_than_points_are_no_trouble(points):
    fitted = modes.DirichletProcessMixture(n_draws=20, burn_in=5).fit(points)
    assert np.isfinite(fitted.means_).all() and np.isfinite(fitted.covariances_).all()
    assert fitted.predict(points).shape == (len(points),)


def test_what_was_not_fitted_or_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="not fitted yet"):
        modes.DirichletProcessMixture().predict([[1.0]])
    fitted = modes.DirichletProcessMixture(n_draws=5, burn_in=1).fit([[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"must have \[n, 2\]"):
        fitted.predict([[1.0]])
    for groups in ([0.5], [-1], [[0]]):
        with pytest.raises(ValueError, match="groups must be whole numbers from 0, one a point"):
            modes.find([[1.0]], 1.0, groups=groups)
    with pytest.raises(ValueError, match="groups has 2 points, but must have 1"):
        modes.find([[1.0]], 1.0, groups=[0, 0])
