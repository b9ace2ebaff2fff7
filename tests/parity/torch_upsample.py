"""Cases of torch.nn.Upsample: every mode, up and down, by sizes and by factors that do not divide."""

from __future__ import annotations

from torch_module import case, spec

SPATIAL = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


def cases() -> list[dict]:
    shapes = {1: (2, 2, 5), 2: (1, 2, 3, 5), 3: (1, 1, 3, 2, 4)}
    sizes = {1: 7, 2: [5, 4], 3: [2, 5, 6]}
    factors = {1: 1.7, 2: (1.5, 0.7), 3: (1.4, 2, 1.5)}
    plain = [(mode, rank) for mode in ("nearest", "nearest-exact", "area") for rank in (1, 2, 3)]
    found = []
    for mode, rank in plain + list(SPATIAL.items()):
        for corners in (False, True) if mode in SPATIAL else (None,):
            options = {"mode": mode} | ({"align_corners": True} if corners else {})
            name = f"{mode} {rank}d" + (", corners aligned" if corners else "")
            found += [
                case(f"{name}, to sizes", spec("Upsample", size=sizes[rank], **options), shapes[rank]),
                case(f"{name}, by factors", spec("Upsample", scale_factor=factors[rank], **options), shapes[rank]),
            ]
    return [
        *found,
        case("bilinear with its factor computed anew", spec("Upsample", scale_factor=1.5, mode="bilinear", recompute_scale_factor=True), (1, 1, 3, 5)),
        case("bilinear by a factor too small to enlarge", spec("Upsample", scale_factor=1.2, mode="bilinear"), (1, 1, 3, 4)),
        case("UpsamplingNearest2d", spec("UpsamplingNearest2d", scale_factor=2), (1, 2, 2, 3)),
        case("UpsamplingBilinear2d", spec("UpsamplingBilinear2d", size=[5, 4]), (1, 2, 3, 2)),
    ]
