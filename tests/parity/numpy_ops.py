"""Ops of every family as NumPy, SciPy and PyTorch compute them, in double precision."""
import numpy as np
import scipy.special as sp
import torch

from record import tensor

rng = np.random.default_rng(23)


def case(name, arguments, result, args=(), function=None):
    """`function` of the front door or of `fft`; without it `name` is a method of the first argument."""
    results = result if isinstance(result, list) else [result]
    return {"name": f"{name} {len(CASES)}", "op": name, "function": function or "", "inputs": [tensor(np.asarray(a)) for a in arguments], "args": list(args), "results": [tensor(np.asarray(r)) for r in results]}


CASES = []


def add(*given, **more):
    CASES.append(case(*given, **more))


def pair(z):
    return np.stack([z.real, z.imag], -1)


def channels_last(x):
    return torch.tensor(x).permute(0, 3, 1, 2)


def cases():
    x = rng.normal(size=(4, 5))
    ties = rng.integers(0, 4, size=(3, 9)).astype(np.float64)
    wide = np.array([-3.7, -1.5, -0.25, 1e-3, 0.3, 0.5, 1.0, 1.5, 2.0, 7.5, 19.5, 25.0, 150.0])
    above = np.array([1e-3, 0.3, 1.0, 2.5, 10.0, 77.0])
    near = np.array([-0.999999, -0.9, -0.5, 0.0, 1e-5, 0.3, 0.99])
    add("lgamma", [wide], sp.gammaln(wide))
    add("digamma", [wide], sp.digamma(wide))
    for n in (1, 2, 3):
        add("polygamma", [above], sp.polygamma(n, above), [n])
    add("erfinv", [near], sp.erfinv(near))
    add("ndtr", [wide], sp.ndtr(wide))
    add("ndtri", [np.abs(near) + 1e-4 * (near == 0)], sp.ndtri(np.abs(near) + 1e-4 * (near == 0)))
    for f in ("i0", "i1", "i0e", "i1e"):
        add(f, [np.array([-40.0, -5.5, -0.1, 0, 0.1, 3, 29.9, 30.1, 100])], getattr(sp, f)(np.array([-40.0, -5.5, -0.1, 0, 0.1, 3, 29.9, 30.1, 100])))
    add("sinc", [np.append(near, 2.5)], np.sinc(np.append(near, 2.5)))
    add("logit", [np.array([0.01, 0.5, 0.9])], sp.logit(np.array([0.01, 0.5, 0.9])))
    add("xlogy", [np.array([0, 0, 2.0]), np.array([0, 3.0, 0.5])], sp.xlogy([0, 0, 2.0], [0, 3.0, 0.5]))
    add("logAddExp", [np.array([-np.inf, 1000.0, 1]), np.array([-np.inf, 999.0, -np.inf])], np.logaddexp([-np.inf, 1000.0, 1], [-np.inf, 999.0, -np.inf]))

    add("argSort", [ties], np.argsort(ties, kind="stable"))
    add("sort", [np.where(ties == 2, np.nan, ties)], np.sort(np.where(ties == 2, np.nan, ties)))
    big = rng.normal(size=1500)
    add("argSort", [big], np.argsort(big, kind="stable"))
    add("cumSum", [x], np.cumsum(x, 0), [0])
    add("cumProd", [x], np.cumprod(x, 1), [1])
    add("cumMax", [x], np.maximum.accumulate(x, 1), [1])
    add("cumMin", [x], np.minimum.accumulate(x, 0), [0])
    add("logCumSumExp", [x], torch.logcumsumexp(torch.tensor(x), 1).numpy(), [1])
    add("diff", [x], np.diff(x, 2, 1), [2, 1])
    edges = np.array([-1.0, 0, 0, 1])
    add("searchSorted", [edges, ties[0] - 1], np.searchsorted(edges, ties[0] - 1), function="front")
    add("digitize", [x, np.array([-1.0, 0, 1])], np.digitize(x, [-1.0, 0, 1]), function="front")

    places = np.array([[0, 3], [4, 4], [2, -1], [1, 0]], dtype=np.int32)
    add("takeAlongAxis", [x, places], np.take_along_axis(x, places, 1), [1])
    add("take", [x, np.array([3, -1], dtype=np.int32)], np.take(x, [3, -1], 0), [0])
    put = torch.tensor(x)
    index = torch.tensor([[0, 3], [4, 4], [2, 1], [1, 0]])
    new = torch.tensor(rng.normal(size=(4, 2)))
    add("scatterAlong", [x, index.numpy().astype(np.int32), new], put.scatter_add(1, index, new).numpy(), [1, "add"])
    add("scatterAlong", [x, index.numpy().astype(np.int32), new], put.scatter_reduce(1, index, new, "amax").numpy(), [1, "max"])
    add("scatterAlong", [x, index.numpy().astype(np.int32), new], put.scatter_reduce(1, index, new, "amin").numpy(), [1, "min"])
    set_ = x.copy()
    set_[[2, 0]] = 7
    add("scatter", [x, np.array([2, 0], dtype=np.int32), np.float64(7)], set_, [0])
    add("roll", [x], np.roll(x, (1, -2), (0, 1)), [[1, -2], [0, 1]])
    for mode in ("reflect", "symmetric", "edge", "wrap"):
        add("padBorder", [x], np.pad(x, ((1, 2), (3, 0)), mode=mode), [[1, 3], [2, 0], mode])
    add("diagonal", [x], np.diagonal(x, 1), [1])
    add("trace", [x], np.trace(x))
    add("diag", [x[0]], np.diag(x[0], -1), [-1])
    add("kron", [x[:2, :2], x[:3]], np.kron(x[:2, :2], x[:3]))
    add("cross", [x[:, :3], x[0, 2:]], np.cross(x[:, :3], x[0, 2:]))
    add("slidingWindow", [x], np.lib.stride_tricks.sliding_window_view(x, 2, 1), [2])

    add("quantile", [x], np.quantile(x, [0.1, 0.5, 0.77], axis=1), [[0.1, 0.5, 0.77], 1])
    for method in ("lower", "higher", "midpoint", "nearest"):
        add("quantile", [x], np.quantile(x, 0.4, method=method), [0.4, [0, 1], {"method": method}])
    add("median", [x], np.median(x, 0), [0])
    holes = np.where(x > 0.8, np.nan, x)
    add("nanSum", [holes], np.nansum(holes, 1), [1])
    add("nanMean", [holes], np.nanmean(holes, 0), [0])
    add("nanMax", [holes], np.nanmax(holes))
    add("cov", [x], np.cov(x))
    add("corrcoef", [x], np.corrcoef(x))
    counts, edges = np.histogram(x, 6)
    add("histogram", [x], [counts, edges], [{"bins": 6}], function="front")
    add("bincount", [np.array([0, 3, 1, 3], dtype=np.int32)], np.bincount([0, 3, 1, 3], minlength=5), [5], function="front")
    for p in (1, 2, 3):
        add("cdist", [x, x[:2] + 1], torch.cdist(torch.tensor(x), torch.tensor(x[:2] + 1), p=p).numpy(), [p])
    add("cosineSimilarity", [x, x[::-1].copy()], torch.cosine_similarity(torch.tensor(x), torch.tensor(x[::-1].copy()), -1).numpy())

    for n in (1, 2, 7, 12, 30, 47, 94, 128):
        z = rng.normal(size=n) + 1j * rng.normal(size=n)
        add("fft", [pair(z)], pair(np.fft.fft(z)), function="fft")
        add("ifft", [pair(z)], pair(np.fft.ifft(z)), function="fft")
        add("rfft", [z.real], pair(np.fft.rfft(z.real)), function="fft")
        half = np.fft.rfft(z.real)
        add("irfft", [pair(half)], np.fft.irfft(half, n), [{"n": n}], function="fft")
    plane = rng.normal(size=(6, 5)) + 1j * rng.normal(size=(6, 5))
    add("fft2", [pair(plane)], pair(np.fft.fft2(plane)), function="fft")
    add("ifft2", [pair(plane)], pair(np.fft.ifft2(plane, norm="ortho")), [{"norm": "ortho"}], function="fft")
    add("rfft2", [x], pair(np.fft.rfft2(x)), function="fft")
    add("fft", [pair(plane)], pair(np.fft.fft(plane, 4, 0)), [{"n": 4, "axis": 0}], function="fft")
    add("fftShift", [x], np.fft.fftshift(x), function="fft")
    signal = rng.normal(size=(2, 50))
    spectrum = torch.stft(torch.tensor(signal), 16, 5, window=torch.ones(16, dtype=torch.float64), return_complex=True)
    add("stft", [signal], pair(spectrum.numpy()), [16, {"hop": 5}], function="fft")
    add("istft", [pair(spectrum.numpy())], torch.istft(spectrum, 16, 5, window=torch.ones(16, dtype=torch.float64)).numpy(), [16, {"hop": 5}], function="fft")

    image = rng.normal(size=(1, 4, 5, 2))
    for size in ([7, 3], [2, 9]):
        for method, name, options in [
            ("nearest", "nearest", {}), ("nearestExact", "nearest-exact", {}), ("area", "area", {}),
            ("linear", "bilinear", {}), ("linear", "bilinear", {"align_corners": True}), ("cubic", "bicubic", {}), ("cubic", "bicubic", {"align_corners": True}),
        ]:
            made = torch.nn.functional.interpolate(channels_last(image), size=size, mode=name, **options).permute(0, 2, 3, 1)
            add("resize", [image], made.numpy(), [size, {"method": method, **({"alignCorners": True} if options else {})}])
    grid = rng.uniform(-1.4, 1.4, size=(1, 3, 4, 2))
    for method, name in (("linear", "bilinear"), ("nearest", "nearest")):
        for border, padding in (("zeros", "zeros"), ("edge", "border"), ("reflect", "reflection")):
            for corners in (False, True):
                made = torch.nn.functional.grid_sample(channels_last(image), torch.tensor(grid), name, padding, corners).permute(0, 2, 3, 1)
                add("gridSample", [image, grid], made.numpy(), [{"method": method, "border": border, "alignCorners": corners}], function="front")
    theta = rng.normal(size=(2, 2, 3))
    for corners in (False, True):
        add("affineGrid", [theta], torch.nn.functional.affine_grid(torch.tensor(theta), (2, 1, 3, 4), align_corners=corners).numpy(), [[3, 4], corners], function="front")
    return CASES
