"""Ridge regression from sums is scikit-learn's, fold by fold."""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from angora_train.analysis.decoding import ridge

ALPHAS = (1e-4, 1e-2, 1.0)
BOUNDS = np.array([0, 30, 55, 90, 120])
FOLD = np.repeat(np.arange(4), np.diff(BOUNDS))


def _peer(x, y, is_kept, alpha):
    model = make_pipeline(StandardScaler(), Ridge(alpha * is_kept.sum()))
    return model.fit(x[is_kept], y[is_kept])


def _data(rng):
    x = rng.normal(size=(120, 6)) * [1, 2, 0.5, 1, 3, 1] + [0, 1, 0, 2, 0, 0]
    x[:, 5] = x[:, 0] + 0.1 * x[:, 5]  # the penalty matters
    y = x @ rng.normal(size=(6, 3)) + rng.normal(size=(120, 3)) * [0.1, 3.0, 30.0]
    return x, y


def test_predictions_and_choices_are_those_of_scikit_learn(rng):
    x, y = _data(rng)

    found = ridge.fit(ridge.Design(x, BOUNDS), y, ALPHAS)

    for outer in range(4):
        errors = np.zeros((3, 3))
        for a, alpha in enumerate(ALPHAS):
            for inner in set(range(4)) - {outer}:
                model = _peer(x, y, (outer != FOLD) & (inner != FOLD), alpha)
                here = inner == FOLD
                errors[a] += ((model.predict(x[here]) - y[here]) ** 2).sum(0)
        chosen = np.array(ALPHAS)[errors.argmin(0)]
        np.testing.assert_array_equal(found.penalties[outer], chosen)
        for channel, alpha in enumerate(chosen):
            model = _peer(x, y, outer != FOLD, alpha)
            expected = model.predict(x[outer == FOLD])[:, channel]
            got = found.predicted[outer == FOLD, channel]
            np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-8)
        expected = np.broadcast_to(y[outer != FOLD].mean(0), found.predicted.shape)
        np.testing.assert_allclose(
            found.baseline[outer == FOLD], expected[outer == FOLD]
        )
    assert len(np.unique(found.penalties)) > 1


def test_a_silent_unit_changes_nothing(rng):
    x, y = _data(rng)
    with_silent = np.c_[x, np.full(120, 3.0)]

    found = ridge.fit(ridge.Design(with_silent, BOUNDS), y)

    expected = ridge.fit(ridge.Design(x, BOUNDS), y)
    np.testing.assert_allclose(found.predicted, expected.predicted, rtol=1e-6)
    assert (found.weights[-1] == 0).all()


def test_nested_predictions_never_saw_the_outer_fold(rng):
    x, y = _data(rng)
    before = ridge.predict_nested(ridge.Design(x, BOUNDS), y)
    y[FOLD == 2] += 100.0 * rng.normal(size=(35, 3))

    after = ridge.predict_nested(ridge.Design(x, BOUNDS), y)

    np.testing.assert_array_equal(after[2], before[2])
    assert not np.allclose(after[1], before[1])


def test_what_is_beyond_is_what_the_first_could_not_know(rng):
    first, second = rng.normal(size=(2, 120, 3))
    y = first @ [[1.0], [0.0], [0.0]] + second @ [[2.0], [0.0], [0.0]]
    nested = ridge.predict_nested(ridge.Design(first, BOUNDS), y)

    both, alone = ridge.fit_beyond(ridge.Design(second, BOUNDS), y, nested)
    same, _ = ridge.fit_beyond(ridge.Design(first, BOUNDS), y, nested)

    # The second part has the variance 4, nothing of which the first predicts.
    assert 3.0 < ((y - alone) ** 2).mean() < 5.5
    assert ((y - both) ** 2).mean() < 0.4  # 90 samples fit the first
    assert ((y - same) ** 2).mean() > 0.95 * ((y - alone) ** 2).mean()


def test_a_first_prediction_that_is_fitted_badly_can_be_replaced(rng):
    # 60 numbers of noise beside one hint, fitted to 90 samples; the second knows all.
    y = rng.normal(size=(120, 1))
    poor = np.c_[y + 2.0 * rng.normal(size=(120, 1)), rng.normal(size=(120, 60))]
    nested = ridge.predict_nested(ridge.Design(poor, BOUNDS), y)

    both, _ = ridge.fit_beyond(ridge.Design(y + 0.1, BOUNDS), y, nested)

    assert ((y - both) ** 2).mean() < 0.02
