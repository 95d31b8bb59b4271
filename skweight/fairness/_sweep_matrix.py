"""Few rows: the centred matrix itself, with numpy alone, so that nothing waits for a compiler."""

import numpy as np


class MatrixSweep:
    """Sum over all pairs of rows, whose centred matrix is held in memory.

    Parameters
    ----------
    M : ndarray of shape (n, n)
        The centred matrix.
    weight : ndarray of shape (n,)
        Weights of the rows.
    """

    path = "matrix"

    def __init__(self, M, weight):
        self.M = M
        self.weight = weight

    def sums(self, z, order, width):
        """Return the value and slopes that `DependencePenalty` scales.

        Parameters
        ----------
        z : ndarray of shape (n,)
            Predictions, sorted.
        order : ndarray of shape (n,)
            Which row each belongs to.
        width : float
            Half the width of the smoothing window, 0 for none.

        Returns
        -------
        value : float
            Sum over pairs of w_i w_j M_ij h(z_i - z_j).
        slopes : ndarray of shape (n,)
            Sum over j of w_j M_ij clip((z_i - z_j) / width, -1, 1), in the order of z.
        """
        M, weight = self.M[np.ix_(order, order)], self.weight[order]
        t = z[:, None] - z
        size = np.abs(t)
        if width > 0:
            inside = size <= width
            slope = np.divide(t, width, out=np.sign(t), where=inside)
            size = np.where(inside, t * slope / 2, size - width / 2)
        else:
            slope = np.sign(t)
        value = weight @ (M * size) @ weight
        return value, (M * slope) @ weight
