import { CambiumError } from "../base/error.ts";
import { resolveAxis, show, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectTensor, shown } from "./input.ts";

/** Its input, unchanged. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/**
 * The axes from `startDim` to `endDim` made one.
 * @shape [batch, a, b, …] → [batch, a · b · …]
 * @source PyTorch `nn.Flatten`
 */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }

  forward(x: Tensor): Tensor {
    const where = `Flatten(${this.startDim}, ${this.endDim})`;
    expectTensor(where, x);
    const first = resolveAxis(where, this.startDim, x.rank);
    const last = resolveAxis(where, this.endDim, x.rank);
    if (first > last) throw new CambiumError("shape", where, `axis ${first} comes after axis ${last} in ${show(x.shape)}`);
    return first === last ? x : x.reshape([...x.shape.slice(0, first), size(x.shape.slice(first, last + 1)), ...x.shape.slice(last + 1)]);
  }

  protected override describe(): string {
    return shown({ startDim: this.startDim, endDim: this.endDim });
  }
}

/**
 * One axis split into several; one of the sizes may be −1, for what is left.
 * @shape [..., a · b, ...] → [..., a, b, ...]
 * @source PyTorch `nn.Unflatten`
 */
export class Unflatten extends Module {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  constructor(dim: number, unflattenedSize: readonly number[]) {
    super();
    this.dim = dim;
    this.unflattenedSize = unflattenedSize;
  }

  forward(x: Tensor): Tensor {
    const where = `Unflatten(${this.dim}, ${show(this.unflattenedSize)})`;
    expectTensor(where, x);
    const axis = resolveAxis(where, this.dim, x.rank);
    const known = size(this.unflattenedSize.filter((d) => d !== -1));
    const sizes = this.unflattenedSize.map((d) => (d === -1 ? x.shape[axis]! / known : d));
    if (size(sizes) !== x.shape[axis] || !sizes.every(Number.isInteger))
      throw new CambiumError("shape", where, `axis ${axis} of ${show(x.shape)} has size ${x.shape[axis]}, which is not ${this.unflattenedSize.join(" · ")}`);
    return x.reshape([...x.shape.slice(0, axis), ...sizes, ...x.shape.slice(axis + 1)]);
  }

  protected override describe(): string {
    return shown({ dim: this.dim, unflattenedSize: this.unflattenedSize });
  }
}
