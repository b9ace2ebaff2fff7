import { CambiumError } from "../base/error.ts";
import { same, type Shape } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { dropout } from "../ops/random.ts";
import { streamNodes, uniform } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { expectTensor, shown } from "./input.ts";

/** `x` with each number put to 0 with chance `rate`, and the others scaled up so that the sum stays the same on average. `mask` is the shape the choice is made in; it broadcasts to x's. */
export function drop(x: Tensor, rate: number, mask: Shape = x.shape): Tensor {
  if (rate === 0) return x;
  if (rate === 1 || same(mask, x.shape)) return new Tensor(dropout(x.node, ...streamNodes(), rate));
  return uniform(mask)
    .greaterEqual(rate)
    .where(x.mul(1 / (1 - rate)), 0);
}

/** What the kinds of dropout share. */
abstract class Dropping extends Module {
  readonly p: number;

  constructor(p: number | { p?: number } = {}) {
    super();
    this.p = (typeof p === "number" ? p : p.p) ?? 0.5;
    if (!(this.p >= 0 && this.p <= 1)) throw new CambiumError("value", this.constructor.name, `p is a chance from 0 to 1, got ${this.p}`);
  }

  forward(x: Tensor): Tensor {
    expectTensor(this.constructor.name, x);
    return this.training ? drop(x, this.p, this.mask(x.shape)) : x;
  }

  protected abstract mask(shape: Shape): Shape;

  protected override describe(): string {
    return shown({ p: this.p });
  }
}

/**
 * In training, each number put to 0 with chance `p` and the others scaled by 1 / (1 − p); in evaluation, nothing.
 * @shape [...] → [...]
 * @source PyTorch `nn.Dropout`; Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014)
 */
export class Dropout extends Dropping {
  protected mask(shape: Shape): Shape {
    return shape;
  }
}

/**
 * Dropout of whole channels.
 * @shape [batch, channels, width] → the same
 * @source PyTorch `nn.Dropout1d`
 */
export class Dropout1d extends Dropping {
  protected mask(shape: Shape): Shape {
    return channels(this, shape, 1);
  }
}

/**
 * Dropout of whole channels of images.
 * @shape [batch, channels, height, width] → the same
 * @source PyTorch `nn.Dropout2d`
 */
export class Dropout2d extends Dropping {
  protected mask(shape: Shape): Shape {
    return channels(this, shape, 2);
  }
}

function channels(module: Module, shape: Shape, spatial: number): Shape {
  if (shape.length !== spatial + 1 && shape.length !== spatial + 2)
    throw new CambiumError(
      "shape",
      module.constructor.name,
      `expected ${spatial + 1} or ${spatial + 2} axes (channels, then ${spatial} of space), got ${shape.length}`,
    );
  return shape.map((d, i) => (i < shape.length - spatial ? d : 1));
}
