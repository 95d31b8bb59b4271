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


# Rows are projected in some of these steps, the whole matrix in some, and nothing in others.
START = np.sin(np.arange(1, 7.0)).reshape(2, 3)
GRADIENTS = np.cos(np.arange(1, 61.0) ** 2).reshape(10, 2, 3)
DELTA = 0.8
DECAYED = {"lr": 0.1, "weight_decay": 0.1, "delta": DELTA, "wd_ratio": 0.1}
# The weights after the ten steps with the options above, and SGDP's momentum of .9, by nesterov.
# AdamP: adamp 0.3.0, the authors' package; torch-optimizer 0.3.0 gives the same. pytorch-optimizer
# 4.1.0 does with eps=1e-30, and is off by 4e-6 of the weights with the default: it adds eps to the
# root of the squares before the bias is corrected, not after.
PUBLISHED_ADAMP = {
    False: [[0.41803198353413296, 0.8926703237488842, -0.09866013796603314],
            [-0.7529993242419115, -1.4332088324425851, -0.12076824272942699]],
    True: [[0.30975650823211226, 0.8946107772982936, -0.13682103122169312],
           [-0.7288707884737871, -1.5696380574259887, -0.08918958240121927]],
}  # fmt: skip
# SGDP, by project_buffer and nesterov: adamp and torch-optimizer project the buffer,
# pytorch-optimizer does not; with Nesterov's momentum all agree.
_NESTEROV = [[-0.0424909222955946, -0.242670237793577, -0.7688395379867795],
             [-0.5372120693797096, -1.5809831699310006, -0.1553556721186334]]  # fmt: skip
