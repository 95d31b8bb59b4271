"""Timings of the distillation room that asv follows over the history of the project."""

import numpy as np

from benchmarks._distillation_common import WEIGHT, draw
from skweight.distillation import (
    SelfDistilledKernelRidge,
    SelfDistilledKernelRidgeCV,
    SelfDistilledRidge,
    SelfDistilledRidgeCV,
)


class Steps:
    """Ten steps of kernel ridge by each solver, and one step."""

    params = (["cholesky", "eigh", "lanczos"],)
    param_names = ("solver",)

    def setup(self, solver):
        self.X, self.y = draw(1000)
        options = {"gamma": 0.05, "ground_truth_weight": WEIGHT, "solver": solver}
        self.one = SelfDistilledKernelRidge(n_steps=1, **options)
        self.ten = SelfDistilledKernelRidge(n_steps=10, **options)

    def time_ten_steps(self, solver):
        self.ten.fit(self.X, self.y)

    def peakmem_ten_steps(self, solver):
        self.ten.fit(self.X, self.y)

    def time_one_step(self, solver):
        self.one.fit(self.X, self.y)


class LinearSteps:
    """Ten steps of ridge by each solver."""

    params = (["cholesky", "svd", "lsqr"],)
    param_names = ("solver",)

    def setup(self, solver):
        self.X, self.y = draw(20_000, 100)
        self.model = SelfDistilledRidge(n_steps=10, ground_truth_weight=WEIGHT, solver=solver)

    def time_fit(self, solver):
        self.model.fit(self.X, self.y)


class Searches:
    """Twenty penalties and ten steps by leave-one-out."""

    def setup(self):
        self.alphas = np.logspace(-2, 2, 20)
        self.X, self.y = draw(1000)
        self.wide = draw(5000, 100)

    def time_kernel(self):
        SelfDistilledKernelRidgeCV(self.alphas, gamma=0.05, n_steps=10).fit(self.X, self.y)

    def peakmem_kernel(self):
        SelfDistilledKernelRidgeCV(self.alphas, gamma=0.05, n_steps=10).fit(self.X, self.y)

    def time_linear(self):
        SelfDistilledRidgeCV(self.alphas, n_steps=10).fit(*self.wide)
