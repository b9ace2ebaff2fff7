/** How alike or far apart vectors are. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { fromArray } from "../tensor/create.ts";
import { norm } from "../tensor/linalg.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectTensor, shown } from "./input.ts";

/** The cosine of the angle between `a` and `b` along `dim`; lengths count as at least `eps`. */
export function cosineSimilarity(a: Tensor, b: Tensor, dim = 1, eps = 1e-8): Tensor {
  const unit = (x: Tensor): Tensor => x.div(x.norm(dim, { keep: true }).maximum(eps));
  return unit(a).mul(unit(b)).sum(dim);
}

/** The p-norm of `a − b + eps` along the last axis. */
export function pairwiseDistance(a: Tensor, b: Tensor, p = 2, eps = 1e-6, keep = false): Tensor {
  const apart = a.sub(b).add(eps);
  if (p === 2) return apart.norm(-1, { keep });
  const sizes = apart.abs();
  if (p === Number.POSITIVE_INFINITY) return sizes.max(-1, { keep });
  if (p === 1) return sizes.sum(-1, { keep });
  return sizes
    .pow(p)
    .sum(-1, { keep })
    .pow(1 / p);
}

/** The distances of all pairs of rows, each pair once: of row 0 from all later ones, then of row 1, … @shape [n, size] → [n (n − 1) / 2] @source PyTorch `F.pdist` */
export function pdist(x: Tensor, p = 2): Tensor {
  if (x.rank !== 2) throw new CambiumError("shape", "pdist", `the input is ${show(x.shape)}; it holds a vector a row: [n, size]`);
  const n = x.shape[0]!;
  const pairs = Array.from({ length: n }, (_, i) => Array.from({ length: n - 1 - i }, (_, k) => [i, i + 1 + k] as const)).flat();
  const rows = (side: 0 | 1): Tensor => x.gather(fromArray(Int32Array.from(pairs, (pair) => pair[side])), 0);
  return norm(rows(0).sub(rows(1)), p, { axes: -1 });
}

/**
 * The cosine of the angle between two tensors along `dim`.
 * @shape [..., n, ...], [..., n, ...] → [..., ...]
 * @source PyTorch `nn.CosineSimilarity`
 */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor({ dim = 1, eps = 1e-8 }: { dim?: number; eps?: number } = {}) {
    super();
    this.dim = dim;
    this.eps = eps;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    expectTensor("CosineSimilarity", a);
    expectTensor("CosineSimilarity", b);
    return cosineSimilarity(a, b, this.dim, this.eps);
  }

  protected override describe(): string {
    return shown({ dim: this.dim, eps: this.eps });
  }
}

/**
 * The p-norm of the difference of two tensors along the last axis.
 * @shape [..., n], [..., n] → [...]
 * @source PyTorch `nn.PairwiseDistance`
 */
export class PairwiseDistance extends Module {
  readonly p: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor({ p = 2, eps = 1e-6, keepdim = false }: { p?: number; eps?: number; keepdim?: boolean } = {}) {
    super();
    this.p = p;
    this.eps = eps;
    this.keepdim = keepdim;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    expectTensor("PairwiseDistance", a);
    expectTensor("PairwiseDistance", b);
    return pairwiseDistance(a, b, this.p, this.eps, this.keepdim);
  }

  protected override describe(): string {
    return shown({ p: this.p, eps: this.eps, keepdim: this.keepdim });
  }
}
