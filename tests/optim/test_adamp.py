"""AdamP and SGDP beside their recursions in numpy and optimisers of torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skweight.optim import SGDP, AdamP  # noqa: E402


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


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("dampening", [0.0, 0.5])
def test_sgdp_with_dampening_and_nesterov_is_its_recursion(nesterov, dampening):
    p, b = START.copy(), 0
    for g in GRADIENTS:
        b = 0.9 * b + (1 - dampening) * g
        q, s = projected(p, g, g + 0.9 * b if nesterov else b, 1.0, 0.1)
        p = p * (1 - 0.1 * 0.01 * s / 0.1) - 0.1 * q
    options = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "delta": 1.0}
    got = trained(SGDP, GRADIENTS, START, nesterov=nesterov, dampening=dampening, **options)
    np.testing.assert_allclose(got, p, rtol=1e-12)


def test_adamp_with_nesterov_is_its_recursion():
    p, m, v = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        q = (0.9 * m + 0.1 * g) / (np.sqrt(v) / np.sqrt(1 - 0.999**t) + 1e-8)
        p = p - 0.1 / (1 - 0.9**t) * projected(p, g, q, 1.0, 0.1)[0]
    got = trained(AdamP, GRADIENTS, START, lr=0.1, delta=1.0, nesterov=True)
    np.testing.assert_allclose(got, p, rtol=1e-12)


def test_axes_beyond_the_first_are_one_and_the_layer_is_tried_second():
    """A kernel whose rows are not orthogonal to their gradients, but which is, is one row."""
    start = START.reshape(2, 3, 1)
    g = START * [[1.0], [-((START[0] ** 2).sum() / (START[1] ** 2).sum())]]
    got = trained(SGDP, [g.reshape(2, 3, 1)], start, lr=1.0, weight_decay=0.5)
    # The step is orthogonal already, and the decay is a tenth.
    np.testing.assert_allclose(got, (0.95 * START - g).reshape(2, 3, 1), rtol=1e-12)


@pytest.mark.parametrize("optimizer", [AdamP, SGDP])
def test_vectors_are_never_projected(optimizer):
    gradients, start = GRADIENTS[:, 0], START[0]
    got = trained(optimizer, gradients, start, lr=0.1, delta=10.0)
    plain = trained(optimizer, gradients, start, lr=0.1, delta=0.0)
    np.testing.assert_array_equal(got, plain)


def test_norms_of_rows_grow_by_the_steps_alone():
    """Orthogonal steps: squared norms add up, with the bias correction in AdamP's step."""
    for optimizer, first in ((SGDP, 0.1), (AdamP, 0.1 / (1 - 0.9))):
        p = torch.nn.Parameter(torch.tensor(START))
        step = optimizer([p], lr=0.1, delta=10.0)
        p.grad = torch.tensor(GRADIENTS[0])
        step.step()
        g = GRADIENTS[0]
        q = g if optimizer is SGDP else 0.1 * g / (np.abs(g) * np.sqrt(0.001 / (1 - 0.999)) + 1e-8)
        q = projected(START, g, q, 10.0, 0.1)[0]
        assert np.abs((q * START).sum(1)).max() < 1e-7
        expected = (START**2).sum(1) + first**2 * (q**2).sum(1)
        np.testing.assert_allclose((p.detach().numpy() ** 2).sum(1), expected, rtol=1e-7)


def test_scale_invariant_rows_are_projected_and_others_are_not():
    A = torch.tensor(rng.normal(size=(2, 3)))
    losses = {
        True: lambda p: ((p / p.norm(dim=1, keepdim=True) - A) ** 2).sum(),
        False: lambda p: ((p - A) ** 2).sum(),
    }
    for invariant, loss in losses.items():
        p = torch.nn.Parameter(torch.tensor(START))
        optimizer = SGDP([p], lr=1e-3, momentum=0.9)
        for _ in range(5):
            optimizer.zero_grad()
            loss(p).backward()
            optimizer.step()
        assert optimizer.state[p]["projected"] == (5 if invariant else 0)


