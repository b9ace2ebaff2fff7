import { CambiumError } from "../base/error.ts";
import { same, type Shape, show, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { scatterAdd } from "../ops/gather.ts";
import { fromArray, onesLike } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { expectTensor, perAxis, shown, type Sizes } from "./input.ts";

export interface MaxUnpoolOptions {
  /** Default: the kernel's size. */
  stride?: Sizes;
  /** Default 0. */
  padding?: Sizes;
}

/** What the ways back from max pooling of one, two and three spatial axes share. */
abstract class MaxUnpool extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];

  constructor(rank: number, kernelSize: Sizes, { stride = kernelSize, padding = 0 }: MaxUnpoolOptions) {
    super();
    const where = this.constructor.name;
    this.kernelSize = perAxis(where, "kernelSize", kernelSize, rank);
    this.stride = perAxis(where, "stride", stride, rank);
    this.padding = perAxis(where, "padding", padding, rank, 0);
  }

  /** `outputSize`: the spatial sizes wanted, where several would pool to the input's. */
  forward(x: Tensor, indices: Tensor, outputSize?: Shape): Tensor {
    const where = `${this.constructor.name}(${this.kernelSize.join("×")})`;
    const rank = this.kernelSize.length;
    expectTensor(where, x);
    expectTensor(where, indices);
    if (!same(x.shape, indices.shape) || (x.rank !== rank + 1 && x.rank !== rank + 2))
      throw new CambiumError(
        "shape",
        where,
        `expected maxima and indices of one shape [batch, channels, ...space], got ${show(x.shape)} and ${show(indices.shape)}`,
      );
    const lead = x.shape.slice(0, -rank);
    const output = (outputSize ?? x.shape.slice(-rank).map((d, i) => (d - 1) * this.stride[i]! - 2 * this.padding[i]! + this.kernelSize[i]!)).slice(-rank);
    const [images, places] = [size(lead), size(output)];
    const first = fromArray(Int32Array.from({ length: images }, (_, i) => i * places)).reshape([images, 1]);
    const at = indices.to("int32").reshape([images, -1]).add(first).reshape([-1]);
    const put = (numbers: Tensor): Tensor => new Tensor(scatterAdd(numbers.reshape([-1]).node, at.node, images * places, 0));
    // Windows that overlap name a place several times, each with the same number.
    const [sums, times] = [put(x), put(onesLike(x)).maximum(1)];
    return sums.sub(sums.mul(times.sub(1).div(times)).detach()).reshape([...lead, ...output]);
  }

  protected override describe(): string {
    const { kernelSize, stride, padding } = this;
    return shown({ kernelSize, stride, padding });
  }
}

/**
 * The maxima of pooling put back where they were, zeros elsewhere.
 * @shape [batch, channels, width] twice → [batch, channels, width out], also without batch
 * @source PyTorch `nn.MaxUnpool1d`
 */
export class MaxUnpool1d extends MaxUnpool {
  constructor(kernelSize: Sizes, options: MaxUnpoolOptions = {}) {
    super(1, kernelSize, options);
  }
}

/**
 * The maxima of pooling put back where they were, zeros elsewhere.
 * @shape [batch, channels, height, width] twice → [batch, channels, height out, width out], also without batch
 * @source PyTorch `nn.MaxUnpool2d`
 */
export class MaxUnpool2d extends MaxUnpool {
  constructor(kernelSize: Sizes, options: MaxUnpoolOptions = {}) {
    super(2, kernelSize, options);
  }
}

/**
 * The maxima of pooling put back where they were, zeros elsewhere.
 * @shape [batch, channels, depth, height, width] twice → [batch, channels, depth out, height out, width out], also without batch
 * @source PyTorch `nn.MaxUnpool3d`
 */
export class MaxUnpool3d extends MaxUnpool {
  constructor(kernelSize: Sizes, options: MaxUnpoolOptions = {}) {
    super(3, kernelSize, options);
  }
}

type Unpooling = (x: Tensor, indices: Tensor, kernelSize: Sizes, options?: MaxUnpoolOptions & { outputSize?: Shape }) => Tensor;

const unpooling =
  (made: new (kernelSize: Sizes, options?: MaxUnpoolOptions) => MaxUnpool): Unpooling =>
  (x, indices, kernelSize, { outputSize, ...options } = {}) =>
    new made(kernelSize, options).forward(x, indices, outputSize);

/** `nn.MaxUnpool1d` as a function */
export const maxUnpool1d: Unpooling = unpooling(MaxUnpool1d);
/** `nn.MaxUnpool2d` as a function */
export const maxUnpool2d: Unpooling = unpooling(MaxUnpool2d);
/** `nn.MaxUnpool3d` as a function */
export const maxUnpool3d: Unpooling = unpooling(MaxUnpool3d);
