"""Linear algebra as NumPy and SciPy compute it, in double precision."""
import numpy as np
import scipy.linalg

rng = np.random.default_rng(17)


def tensor(x):
    x = np.asarray(x, dtype=np.float64)
    return {"shape": list(x.shape), "dtype": "float64", "data": x.ravel().tolist()}


def case(name, arguments, results, options=None):
    return {"function": name, "args": [tensor(a) for a in arguments], "options": options or {}, "results": [tensor(r) for r in results]}


def cases():
    square, batch = rng.normal(size=(5, 5)), rng.normal(size=(3, 4, 4))
    tall, wide, low = rng.normal(size=(6, 3)), rng.normal(size=(3, 5)), rng.normal(size=(5, 2)) @ rng.normal(size=(2, 4))
    positive = batch @ batch.transpose(0, 2, 1) + np.eye(4)
    big = rng.normal(size=(20, 20))
    vector, columns = rng.normal(size=5), rng.normal(size=(5, 2))
    la = np.linalg
    out = [
        case("solve", [square, columns], [la.solve(square, columns)]),
        case("solve", [square, vector], [la.solve(square, vector)]),
        case("solve", [batch, columns[:4]], [la.solve(batch, np.broadcast_to(columns[:4], (3, 4, 2)))]),
        case("solve", [big, big[:, :3]], [la.solve(big, big[:, :3])]),
        case("inv", [square], [la.inv(square)]),
        case("inv", [batch], [la.inv(batch)]),
        case("cholesky", [positive], [la.cholesky(positive)]),
        case("det", [square], [la.det(square)]),
        case("det", [batch], [la.det(batch)]),
        case("det", [np.ones((2, 2))], [0.0]),
        case("slogdet", [batch], list(la.slogdet(batch))),
        case("slogdet", [big], list(la.slogdet(big))),
        case("pinv", [tall], [la.pinv(tall)]),
        case("pinv", [low], [la.pinv(low)]),
        case("lstsq", [tall, rng.normal(size=6)], []),
        case("lstsq", [low, columns], []),
        case("matrixRank", [low], [la.matrix_rank(low)]),
        case("matrixRank", [batch], [la.matrix_rank(batch)]),
        case("cond", [square], [la.cond(square)]),
        case("eigvalsh", [positive], [la.eigvalsh(positive)]),
        case("eigvalsh", [big + big.T], [la.eigvalsh(big + big.T)]),
        case("svdvals", [tall], [la.svd(tall, compute_uv=False)]),
        case("svdvals", [wide], [la.svd(wide, compute_uv=False)]),
        case("svdvals", [big], [la.svd(big, compute_uv=False)]),
        case("qr", [tall], list(la.qr(tall))),
        case("qr", [wide], list(la.qr(wide))),
        case("qr", [batch], list(la.qr(batch))),
        case("qr", [big], list(la.qr(big))),
        case("matrixExp", [square], [scipy.linalg.expm(square)]),
        case("matrixExp", [20 * square], [scipy.linalg.expm(20 * square)]),
        case("matrixExp", [batch], [scipy.linalg.expm(batch)]),
    ]
    for c in out:
        if c["function"] == "lstsq":
            a, b = (np.array(t["data"]).reshape(t["shape"]) for t in c["args"])
            c["results"] = [tensor(la.lstsq(a, b, rcond=None)[0])]
    for power in (0, 1, 5, -2):
        out.append(case("matrixPower", [square], [la.matrix_power(square, power)], {"power": power}))
    for lower in (True, False):
        t = np.tril(square) if lower else np.triu(square)
        out.append(case("solveTriangular", [square, columns], [la.solve(t, columns)], {"upper": not lower}))
    for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        text = {np.inf: "Infinity", -np.inf: "-Infinity"}.get(order, order)
        out.append(case("norm", [tall], [la.norm(tall, order)], {"order": text}))
    for order in (0, 1, 2, 3, 0.5, -1, np.inf, -np.inf):
        text = {np.inf: "Infinity", -np.inf: "-Infinity"}.get(order, order)
        out.append(case("norm", [tall], [la.norm(tall, order, axis=0)], {"order": text, "axes": 0}))
    out.append(case("norm", [batch], [la.norm(batch, "nuc", axis=(0, 2))], {"order": "nuc", "axes": [0, 2]}))
    return [{"name": f"{c['function']} {i}", **c} for i, c in enumerate(out)]