def test_zeros_leave_everything_finite_and_are_decayed_less():
    zero = np.zeros((2, 3))
    assert np.isfinite(trained(AdamP, GRADIENTS, zero, lr=0.1)).all()
    got = trained(AdamP, [zero], START, lr=0.1, weight_decay=1.0)
    np.testing.assert_allclose(got, 0.99 * START, rtol=1e-12)


def test_half_precision_and_strided_parameters():
    half = torch.nn.Parameter(torch.tensor(START).to(torch.bfloat16))
    strided = torch.nn.Parameter(torch.tensor(START).T)
    for p in (half, strided):
        p.grad = torch.ones_like(p)
        AdamP([p], delta=10.0).step()
        assert torch.isfinite(p).all()


@pytest.mark.parametrize(("optimizer", "options"), [(AdamP, {}), (SGDP, {"momentum": 0.9})])
def test_a_saved_state_goes_on_as_if_nothing_happened(optimizer, options):
    p = torch.nn.Parameter(torch.tensor(START))
    first = optimizer([p], lr=0.1, delta=1.0, **options)
    for k, g in enumerate(GRADIENTS):
        if k == 5:
            second = optimizer([p], lr=9.0)
            second.load_state_dict(first.state_dict())
            first = second
        p.grad = torch.tensor(g)
        first.step()
    whole = trained(optimizer, GRADIENTS, START, lr=0.1, delta=1.0, **options)
    np.testing.assert_array_equal(p.detach().numpy(), whole)


def test_a_closure_is_differentiated_and_parameters_without_gradient_stay():
    p, other = (torch.nn.Parameter(torch.tensor(START)) for _ in range(2))
    optimizer = SGDP([p, other], lr=0.5)

    def loss():
        optimizer.zero_grad()
        value = p.square().sum() / 2
        value.backward()
        return value

    np.testing.assert_allclose(optimizer.step(loss).item(), (START**2).sum() / 2)
    np.testing.assert_allclose(p.detach().numpy(), START / 2)
    np.testing.assert_array_equal(other.detach().numpy(), START)


@pytest.mark.parametrize("options", [
    {"lr": -1.0}, {"eps": -1.0}, {"weight_decay": -1.0}, {"delta": -1.0}, {"wd_ratio": 2.0},
    {"lr": float("nan")},
])  # fmt: skip
@pytest.mark.parametrize("optimizer", [AdamP, SGDP])
def test_options_out_of_range(optimizer, options):
    (name,) = options
    p = torch.nn.Parameter(torch.zeros(2, 2))
    with pytest.raises(ValueError, match=f"{name} must be"):
        optimizer([p], **{"lr": 0.1, **options})
    with pytest.raises(ValueError, match=f"{name} must be"):
        optimizer([{"params": [p], **options}], lr=0.1)


def test_other_bad_input():
    p = torch.nn.Parameter(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="betas must be"):
        AdamP([p], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match=r"momentum must be .* got 1"):
        SGDP([p], lr=0.1, momentum=1)
    p.grad = torch.zeros(2, 2).to_sparse()
    with pytest.raises(RuntimeError, match="sparse gradients"):
        AdamP([p]).step()
    z = torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.complex64))
    z.grad = torch.zeros_like(z)
    with pytest.raises(RuntimeError, match="complex parameters"):
        SGDP([z], lr=0.1).step()


@pytest.mark.parametrize(("package", "name", "more"), [
    ("adamp", "AdamP", {}),
    ("adamp", "SGDP", {"project_buffer": True}),
    ("torch_optimizer", "AdamP", {}),
    ("torch_optimizer", "SGDP", {"project_buffer": True}),
    ("pytorch_optimizer", "SGDP", {"project_buffer": False}),
])  # fmt: skip
@pytest.mark.parametrize("nesterov", [False, True])
def test_published_packages_agree(package, name, more, nesterov):
    theirs = getattr(pytest.importorskip(package), name)
    ours = {"AdamP": AdamP, "SGDP": SGDP}[name]
    options = {"lr": 0.1, "weight_decay": 0.01, "delta": 1.0, "wd_ratio": 0.1}
    options |= {"nesterov": nesterov} | ({"momentum": 0.9} if name == "SGDP" else {})
    expected = trained(theirs, GRADIENTS, START, **options)
    got = trained(ours, GRADIENTS, START, **options, **more)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
