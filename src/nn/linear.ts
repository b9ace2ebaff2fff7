import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { fitting } from "../tensor/autocast.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { uniform } from "./start.ts";

export interface LinearOptions {
  /** Adds a bias. Default `true`. */
  bias?: boolean;
}

/** `x Wᵀ + b` @shape x [..., in], weight [out, in], bias [out] → [..., out] */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const y = x.matmul(weight.transpose());
  return bias ? y.add(fitting(bias, y)) : y;
}

/**
 * A straight-line map of the last axis: `y = x Wᵀ + b`.
 * @shape [..., inFeatures] → [..., outFeatures]
 * @source PyTorch `nn.Linear`, start values included: uniform in ±1/√inFeatures
 * @example
 * ```ts
 * new nn.Linear(784, 128).forward(zeros([32, 784])).shape // → [32, 128]
 * ```
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** [outFeatures, inFeatures] */
  weight: Tensor;
  /** [outFeatures] */
  bias: Tensor | undefined;

  constructor(inFeatures: number, outFeatures: number, { bias = true }: LinearOptions = {}) {
    super();
    expectCount("Linear", "inFeatures", inFeatures);
    expectCount("Linear", "outFeatures", outFeatures);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const fans = { in: inFeatures, out: outFeatures };
    const start = uniform(-1 / Math.sqrt(inFeatures), 1 / Math.sqrt(inFeatures));
    this.weight = parameter(start([outFeatures, inFeatures], fans));
    this.bias = bias ? parameter(start([outFeatures], fans)) : undefined;
  }

  forward(x: Tensor): Tensor {
    const where = `Linear(${this.inFeatures} → ${this.outFeatures})`;
    // Read once: it may be computed anew each time (nn.utils.spectralNorm).
    const { weight } = this;
    expectTensor(where, x, weight);
    expectSize(where, x, -1, this.inFeatures, `[..., ${this.inFeatures}]`);
    return linear(x, weight, this.bias);
  }

  protected override describe(): string {
    return shown({ inFeatures: this.inFeatures, outFeatures: this.outFeatures, bias: this.bias !== undefined });
  }
}
