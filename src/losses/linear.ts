/** Cross-entropy of scores that a linear map makes of the input: the last layer of a language model and its loss in one. */
import { CambiumError } from "../base/error.ts";
import { show, type Shape, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { uniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { crossEntropy, type CrossEntropyOptions } from "./crossentropy.ts";

export interface LinearCrossEntropyOptions extends CrossEntropyOptions {
  /** [classes] or [classes, ...outFeatures] */
  linearBias?: Tensor;
}

/**
 * `crossEntropy(x Wᵀ, target)`.
 * @shape input [batch, inFeatures], linearWeight [classes, inFeatures] and target [batch], or linearWeight [classes, ...outFeatures, inFeatures] and target [batch, ...outFeatures]; or target of shares
 * @source PyTorch `F.linear_cross_entropy`
 */
export function linearCrossEntropy(input: Tensor, linearWeight: Tensor, target: Tensor, { linearBias, ...options }: LinearCrossEntropyOptions = {}): Tensor {
  const features = linearWeight.shape.at(-1)!;
  const scores = linearWeight.shape.slice(0, -1);
  if (input.rank > 2 || input.shape.at(-1) !== features || scores.length === 0)
    throw new CambiumError(
      "shape",
      "linearCrossEntropy",
      `input is ${show(input.shape)}, linearWeight is ${show(linearWeight.shape)}; they are [batch, features] and [classes, features]`,
    );
  const flat = input.matmul(linearWeight.reshape([size(scores), features]).transpose());
  const made = flat.reshape([...input.shape.slice(0, -1), ...scores]);
  const whole = linearBias ? made.add(linearBias.rank === 1 ? linearBias.reshape([linearBias.size, ...scores.slice(1).map(() => 1)]) : linearBias) : made;
  return crossEntropy(whole, target, options);
}

/** A weight, and perhaps a bias, that start as those of a linear layer. */
class Scores extends Module {
  weight: Tensor;
  bias: Tensor | undefined;

  constructor(inFeatures: number, scores: number, bias: boolean) {
    super();
    const bound = 1 / Math.sqrt(inFeatures);
    this.weight = parameter(uniform([scores, inFeatures], -bound, bound));
    this.bias = bias ? parameter(uniform([scores], -bound, bound)) : undefined;
  }

  forward(x: Tensor): Tensor {
    const y = x.matmul(this.weight.transpose());
    return this.bias ? y.add(this.bias) : y;
  }
}

export interface LinearCrossEntropyLossOptions extends CrossEntropyOptions {
  /** Further axes of the target, each place with classes of its own. Default: none. */
  outFeatures?: Shape;
  /** Adds a bias to the scores. Default `false`. */
  bias?: boolean;
}

/**
 * A linear map to scores and the cross-entropy of these: `forward(input, target)`.
 * @shape input [batch, inFeatures], target [batch, ...outFeatures] of class numbers or [batch, numClasses, ...outFeatures] of shares
 * @source PyTorch `nn.LinearCrossEntropyLoss`, start values included
 */
export class LinearCrossEntropyLoss extends Module {
  readonly numClasses: number;
  readonly outFeatures: Shape;
  linear: Scores;
  readonly #options: CrossEntropyOptions;

  constructor(inFeatures: number, numClasses: number, { outFeatures = [], bias = false, ...options }: LinearCrossEntropyLossOptions = {}) {
    super();
    this.numClasses = numClasses;
    this.outFeatures = [...outFeatures];
    this.linear = new Scores(inFeatures, numClasses * size(outFeatures), bias);
    this.#options = options;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { linear, numClasses, outFeatures } = this;
    const weight = linear.weight.reshape([numClasses, ...outFeatures, linear.weight.shape[1]!]);
    const bias = linear.bias?.reshape([numClasses, ...outFeatures]);
    return linearCrossEntropy(input, weight, target, { ...this.#options, ...(bias && { linearBias: bias }) });
  }
}
