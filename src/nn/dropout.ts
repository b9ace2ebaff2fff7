import { CambiumError } from "../base/error.ts";
import { same, type Shape } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { dropout as dropoutOp } from "../ops/random.ts";
import { streamNodes, uniform } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { expectTensor, shown } from "./input.ts";

/** `x` with each number put to 0 with chance `rate`, and the others scaled up so that the sum stays the same on average. `mask` is the shape the choice is made in; it broadcasts to x's. */
export function drop(x: Tensor, rate: number, mask: Shape = x.shape): Tensor {
  if (rate === 0) return x;
  if (rate === 1 || same(mask, x.shape)) return new Tensor(dropoutOp(x.node, ...streamNodes(), rate));
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

/**
 * Dropout of whole channels of volumes.
 * @shape [batch, channels, depth, height, width] → the same
 * @source PyTorch `nn.Dropout3d`
 */
export class Dropout3d extends Dropping {
  protected mask(shape: Shape): Shape {
    return channels(this, shape, 3);
  }
}

/** What a SELU makes of very small numbers. */
const floor = -1.7580993408473766;

/** `x` with each number put with chance `rate` to the lowest result of a SELU, then moved and scaled so that mean 0 and variance 1 stay. @source Klambauer et al. (2017) */
export function dropAlpha(x: Tensor, rate: number, mask: Shape = x.shape): Tensor {
  if (rate === 0) return x;
  if (rate === 1) return x.mul(0);
  const a = ((1 - rate) * (1 + rate * floor * floor)) ** -0.5;
  return uniform(mask)
    .greaterEqual(rate)
    .where(x, floor)
    .mul(a)
    .sub(a * floor * rate);
}

/**
 * Dropout that keeps mean 0 and variance 1, to stand behind a SELU.
 * @shape [...] → the same
 * @source PyTorch `nn.AlphaDropout`
 */
export class AlphaDropout extends Dropping {
  override forward(x: Tensor): Tensor {
    expectTensor(this.constructor.name, x);
    return this.training ? dropAlpha(x, this.p, this.mask(x.shape)) : x;
  }

  protected mask(shape: Shape): Shape {
    return shape;
  }
}

/**
 * Alpha dropout of whole channels.
 * @shape [batch, channels, ...] → the same
 * @source PyTorch `nn.FeatureAlphaDropout`
 */
export class FeatureAlphaDropout extends AlphaDropout {
  protected override mask(shape: Shape): Shape {
    return shape.map((d, i) => (i < 2 ? d : 1));
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

/** A kind of dropout as a function: it drops while `training` is true, which it is by default. */
export type DropoutFunction = (x: Tensor, options?: { p?: number; training?: boolean }) => Tensor;

const applied =
  (made: new (p?: number) => Dropping): DropoutFunction =>
  (x, { p = 0.5, training = true } = {}) =>
    new made(p).train(training).forward(x);

/** `nn.Dropout` as a function */
export const dropout: DropoutFunction = applied(Dropout);
/** `nn.Dropout1d` as a function */
export const dropout1d: DropoutFunction = applied(Dropout1d);
/** `nn.Dropout2d` as a function */
export const dropout2d: DropoutFunction = applied(Dropout2d);
/** `nn.Dropout3d` as a function */
export const dropout3d: DropoutFunction = applied(Dropout3d);
/** `nn.AlphaDropout` as a function */
export const alphaDropout: DropoutFunction = applied(AlphaDropout);
/** `nn.FeatureAlphaDropout` as a function */
export const featureAlphaDropout: DropoutFunction = applied(FeatureAlphaDropout);
