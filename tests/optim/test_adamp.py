"""AdamP and SGDP beside their recursions in numpy and optimisers of torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skweight.optim._adamp_torch import SGDP, AdamP  # noqa: E402


def projected(p, g, q, delta, ratio, eps=1e-8):
    for rows in (len(p), 1):
        P, G, Q = (part.reshape(rows, -1) for part in (p, g, q))
        norm = np.linalg.norm(P, axis=1)
        cosine = (P * G).sum(1) / (np.maximum(norm, eps) * np.linalg.norm(G, axis=1))
        if np.abs(cosine).max() < delta / np.sqrt(P.shape[1]):
            u = P / (norm[:, None] + eps)
            return (Q - u * (u * Q).sum(1, keepdims=True)).reshape(p.shape), ratio
    return q, 1.0


def trained(optimizer, gradients, start, **options):
    p = torch.nn.Parameter(torch.tensor(start))
    optimizer = optimizer([p], **options)
    for g in gradients:
        p.grad = torch.tensor(g)
        optimizer.step()
    return p.detach().numpy()


rng = np.random.default_rng(0)
START, GRADIENTS = rng.normal(size=(2, 3)), rng.normal(size=(10, 2, 3))


@pytest.mark.parametrize("delta", [0.1, 1.0, 10.0])
def test_adamp_is_its_recursion(delta):
    p, m, v = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        q = m / (np.sqrt(v) / np.sqrt(1 - 0.999**t) + 1e-8)
        q, s = projected(p, g, q, delta, 0.1)
        p = p * (1 - 0.1 * 0.01 * s) - 0.1 / (1 - 0.9**t) * q
    got = trained(AdamP, GRADIENTS, START, lr=0.1, weight_decay=0.01, delta=delta)
    np.testing.assert_allclose(got, p, rtol=1e-12)


@pytest.mark.parametrize("project_buffer", [False, True])
def test_sgdp_is_its_recursion(project_buffer):
    p, b = START.copy(), 0
    for g in GRADIENTS:
        b = 0.9 * b + g
        q, s = projected(p, g, b, 1.0, 0.1)
        b = q if project_buffer else b
        p = p * (1 - 0.1 * 0.01 * s / 0.1) - 0.1 * q
    options = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "delta": 1.0}
    got = trained(SGDP, GRADIENTS, START, project_buffer=project_buffer, **options)
    np.testing.assert_allclose(got, p, rtol=1e-12)


def test_without_projection_they_are_those_of_torch():
    options = {"lr": 0.1, "weight_decay": 0.01}
    ours = trained(AdamP, GRADIENTS, START, delta=0, **options)
    np.testing.assert_allclose(
        ours, trained(torch.optim.AdamW, GRADIENTS, START, **options), rtol=1e-12
    )
    options = {"lr": 0.1, "momentum": 0.9}
    ours = trained(SGDP, GRADIENTS, START, delta=0, **options)
    np.testing.assert_allclose(
        ours, trained(torch.optim.SGD, GRADIENTS, START, **options), rtol=1e-12
    )
