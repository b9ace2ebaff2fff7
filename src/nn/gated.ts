/** Activations that have parameters or take several arguments in order. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { full } from "../tensor/create.ts";
import { uniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectSize, expectTensor, shown } from "./input.ts";

/** `x` where positive, else a slope times `x`: one slope, or one a channel. @shape x [batch, channels, ...], weight [1] or [channels] @source PyTorch `F.prelu` */
export const prelu = (x: Tensor, weight: Tensor): Tensor =>
  x.greater(0).where(x, x.mul(weight.size === 1 ? weight : weight.reshape([weight.size, ...new Array<number>(Math.max(x.rank - 2, 0)).fill(1)])));

/** `x` where positive, else a slope times `x`, drawn from [lower, upper) while training, else their mean. @source PyTorch `F.rrelu` */
export const rrelu = (x: Tensor, { lower = 1 / 8, upper = 1 / 3, training = false }: { lower?: number; upper?: number; training?: boolean } = {}): Tensor =>
  training ? x.greater(0).where(x, x.mul(uniform(x.shape, lower, upper, x.dtype))) : x.leakyRelu((lower + upper) / 2);

/**
 * `x` where positive, else a learnt slope times `x`: one slope, or one a channel.
 * @shape [batch, channels, ...] → the same
 * @source PyTorch `nn.PReLU`; He et al. (2015)
 */
export class PReLU extends Module {
  readonly numParameters: number;
  /** [numParameters] */
  weight: Tensor;

  constructor(numParameters = 1, { init = 0.25 }: { init?: number } = {}) {
    super();
    this.numParameters = numParameters;
    this.weight = parameter(full([numParameters], init));
  }

  forward(x: Tensor): Tensor {
    expectTensor("PReLU", x, this.weight);
    if (this.numParameters > 1) expectSize(`PReLU(${this.numParameters})`, x, 1, this.numParameters, `[batch, ${this.numParameters} channels, ...]`);
    return prelu(x, this.weight);
  }

  protected override describe(): string {
    return shown({ numParameters: this.numParameters });
  }
}

/**
 * `x` where it is above `threshold`, else `value`.
 * @shape [...] → the same
 * @source PyTorch `nn.Threshold`
 */
export class Threshold extends Module {
  readonly threshold: number;
  readonly value: number;

  constructor(threshold: number, value: number) {
    super();
    this.threshold = threshold;
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    expectTensor("Threshold", x);
    return x.greater(this.threshold).where(x, this.value);
  }

  protected override describe(): string {
    return shown({ threshold: this.threshold, value: this.value });
  }
}

/**
 * The first half of an axis, let through as far as the sigmoid of the second half says.
 * @shape [..., 2n, ...] → [..., n, ...]
 * @source PyTorch `nn.GLU`; Dauphin et al. (2017)
 */
export class GLU extends Module {
  readonly dim: number;

  /** The axis that is halved, alone or by name. Default −1. */
  constructor(dim: number | { dim?: number } = -1) {
    super();
    this.dim = typeof dim === "object" ? (dim.dim ?? -1) : dim;
  }

  forward(x: Tensor): Tensor {
    expectTensor("GLU", x);
    const axis = resolveAxis("GLU", this.dim, x.rank);
    const size = x.shape[axis]!;
    if (size % 2 !== 0) throw new CambiumError("shape", "GLU", `axis ${axis} of ${show(x.shape)} has size ${size}, which is no even number`);
    const start = x.shape.map(() => 0);
    return x.slice(start, x.shape.with(axis, size / 2)).mul(x.slice(start.with(axis, size / 2)).sigmoid());
  }

  protected override describe(): string {
    return shown({ dim: this.dim });
  }
}

/**
 * `x` where positive, else a slope times `x`: in training, drawn anew for each number from [lower, upper); in evaluation, the mean of both.
 * @shape [...] → the same
 * @source PyTorch `nn.RReLU`; Xu et al. (2015)
 */
export class RReLU extends Module {
  readonly lower: number;
  readonly upper: number;

  constructor({ lower = 1 / 8, upper = 1 / 3 }: { lower?: number; upper?: number } = {}) {
    super();
    if (!(lower <= upper)) throw new CambiumError("value", "RReLU", `lower ${lower} is above upper ${upper}`);
    this.lower = lower;
    this.upper = upper;
  }

  forward(x: Tensor): Tensor {
    expectTensor("RReLU", x);
    const { lower, upper } = this;
    return rrelu(x, { lower, upper, training: this.training });
  }

  protected override describe(): string {
    return shown({ lower: this.lower, upper: this.upper });
  }
}
