"""Functions that put arrays together and go along them, as NumPy, SciPy and PyTorch compute them, in double precision."""
import numpy as np
import scipy.linalg
import scipy.special as sp
import torch

from record import plain, tensor

rng = np.random.default_rng(31)


def cases():
    found = []

    def add(function, args, result, where="", options=None):
        """`function` of the front door, or of `where` (`linalg`, `fft`, `method` of the first argument); lists of arrays stay lists."""
        results = result if isinstance(result, list) else [result]
        whole = [*args, *([options] if options else [])]
        found.append({"name": f"{where}{'.' if where else ''}{function} {len(found)}", "function": function, "where": where, "args": plain(whole), "results": [tensor(np.asarray(r)) for r in results]})

    def pair(z):
        return np.stack([z.real, z.imag], -1)

    v, w = rng.normal(size=6), rng.normal(size=4)
    a, b, c = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 4))
    add("hstack", [[v, w]], np.hstack([v, w]))
    add("hstack", [[a, b]], np.hstack([a, b]))
    add("vstack", [[w, a]], np.vstack([w, a]))
    add("dstack", [[w, w]], np.dstack([w, w]))
    add("dstack", [[a, b]], np.dstack([a, b]))
    m = rng.normal(size=(6, 2))
    add("columnStack", [[v, m]], np.column_stack([v, m]))
    add("tensorSplit", [v, 4], np.array_split(v, 4))
    add("tensorSplit", [a, [1, 3], 1], np.array_split(a, [1, 3], 1))
    add("tensorSplit", [v, [2, -1]], np.array_split(v, [2, -1]))
    for k in (-1, 0, 1, 2, 3):
        add("rot90", [c, k, [1, 2]], np.rot90(c, k, (1, 2)))
    found_blocks = [a, w.reshape(2, 2), v]
    named = scipy.linalg.block_diag(*found_blocks)
    add("blockDiag", found_blocks, named)
    add("cartesianProd", [v, w], torch.cartesian_prod(torch.tensor(v), torch.tensor(w)).numpy())
    add("combinations", [w, 3], torch.combinations(torch.tensor(w), 3).numpy())
    add("combinations", [w, 2], torch.combinations(torch.tensor(w), 2, True).numpy(), options={"with_replacement": True})
    add("tensordot", [c, b, [[1, 2], [0, 1]]], np.tensordot(c, b, ([1, 2], [0, 1])))
    add("tensordot", [a, b.T, 1], np.tensordot(a, b.T, 1))
    add("tensordot", [v, w, 0], np.tensordot(v, w, 0))
    add("vander", [w], np.vander(w))
    add("vander", [w, 3], np.vander(w, 3, increasing=True), options={"increasing": True})
    x = np.sort(rng.normal(size=4))
    add("trapezoid", [a], np.trapezoid(a))
    add("trapezoid", [a], np.trapezoid(a, x), options={"x": x})
    add("trapezoid", [c], np.trapezoid(c, dx=0.5, axis=1), options={"dx": 0.5, "axis": 1})
    add("cumulativeTrapezoid", [a], torch.cumulative_trapezoid(torch.tensor(a), torch.tensor(x)).numpy(), options={"x": x})
    add("gradient", [a], np.gradient(a, 0.5, axis=1), options={"spacing": 0.5})
    add("gradient", [a], np.gradient(a, axis=0), options={"axis": 0})
    at = np.array([-9.0, x[0], 0.1, x[2], 9.0, (x[1] + x[2]) / 2])
    add("interp", [at, x, w], np.interp(at, x, w))
    for mode in ("full", "same", "valid"):
        add("convolve", [v, w], np.convolve(v, w, mode), options={"mode": mode})
        add("convolve", [w[:3], v], np.convolve(w[:3], v, mode), options={"mode": mode})
        add("correlate", [v, w], np.correlate(v, w, mode), options={"mode": mode})
        add("correlate", [w, v], np.correlate(w, v, mode), options={"mode": mode})
        add("correlate", [w[:3], v], np.correlate(w[:3], v, mode), options={"mode": mode})
    add("polyval", [w, a], np.polyval(w, a))
    add("polyfit", [v, v**3 - 2 * v + 0.1 * np.abs(v), 3], np.polyfit(v, v**3 - 2 * v + 0.1 * np.abs(v), 3))
    jumps = np.cumsum(rng.uniform(-4, 4, size=(2, 9)), 1)
    add("unwrap", [jumps], np.unwrap(jumps))
    add("unwrap", [jumps], np.unwrap(jumps, axis=0, period=3.0), options={"axis": 0, "period": 3.0})
    add("unwrap", [np.array([0.0, np.pi, 0.0])], np.unwrap([0.0, np.pi, 0.0]))
    for p in (1, 2, 3):
        add("renorm", [c, p, 1, 1.5], torch.renorm(torch.tensor(c), p, 1, 1.5).numpy())
    add("trilIndices", [3, 4, 1], torch.tril_indices(3, 4, 1).numpy())
    add("triuIndices", [3, 4], torch.triu_indices(3, 4).numpy())

    tails = np.array([-20.0, -3.0, -1.0, -0.2, 0.0, 0.7, 4.0, 24.9, 25.1, 400.0])
    add("erfcx", [tails], sp.erfcx(tails), "method")
    add("logNdtr", [np.array([-300.0, -36.0, -5.0, -1.01, -0.99, 0.0, 2.0, 9.0])], sp.log_ndtr(np.array([-300.0, -36.0, -5.0, -1.01, -0.99, 0.0, 2.0, 9.0])), "method")
    add("entr", [np.array([-1.0, 0.0, 1e-9, 0.5, 3.0])], sp.entr(np.array([-1.0, 0.0, 1e-9, 0.5, 3.0])), "method")
    add("xlog1py", [np.array([0.0, 2.0, 1.0]), np.array([-1.0, 1e-12, 3.0])], sp.xlog1py([0.0, 2.0, 1.0], [-1.0, 1e-12, 3.0]), "method")
    holes = np.where(c > 0.7, np.nan, c)
    add("nanProd", [holes, 1], np.nanprod(holes, 1), "method")
    add("nanVariance", [holes, 2], np.nanvar(holes, 2), "method")
    add("nanStd", [holes, [0, 2]], np.nanstd(holes, (0, 2), ddof=1), "method", {"correction": 1})
    add("nanMedian", [holes], np.nanmedian(holes), "method")
    add("nanMedian", [holes, 1], np.nanmedian(holes, 1), "method")
    add("nanQuantile", [holes, 0.3, 2], np.nanquantile(holes, 0.3, 2), "method")
    places = np.array([1, 0, 1, 1, 2], dtype=np.int32)
    updates = rng.normal(size=(5, 4))
    for ours, theirs in (("mul", "prod"), ("mean", "mean"), ("max", "amax"), ("min", "amin")):
        add("scatter", [a, places, updates, 0, ours], torch.tensor(a).index_reduce(0, torch.tensor(places.astype(np.int64)), torch.tensor(updates), theirs).numpy(), "method")
    along = np.array([[0, 3, 3, 0], [1, 1, 1, 2], [2, 0, 3, 1]], dtype=np.int32)
    for ours, theirs in (("mul", "prod"), ("mean", "mean")):
        add("scatterAlong", [a, along, b, 1, ours], torch.tensor(a).scatter_reduce(1, torch.tensor(along.astype(np.int64)), torch.tensor(b), theirs).numpy(), "method")

    z = rng.normal(size=(3, 4, 5)) + 1j * rng.normal(size=(3, 4, 5))
    add("fftn", [pair(z)], pair(np.fft.fftn(z)), "fft")
    add("fftn", [pair(z)], pair(np.fft.fftn(z, s=(2, 6), axes=(0, 2), norm="ortho")), "fft", {"s": [2, 6], "axes": [0, 2], "norm": "ortho"})
    add("ifftn", [pair(z)], pair(np.fft.ifftn(z)), "fft")
    add("rfftn", [z.real], pair(np.fft.rfftn(z.real)), "fft")
    add("rfftn", [z.real], pair(np.fft.rfftn(z.real, s=(4, 4), axes=(1, 0))), "fft", {"s": [4, 4], "axes": [1, 0]})
    half = np.fft.rfftn(z.real)
    add("irfftn", [pair(half)], np.fft.irfftn(half, z.shape, axes=(0, 1, 2)), "fft", {"s": list(z.shape)})
    for norm in ("backward", "ortho", "forward"):
        add("hfft", [pair(z[0])], np.fft.hfft(z[0], norm=norm), "fft", {"norm": norm})
        add("ihfft", [z.real], pair(np.fft.ihfft(z.real, norm=norm)), "fft", {"norm": norm})

    chain = [rng.normal(size=s) for s in ((3, 6), (6, 2), (2, 5), (5, 4))]
    add("multiDot", [chain], np.linalg.multi_dot(chain), "linalg")
    add("multiDot", [[w[:3], chain[0], v]], np.linalg.multi_dot([w[:3], chain[0], v]), "linalg")
    add("vecdot", [a, b], np.linalg.vecdot(a, b), "linalg")
    for order in (0.5, 1, 2, 3):
        add("vectorNorm", [c, order], np.linalg.vector_norm(c, axis=(0, 2), ord=order), "linalg", {"axes": [0, 2]})
    add("vectorNorm", [c], np.linalg.vector_norm(c), "linalg")
    add("matrixNorm", [c], np.linalg.matrix_norm(c), "linalg")
    add("matrixNorm", [c, "nuc"], np.linalg.matrix_norm(c, ord="nuc"), "linalg")
    solid = rng.normal(size=(2, 3, 6))
    add("tensorsolve", [solid, a[:2, :3]], np.linalg.tensorsolve(solid, a[:2, :3]), "linalg")
    add("tensorinv", [solid, 2], np.linalg.tensorinv(solid, 2), "linalg")
    return found