PUBLISHED_SGDP = {
    (True, False): [[-0.22047308204684551, -0.37080766609157784, -0.6020095814979647],
                    [-0.44930786768424974, -1.075962601338141, 0.04788258336241406]],
    (False, False): [[-0.08223923538785224, -0.019329913170152785, -0.761722381989388],
                     [-0.6418532576294789, -1.4938289464400023, -0.03772587039707015]],
    (True, True): _NESTEROV,
    (False, True): _NESTEROV,
}  # fmt: skip


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("delta", [0.0, 0.1, DELTA, 10.0])
def test_adamp_is_its_recursion(delta, decay, nesterov):
    p, m, v = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = 0.9 * m + 0.1 * g if nesterov else m
        q = step / (np.sqrt(v) / np.sqrt(1 - 0.999**t) + 1e-8)
        q, s = projected(p, g, q, delta, 0.2)
        p = p * (1 - 0.1 * decay * s) - 0.1 / (1 - 0.9**t) * q
    options = {"weight_decay": decay, "delta": delta, "wd_ratio": 0.2, "nesterov": nesterov}
    got = trained(AdamP, GRADIENTS, START, lr=0.1, **options)
    np.testing.assert_allclose(got, p, rtol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("project_buffer", [False, True])
@pytest.mark.parametrize("dampening", [0.0, 0.5])
@pytest.mark.parametrize("delta", [0.0, 0.1, DELTA, 10.0])
def test_sgdp_is_its_recursion(delta, dampening, project_buffer, nesterov):
    p, b = START.copy(), 0
    for g in GRADIENTS:
        b = 0.9 * b + (1 - dampening) * g
        q, s = projected(p, g, g + 0.9 * b if nesterov else b, delta, 0.1)
        b = q if project_buffer and not nesterov else b
        p = p * (1 - 0.1 * 0.01 * s / 0.1) - 0.1 * q
    options = {"momentum": 0.9, "dampening": dampening, "weight_decay": 0.01, "delta": delta}
    options |= {"nesterov": nesterov, "project_buffer": project_buffer}
    got = trained(SGDP, GRADIENTS, START, lr=0.1, **options)
    np.testing.assert_allclose(got, p, rtol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_published_packages_agree(nesterov):
    got = trained(AdamP, GRADIENTS, START, **DECAYED, nesterov=nesterov)
    np.testing.assert_allclose(got, PUBLISHED_ADAMP[nesterov], rtol=1e-12)
    for project_buffer in (False, True):
        options = {"nesterov": nesterov, "project_buffer": project_buffer, "momentum": 0.9}
        got = trained(SGDP, GRADIENTS, START, **DECAYED, **options)
        np.testing.assert_allclose(got, PUBLISHED_SGDP[project_buffer, nesterov], rtol=1e-12)


@pytest.mark.parametrize(("start", "gradients", "delta"), [
    (START, GRADIENTS, 0.0), (START[0], GRADIENTS[:, 0], 10.0),
], ids=["delta=0", "vector"])  # fmt: skip
def test_without_projection_they_are_those_of_torch(start, gradients, delta):
    options = {"lr": 0.1, "weight_decay": 0.01}
    ours = trained(AdamP, gradients, start, delta=delta, **options)
    theirs = trained(torch.optim.AdamW, gradients, start, **options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    for nesterov in (False, True):
        options = {"lr": 0.1, "momentum": 0.9, "nesterov": nesterov}
        ours = trained(SGDP, gradients, start, delta=delta, **options)
        theirs = trained(torch.optim.SGD, gradients, start, **options)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_axes_beyond_the_first_are_one_and_the_layer_is_tried_second():
    """A kernel whose rows are not orthogonal to their gradients, but which is, is one row."""
    start = START.reshape(2, 3, 1)
    g = START * [[1.0], [-((START[0] ** 2).sum() / (START[1] ** 2).sum())]]
    got = trained(SGDP, [g.reshape(2, 3, 1)], start, lr=1.0, weight_decay=0.5)
    # The step is orthogonal already, and the decay is a tenth.
    np.testing.assert_allclose(got, (0.95 * START - g).reshape(2, 3, 1), rtol=1e-12)


def test_a_matrix_of_one_row_is_a_layer():
    """And so is a kernel with one output, whatever its other axes."""
    start, gradients = START.reshape(1, 6), GRADIENTS.reshape(10, 1, 6)
    flat = trained(SGDP, gradients, start, **DECAYED, momentum=0.9)
    kernel = trained(
        SGDP, GRADIENTS.reshape(10, 1, 2, 3), START.reshape(1, 2, 3), **DECAYED, momentum=0.9
    )
    np.testing.assert_array_equal(kernel.ravel(), flat.ravel())
    # Two rows that fail the test by rows pass that of the layer with the same step.
    g = np.array([[1.0, 0, 0], [-START[0, 0] / START[1, 0], 0, 0]])
    step = {"lr": 0.1, "momentum": 0.9}
    assert_rows_fail(START, g)
    rows = trained(SGDP, [g + 0.01 * START, g], START, **step)
    layer = trained(SGDP, [(g + 0.01 * START).reshape(1, 6), g.reshape(1, 6)], start, **step)
    np.testing.assert_allclose(rows.ravel(), layer.ravel(), rtol=1e-12)


def assert_rows_fail(p, g):
    cosine = (p * g).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(g, axis=1)
    assert np.abs(cosine).max() > 0.1 / np.sqrt(3)


@pytest.mark.parametrize(("optimizer", "options"), [(AdamP, {}), (SGDP, {"momentum": 0.9})])
def test_projected_steps_are_orthogonal_and_add_to_squared_norms(optimizer, options):
    """Whatever the gradient, above delta = sqrt(d): up to eps, beside norms of about 1."""
    p = torch.nn.Parameter(torch.tensor(START))
    optimizer = optimizer([p], lr=0.1, delta=10.0, **options)
    for g in GRADIENTS:
        before = p.detach().numpy().copy()
        p.grad = torch.tensor(g)
        optimizer.step()
        step = p.detach().numpy() - before
        lengths = np.linalg.norm(step, axis=1) * np.linalg.norm(before, axis=1)
        assert (np.abs((step * before).sum(1)) < 1e-7 * lengths).all()
        expected = (before**2).sum(1) + (step**2).sum(1)
        np.testing.assert_allclose((p.detach().numpy() ** 2).sum(1), expected, rtol=1e-7)
    assert optimizer.state[p]["projected"] == 10


def test_adamp_is_longer_than_the_learning_rate_by_its_bias_correction():
    g = GRADIENTS[0]
    q = projected(START, g, np.sign(g), 10.0, 0.1)[0]  # the first step of Adam is the sign
    got = trained(AdamP, [g], START, lr=0.1, delta=10.0)
    expected = (START**2).sum(1) + 0.1**2 * (q**2).sum(1)
    np.testing.assert_allclose((got**2).sum(1), expected, rtol=1e-7)


def test_projection_changes_a_scale_invariant_loss_by_the_second_order():
    """Ten times shorter steps: a hundred times less between them, ten times less in the loss."""
    A = torch.tensor(GRADIENTS[0])

    def loss(p):
        return ((p / p.norm(dim=1, keepdim=True) - A) ** 2).sum()

    momentum = GRADIENTS[1]
    differences, changes = [], []
    for lr in (1e-3, 1e-4):
        values = []
        for delta in (0.0, DELTA):
            p = torch.nn.Parameter(torch.tensor(START))
            optimizer = SGDP([p], lr=lr, momentum=0.9, delta=delta)
            optimizer.state[p]["momentum"] = torch.tensor(momentum)
            loss(p).backward()
            optimizer.step()
            values.append(loss(p).item())
        differences.append(abs(values[1] - values[0]))
        changes.append(abs(values[0] - loss(torch.tensor(START)).item()))
    assert 80 < differences[0] / differences[1] < 120
    assert 8 < changes[0] / changes[1] < 12


def test_projected_tensors_are_decayed_less_than_others():
    """Without gradients no step is made; a matrix counts as orthogonal, a vector never does."""
    matrix, vector = (torch.nn.Parameter(torch.tensor(part)) for part in (START, START[0]))
    optimizer = AdamP([matrix, vector], lr=0.1, weight_decay=0.5, wd_ratio=0.2)
    matrix.grad, vector.grad = torch.zeros_like(matrix), torch.zeros_like(vector)
    optimizer.step()
    np.testing.assert_allclose(matrix.detach(), (1 - 0.1 * 0.5 * 0.2) * START, rtol=1e-12)
    np.testing.assert_allclose(vector.detach(), (1 - 0.1 * 0.5) * START[0], rtol=1e-12)


def test_scale_invariant_rows_are_projected_and_others_are_not():
    A = torch.tensor(GRADIENTS[0])
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


def test_rows_of_zeros_leave_everything_finite():
    zero = np.zeros((2, 3))
    assert np.isfinite(trained(AdamP, GRADIENTS, zero, lr=0.1)).all()
    start = START * [[1.0], [0.0]]
    got = trained(SGDP, GRADIENTS[:1], start, lr=0.1, delta=10.0)
    # Nothing is along a row that has no direction.
    np.testing.assert_allclose(got[1], -0.1 * GRADIENTS[0, 1], rtol=1e-12)


def test_half_precision_and_strided_parameters():
    def after(start, gradient):
        p = torch.nn.Parameter(start)
        p.grad = gradient.to(start.dtype)
        AdamP([p], lr=0.1, delta=10.0).step()
        return p.detach()

    gradient = torch.tensor(GRADIENTS[0])
    strided = after(torch.tensor(START).T, gradient.T)
    assert not strided.is_contiguous()
    assert torch.equal(strided, after(torch.tensor(START).T.contiguous(), gradient.T.contiguous()))
    half = after(torch.tensor(START).to(torch.bfloat16), gradient).double()
    torch.testing.assert_close(half, after(torch.tensor(START), gradient), rtol=0.02, atol=0.02)


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


def test_states_hold_what_those_of_torch_do():
    p = torch.nn.Parameter(torch.tensor(START))
    p.grad = torch.tensor(GRADIENTS[0])
    for optimizer, names in ((AdamP([p]), {"step", "exp_avg", "exp_avg_sq", "projected"}),
                             (SGDP([p], lr=0.1), {"momentum", "projected"})):  # fmt: skip
        optimizer.step()
        assert set(optimizer.state[p]) == names


def test_groups_have_their_own_options_and_schedules_change_rates():
    first, second = (torch.nn.Parameter(torch.tensor(START)) for _ in range(2))
    groups = [{"params": [first]}, {"params": [second], "delta": 10.0, "lr": 0.3}]
    optimizer = SGDP(groups, lr=0.1, delta=0.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    p, q = START.copy(), START.copy()
    for k, g in enumerate(GRADIENTS[:3]):
        p = p - 0.1 * 0.5**k * g
        q = q - 0.3 * 0.5**k * projected(q, g, g, 10.0, 0.1)[0]
        first.grad, second.grad = torch.tensor(g), torch.tensor(g)
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(first.detach(), p, rtol=1e-12)
    np.testing.assert_allclose(second.detach(), q, rtol=1e-12)


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
