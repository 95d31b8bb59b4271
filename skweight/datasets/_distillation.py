"""The eleven points on which self-distillation was first drawn."""

import numpy as np
from sklearn.utils import Bunch

from skweight._core._optional import import_optional

_TARGETS = (
    0.38476636465198066, 1.2333967683416893, 1.33232242218057, 0.69201594888895180,
    -0.29756145531871736, -0.24189291901377769, -0.7964485769175675, -0.9616480167034174,
    -0.49672509509916934, -0.3469066003991437, 0.5589512650600734,
)  # fmt: skip


def load_self_distillation_toy(*, return_X_y=False, as_frame=False):
    r"""Load eleven noisy points of a sine wave, and the wave (11 rows, 1 feature).

    The example of the papers on self-distillation [1]_ [2]_: equally spaced points in [0, 1], the
    truth :math:`\sin(2 \pi x)`, and the kernel and penalty that were used. Needs no extra, except
    pandas with `as_frame`.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` and `grid` are DataFrames and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (1 column), ``target`` (floats), ``grid`` (101 rows from 0 to 1),
        ``truth`` (an array, the wave on the grid), ``gamma`` (80, of the RBF kernel), ``alpha``
        (0.2, the ridge penalty), ``frame`` (data and target, if `as_frame`), ``feature_names``,
        ``target_names`` (one name), ``sample_weight`` (None), ``groups`` (None) and ``DESCR``.
        With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If pandas is missing, with `as_frame`.

    See Also
    --------
    add_target_noise : Noise on targets of your own.

    References
    ----------
    .. [1] H. Mobahi, M. Farajtabar, P. L. Bartlett, "Self-Distillation Amplifies Regularization in
       Hilbert Space", NeurIPS 2020, arXiv 2002.05715.
    .. [2] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    The ordinary fit, which is the first step, misses the wave by

    >>> from sklearn.kernel_ridge import KernelRidge
    >>> from skweight.datasets import load_self_distillation_toy
    >>> toy = load_self_distillation_toy()
    >>> model = KernelRidge(alpha=toy.alpha, kernel="rbf", gamma=toy.gamma)
    >>> model = model.fit(toy.data, toy.target)
    >>> round(float(((model.predict(toy.grid) - toy.truth) ** 2).mean()), 5)
    0.16477
    """
    data, target = np.linspace(0, 1, 11)[:, None], np.array(_TARGETS)
    grid = np.linspace(0, 1, 101)[:, None]
    truth = np.sin(2 * np.pi * grid[:, 0])
    frame = None
    if as_frame:
        pandas = import_optional("pandas", "load_self_distillation_toy(as_frame=True)")
        data, grid = (pandas.DataFrame(part, columns=["x"]) for part in (data, grid))
        target = pandas.Series(target, name="y")
        frame = data.assign(y=target)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        grid=grid,
        truth=truth,
        gamma=80.0,
        alpha=0.2,
        frame=frame,
        feature_names=["x"],
        target_names=["y"],
        sample_weight=None,
        groups=None,
        DESCR=_DESCR,
    )


_DESCR = """\
Toy of self-distillation: a sine wave with noise
------------------------------------------------

:Rows: 11, x = 0, 0.1, ..., 1
:Target: y, a noisy value of sin(2 pi x)
:Features: 1: x
:Truth: `truth` is sin(2 pi x) on `grid`, x = 0, 0.01, ..., 1
:Settings: RBF kernel with `gamma` 80, ridge penalty `alpha` 0.2

Source: the points of H. Mobahi, M. Farajtabar and P. L. Bartlett (2020), arXiv 2002.05715, as they
stand in the example of K. Borup and L. N. Andersen (2021), arXiv 2102.13088.
"""
