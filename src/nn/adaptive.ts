import { type Shape, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { range } from "../ops/gather.ts";
import { avgPool, maxPool } from "../ops/pool.ts";
import { fromArray } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { batched, channelsLast, expectTensor, shown } from "./input.ts";
import { CambiumError } from "../base/error.ts";

/** The size wanted for each axis; `null` keeps the input's. */
export type OutputSize = number | readonly (number | null)[];

/** Where the window of output `o` starts and ends when `from` places are shared out among `to`. */
const windowOf = (o: number, from: number, to: number): [start: number, end: number] => [Math.floor((o * from) / to), Math.ceil(((o + 1) * from) / to)];

/** Pools `x`, channels last, to sizes `output`: at once by windows that tile it, else axis by axis. */
function adaptively(x: Tensor, output: Shape, even: (window: Shape) => Tensor, uneven: (x: Tensor, axis: number, n: number) => Tensor): Tensor {
  const input = x.shape.slice(1, -1);
  if (output.every((n, i) => input[i]! % n === 0)) return even(output.map((n, i) => input[i]! / n));
  return output.reduce((y, n, i) => (n === input[i] ? y : uneven(y, i + 1, n)), x);
}

/** The means of `output` windows over `x`, channels last. */
export const adaptiveAvgPool = (x: Tensor, output: Shape): Tensor => adaptively(x, output, (window) => new Tensor(avgPool(x.node, { window })), means);

/** The largest numbers of `output` windows over `x`, channels last. */
export const adaptiveMaxPool = (x: Tensor, output: Shape): Tensor => adaptively(x, output, (window) => new Tensor(maxPool(x.node, { window })), maxima);

/** A product with a matrix that has `1 / window` where a window lies. */
function means(x: Tensor, axis: number, n: number): Tensor {
  const from = x.shape[axis]!;
  const shares = new Float32Array(from * n);
  for (let o = 0; o < n; o++) {
    const [start, end] = windowOf(o, from, n);
    for (let i = start; i < end; i++) shares[i * n + o] = 1 / (end - start);
  }
  const order = x.shape.map((_, i) => i);
  const swapped = order.with(axis, x.rank - 1).with(-1, axis);
  return x
    .permute(swapped)
    .matmul(fromArray(shares, [from, n]).to(x.dtype))
    .permute(swapped);
}

/** Every window along `axis` gathered to one length on an axis behind, shorter ones with their last place again, which changes no maximum. */
function windows(x: Tensor, axis: number, n: number): Tensor {
  const from = x.shape[axis]!;
  const all = Array.from({ length: n }, (_, o) => windowOf(o, from, n));
  const length = Math.max(...all.map(([start, end]) => end - start));
  const places = all.flatMap(([start, end]) => Array.from({ length }, (_, k) => Math.min(start + k, end - 1)));
  return x.gather(fromArray(Int32Array.from(places), [n, length]), axis);
}

const maxima = (x: Tensor, axis: number, n: number): Tensor => windows(x, axis, n).max(axis + 1);

/** Where the largest number of each of `output` windows over `x`, channels last, is, counted through all spatial places. */
function adaptiveMaxPlaces(x: Tensor, output: Shape): Tensor {
  const space = x.shape.slice(1, -1);
  /** The places of each window in a row, on a last axis. */
  const apart = (t: Tensor): Tensor => {
    const wide = output.reduce((y, n, i) => windows(y, 1 + 2 * i, n), t);
    const last = wide.rank - 1;
    const order = [0, ...output.map((_, i) => 1 + 2 * i), last, ...output.map((_, i) => 2 + 2 * i)];
    const kept = order.slice(0, output.length + 2).map((axis) => wide.shape[axis]!);
    return wide.permute(order).reshape([...kept, wide.size / Math.max(size(kept), 1)]);
  };
  const [numbers, places] = [apart(x), apart(new Tensor(range([size(space)])).reshape([1, ...space, 1]))];
  return places
    .broadcast(numbers.shape)
    .gatherAlong(numbers.argMax(-1, { keep: true }), -1)
    .squeeze(-1);
}

/** What pooling to a wanted size shares. Windows overlap by one where the sizes do not divide. */
abstract class AdaptivePool extends Module {
  readonly outputSize: readonly (number | null)[];

  constructor(rank: number, outputSize: OutputSize) {
    super();
    const list: readonly (number | null)[] = typeof outputSize === "number" ? new Array<number>(rank).fill(outputSize) : outputSize;
    if (list.length !== rank || list.some((n) => n !== null && !(Number.isInteger(n) && n > 0)))
      throw new CambiumError(
        "value",
        this.constructor.name,
        `outputSize must be a whole number from 1, or ${rank} of them (null keeps a size), got ${JSON.stringify(outputSize)}`,
      );
    this.outputSize = list;
  }

  forward(x: Tensor): Tensor {
    return this.moved(x, (x, output) => this.pool(x, output));
  }

  /** Runs `f` on `x` with a batch and channels last, and on the sizes wanted. */
  protected moved(x: Tensor, f: (x: Tensor, output: Shape) => Tensor): Tensor {
    const where = `${this.constructor.name}(${this.outputSize.map(String).join("×")})`;
    expectTensor(where, x);
    const axes = ["channels", ...["depth", "height", "width"].slice(-this.outputSize.length)];
    const wanted = (x: Tensor): Shape => this.outputSize.map((n, i) => n ?? x.shape[i + 1]!);
    return batched(where, x, axes, (x) => channelsLast(x, (x) => f(x, wanted(x))));
  }

  protected abstract pool(x: Tensor, output: Shape): Tensor;

  protected override describe(): string {
    return shown({ outputSize: this.outputSize });
  }
}

abstract class AdaptiveAvgPool extends AdaptivePool {
  protected pool(x: Tensor, output: Shape): Tensor {
    return adaptiveAvgPool(x, output);
  }
}

export interface AdaptiveMaxPoolOptions {
  /** Also returns where each maximum was: `[maxima, indices]`, an index counting through all spatial places. Default `false`. */
  returnIndices?: boolean;
}

abstract class AdaptiveMaxPool extends AdaptivePool {
  readonly returnIndices: boolean;

  constructor(rank: number, outputSize: OutputSize, { returnIndices = false }: AdaptiveMaxPoolOptions) {
    super(rank, outputSize);
    this.returnIndices = returnIndices;
  }

  /** The maxima; with `returnIndices`, `[maxima, indices]`. */
  override forward(x: Tensor): any {
    return this.returnIndices ? [super.forward(x), this.moved(x, adaptiveMaxPlaces)] : super.forward(x);
  }

  protected pool(x: Tensor, output: Shape): Tensor {
    return adaptiveMaxPool(x, output);
  }
}

/**
 * The means of as many equal windows as are wanted.
 * @shape [batch, channels, width] → [batch, channels, outputSize], also without batch
 * @source PyTorch `nn.AdaptiveAvgPool1d`
 */
export class AdaptiveAvgPool1d extends AdaptiveAvgPool {
  constructor(outputSize: OutputSize) {
    super(1, outputSize);
  }
}

/**
 * The means of as many equal windows as are wanted; `new AdaptiveAvgPool2d(1)` is the mean of the image.
 * @shape [batch, channels, height, width] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.AdaptiveAvgPool2d`
 */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool {
  constructor(outputSize: OutputSize) {
    super(2, outputSize);
  }
}

/**
 * The largest numbers of as many equal windows as are wanted.
 * @shape [batch, channels, width] → [batch, channels, outputSize], also without batch
 * @source PyTorch `nn.AdaptiveMaxPool1d`
 */
export class AdaptiveMaxPool1d extends AdaptiveMaxPool {
  constructor(outputSize: OutputSize, options: AdaptiveMaxPoolOptions = {}) {
    super(1, outputSize, options);
  }
}

/**
 * The largest numbers of as many equal windows as are wanted.
 * @shape [batch, channels, height, width] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.AdaptiveMaxPool2d`
 */
export class AdaptiveMaxPool2d extends AdaptiveMaxPool {
  constructor(outputSize: OutputSize, options: AdaptiveMaxPoolOptions = {}) {
    super(2, outputSize, options);
  }
}

/**
 * The means of as many equal windows as are wanted.
 * @shape [batch, channels, depth, height, width] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.AdaptiveAvgPool3d`
 */
export class AdaptiveAvgPool3d extends AdaptiveAvgPool {
  constructor(outputSize: OutputSize) {
    super(3, outputSize);
  }
}

/**
 * The largest numbers of as many equal windows as are wanted.
 * @shape [batch, channels, depth, height, width] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.AdaptiveMaxPool3d`
 */
export class AdaptiveMaxPool3d extends AdaptiveMaxPool {
  constructor(outputSize: OutputSize, options: AdaptiveMaxPoolOptions = {}) {
    super(3, outputSize, options);
  }
}
