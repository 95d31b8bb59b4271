"""Kernel ridge models of several steps: which solver runs, what is kept, prediction."""

import warnings
from numbers import Real

import numpy as np
from sklearn.metrics.pairwise import PAIRWISE_KERNEL_FUNCTIONS
from sklearn.utils.validation import validate_data

from skweight._core._array_api import concat, float64_of, follow, namespace, take
from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.distillation._base import FLOATS, BaseSelfDistilled
from skweight.distillation._cholesky import Factorised
from skweight.distillation._kernel_rows import KernelRows, check_kernel, kernel_of
from skweight.distillation._kernel_solvers import SOLVERS
from skweight.distillation._problem import Problem

KERNEL_CONSTRAINTS = {
    "kernel": [StrOptions(set(PAIRWISE_KERNEL_FUNCTIONS) | {"precomputed"}), callable],
    "gamma": [Interval(Real, 0, None, closed="left"), None],
    "degree": [Interval(Real, 0, None, closed="left")],
    "coef0": [Interval(Real, None, None, closed="neither")],
    "kernel_params": [dict, None],
}
_SPARSE = ("csr", "csc")
# An eigendecomposition costs about as much as so many Cholesky factorisations, at the least.
_CHOLESKY_PER_EIGH = 4


class BaseKernelSelfDistilled(BaseSelfDistilled):
    """Fit and predict by kernel ridge models of several steps."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.input_tags.sparse = self.kernel != "precomputed"
        return tags

    # ---------------------------------------------------------------- fit

    def _fit(self, X, y, sample_weight, held_out):
        """Fit all steps to rows as the user gave them, with data held out or three times None."""
        X, y, sample_weight = self._checked(X, y, sample_weight, _SPARSE)
        validation = self._checked_validation(*held_out, y.shape[1], _SPARSE)
        rule, penalties = self._rule(y.shape[1], validation)
        if self.kernel == "precomputed":
            check_kernel(X)
        rows = KernelRows(self, X, sample_weight, like=y)
        held_out = None
        if validation is not None:
            kernel = rows.kernel_with(validation[0])
            held_out = (lambda dual: kernel @ dual, *validation[1:])
        problem = Problem(
            rule,
            penalties,
            want_loo=self._wants_loo(rule),
            held_out=held_out,
            limit_alpha=self._limit_penalty(penalties),
            tol=self.tol,
            max_iter=self.max_iter,
        )
        solver = self._choose_solver(rule, penalties)
        try:
            fit = SOLVERS[solver](rows, rows.take(y), problem)
        except np.linalg.LinAlgError:
            warnings.warn(
                f"The kernel matrix with alpha={penalties.min():g} on its diagonal is not positive "
                "definite in floating point: its eigenvalues are used instead, those below 0 as 0. "
                "Raise alpha to be spared this.",
                UserWarning,
                stacklevel=3,
            )
            solver = "eigh"
            fit = SOLVERS[solver](rows, rows.take(y), problem)
        self._set_steps(rule, penalties, fit.distilled)
        self.solver_ = "cholesky" if solver == "inverse" else solver
        self.X_fit_ = X
        self._fit_weight = sample_weight  # for the limit
        self._path = rows.spread(fit.path)
        self._limit = None if fit.limit is None else rows.spread(fit.limit)
        self.dual_coef_path_ = self._shaped(self._path)
        self.dual_coef_ = self.dual_coef_path_[self._index_of(self.best_step_), ...]
        if fit.distilled.loo is not None:
            self.loo_predictions_ = self._shaped(self._spread_loo(rows, fit.distilled.loo))
        return self

    def _choose_solver(self, rule, penalties):
        """Return the solver that runs."""
        needs_diagonals = self._wants_loo(rule) or rule.kind == "gcv"
        if self.solver in ("cholesky", "lanczos") and needs_diagonals:
            raise ValueError(
                f"solver={self.solver!r} has no leave-one-out and no generalised cross-validation: "
                "want solver='auto' or 'eigh' for ground_truth_weight='loo', 'loo-joint' or 'gcv', "
                "step_selection='loo' and store_loo=True."
            )
        if self.solver != "auto":
            return self.solver
        different = len(np.unique(penalties))
        if needs_diagonals:
            short = len(penalties) <= 2 and different == 1
            return "inverse" if short and rule.kind in ("fixed", "loo", "gcv") else "eigh"
        return "cholesky" if different <= _CHOLESKY_PER_EIGH else "eigh"

    # ---------------------------------------------------------------- prediction

    def _decide(self, X, places):
        """Return predictions by some places of the path, each of shape (n_samples, m)."""
        X = validate_data(self, X, accept_sparse=_SPARSE, dtype=FLOATS, reset=False)
        xp = namespace(X)
        dual = xp.stack(
            [self._limit_dual() if place == np.inf else self._path[place, ...] for place in places],
            axis=1,
        )
        K = kernel_of(self, X, None if self.kernel == "precomputed" else self.X_fit_)
        values = K @ xp.reshape(dual, (dual.shape[0], -1))
        values = xp.reshape(values, (values.shape[0], *dual.shape[1:]))
        return [values[:, j, :] for j in range(len(places))]

    def _limit_dual(self):
        """Return the dual coefficients of infinitely many steps."""
        if self._limit is not None:
            return self._limit
        # Both solve the same targets: (K + alpha / w) c = (K + alpha) c_1.
        rows = KernelRows(self, self.X_fit_, self._fit_weight, like=self._path)
        K, owned = rows.scaled_kernel()
        first = float64_of(rows.take(self._path[0, ...]))
        first = first if rows.root is None else first / rows.root
        right = K @ first + first * float(np.asarray(self.alpha).flat[0])
        limit = Factorised(K, [self.limit_alpha_], owned).solve(right, self.limit_alpha_)
        return rows.spread(rows.scale(limit))

    def _spread_loo(self, rows, loo):
        """Return leave-one-out predictions of all rows: without weight, the plain ones."""
        if rows.kept is None:
            return loo
        without = np.setdiff1d(np.arange(rows.n_rows), rows.kept)
        order = np.argsort(np.concatenate([rows.kept, without]))
        xp = namespace(loo)
        others, order = follow(loo, without, order)
        kernel = rows.kernel_with(take(self.X_fit_, others))
        plain = xp.stack([kernel @ rows.take(step) for step in self._path])
        return xp.take(concat([loo, plain], axis=1), order, axis=1)
