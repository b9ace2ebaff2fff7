import type { Shape } from "../base/shape.ts";
import { Module } from "../module/module.ts";
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

/** Every window gathered to one length, shorter ones with their last place again, which changes no maximum. */
function maxima(x: Tensor, axis: number, n: number): Tensor {
  const from = x.shape[axis]!;
  const windows = Array.from({ length: n }, (_, o) => windowOf(o, from, n));
  const length = Math.max(...windows.map(([start, end]) => end - start));
  const places = windows.flatMap(([start, end]) => Array.from({ length }, (_, k) => Math.min(start + k, end - 1)));
  return x.gather(fromArray(Int32Array.from(places), [n, length]), axis).max(axis + 1);
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
    const where = `${this.constructor.name}(${this.outputSize.map(String).join("×")})`;
    expectTensor(where, x);
    return batched(where, x, ["channels", ...["depth", "height", "width"].slice(-this.outputSize.length)], (x) =>
      channelsLast(x, (x) =>
        this.pool(
          x,
          this.outputSize.map((n, i) => n ?? x.shape[i + 1]!),
        ),
      ),
    );
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

abstract class AdaptiveMaxPool extends AdaptivePool {
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
  constructor(outputSize: OutputSize) {
    super(1, outputSize);
  }
}

/**
 * The largest numbers of as many equal windows as are wanted.
 * @shape [batch, channels, height, width] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.AdaptiveMaxPool2d`
 */
export class AdaptiveMaxPool2d extends AdaptiveMaxPool {
  constructor(outputSize: OutputSize) {
    super(2, outputSize);
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
  constructor(outputSize: OutputSize) {
    super(3, outputSize);
  }
}
