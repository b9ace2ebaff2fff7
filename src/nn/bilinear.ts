import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { fitting } from "../tensor/autocast.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import type { LinearOptions } from "./linear.ts";
import { uniform } from "./start.ts";

/** `x₁ᵀ A x₂ + b` @shape a [..., in1], b [..., in2], weight [out, in1, in2], bias [out] → [..., out] @source PyTorch `F.bilinear` */
export function bilinear(a: Tensor, b: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [out, in1, in2] = weight.shape as [number, number, number];
  const seen = b.matmul(weight.reshape([out * in1, in2]).permute([1, 0]));
  const y = seen
    .reshape([...b.shape.slice(0, -1), out, in1])
    .mul(a.expandDims(-2))
    .sum(-1);
  return bias ? y.add(fitting(bias, y)) : y;
}

/**
 * Every product of a number of one input and a number of the other, weighted and summed: `y = x₁ᵀ A x₂ + b`.
 * @shape [..., in1Features], [..., in2Features] → [..., outFeatures]
 * @source PyTorch `nn.Bilinear`, start values included: uniform in ±1/√in1Features
 */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  /** [outFeatures, in1Features, in2Features] */
  weight: Tensor;
  /** [outFeatures] */
  bias: Tensor | undefined;

  constructor(in1Features: number, in2Features: number, outFeatures: number, { bias = true }: LinearOptions = {}) {
    super();
    for (const [name, count] of Object.entries({ in1Features, in2Features, outFeatures })) expectCount("Bilinear", name, count);
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    const start = uniform(-1 / Math.sqrt(in1Features), 1 / Math.sqrt(in1Features));
    const fans = { in: in1Features, out: outFeatures };
    this.weight = parameter(start([outFeatures, in1Features, in2Features], fans));
    this.bias = bias ? parameter(start([outFeatures], fans)) : undefined;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    const where = `Bilinear(${this.in1Features}, ${this.in2Features} → ${this.outFeatures})`;
    for (const [x, size] of [
      [a, this.in1Features],
      [b, this.in2Features],
    ] as const) {
      expectTensor(where, x, this.weight);
      expectSize(where, x, -1, size, `[..., ${size}]`);
    }
    if (!same(a.shape.slice(0, -1), b.shape.slice(0, -1)))
      throw new CambiumError("shape", where, `the inputs are ${show(a.shape)} and ${show(b.shape)}; all sizes but the last must be equal`);
    return bilinear(a, b, this.weight, this.bias);
  }

  protected override describe(): string {
    const { in1Features, in2Features, outFeatures, bias } = this;
    return shown({ in1Features, in2Features, outFeatures, bias: bias !== undefined });
  }
}
