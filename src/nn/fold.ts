/** Windows taken out of images as columns, and columns added back: each is the other's gradient. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { convOutput } from "../ops/conv.ts";
import { stack, zeros } from "../tensor/create.ts";
import { vjp } from "../tensor/functional.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectTensor, perAxis, shown, type Sizes } from "./input.ts";

export interface FoldOptions {
  /** Default 1. */
  dilation?: Sizes;
  /** Zeros on both sides. Default 0. */
  padding?: Sizes;
  /** Default 1. */
  stride?: Sizes;
}

abstract class Windows extends Module {
  readonly kernelSize: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly number[];
  readonly stride: readonly number[];

  constructor(kernelSize: Sizes, { dilation = 1, padding = 0, stride = 1 }: FoldOptions) {
    super();
    const where = this.constructor.name;
    this.kernelSize = perAxis(where, "kernelSize", kernelSize, 2);
    this.dilation = perAxis(where, "dilation", dilation, 2);
    this.padding = perAxis(where, "padding", padding, 2, 0);
    this.stride = perAxis(where, "stride", stride, 2);
  }

  protected places(input: Shape): number[] {
    return convOutput(input, this.kernelSize, this);
  }

  /** [batch, channels, height, width] → [batch, channels · places of the window, windows] */
  protected columns(x: Tensor): Tensor {
    const [n, c, ...space] = x.shape as [number, number, ...number[]];
    const sizes = this.places(space);
    const around = [0, 0, ...this.padding];
    const room = this.padding.some((p) => p > 0) ? x.pad(around, around) : x;
    const parts = Array.from({ length: size(this.kernelSize) }, (_, k) => {
      const at = [Math.floor(k / this.kernelSize[1]!) * this.dilation[0]!, (k % this.kernelSize[1]!) * this.dilation[1]!];
      const end = at.map((from, i) => from + (sizes[i]! - 1) * this.stride[i]! + 1);
      return room.slice([0, 0, ...at], [n, c, ...end], [1, 1, ...this.stride]).reshape([n, c, size(sizes)]);
    });
    return stack(parts, 2).reshape([n, c * parts.length, size(sizes)]);
  }

  protected override describe(): string {
    const { kernelSize, dilation, padding, stride } = this;
    return shown({ kernelSize, dilation, padding, stride });
  }
}

/**
 * The windows of images as columns.
 * @shape [batch, channels, height, width] → [batch, channels · kernel, windows], also without batch
 * @source PyTorch `nn.Unfold`
 */
export class Unfold extends Windows {
  constructor(kernelSize: Sizes, options: FoldOptions = {}) {
    super(kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    expectTensor("Unfold", x);
    if (x.rank === 3) return this.forward(x.expandDims(0)).squeeze(0);
    if (x.rank !== 4) throw new CambiumError("shape", "Unfold", `expected [batch, channels, height, width] or the same without batch, got ${show(x.shape)}`);
    return this.columns(x);
  }
}

/**
 * Columns added back as the windows of images.
 * @shape [batch, channels · kernel, windows] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.Fold`
 */
export class Fold extends Windows {
  readonly outputSize: readonly number[];

  constructor(outputSize: Sizes, kernelSize: Sizes, options: FoldOptions = {}) {
    super(kernelSize, options);
    this.outputSize = perAxis("Fold", "outputSize", outputSize, 2);
  }

  forward(x: Tensor): Tensor {
    expectTensor("Fold", x);
    if (x.rank === 2) return this.forward(x.expandDims(0)).squeeze(0);
    const [n, columns, windows] = x.shape;
    const [kernel, expected] = [size(this.kernelSize), size(this.places(this.outputSize))];
    if (x.rank !== 3 || columns! % kernel !== 0 || windows !== expected)
      throw new CambiumError("shape", "Fold", `expected [batch, a multiple of ${kernel}, ${expected} windows], got ${show(x.shape)}`);
    const image = zeros([n!, columns! / kernel, ...this.outputSize], { dtype: x.dtype });
    return vjp((image: Tensor) => this.columns(image), image)[1](x)[0]!;
  }

  protected override describe(): string {
    return `outputSize=${show(this.outputSize)}, ${super.describe()}`;
  }
}
