import { size } from "../base/shape.ts";
import type { Module } from "../module/module.ts";
import { type ActivationClass, ReLU } from "../nn/activation.ts";
import { Sequential } from "../nn/containers.ts";
import { Dropout } from "../nn/dropout.ts";
import { expectCount } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface MLPOptions {
  /** How many numbers an example has. */
  inputSize: number;
  /** Features of the layers between. Default `[128]`. */
  hidden?: readonly number[];
  /** Default 10. */
  numClasses?: number;
  /** Default `nn.ReLU`. */
  activation?: ActivationClass;
  /** Default 0. */
  dropout?: number;
}

/**
 * Linear maps with an activation and dropout between.
 * @shape [batch, ...], an example of inputSize numbers → [batch, numClasses] scores
 * @source the paths are those of `torchvision.ops.MLP`
 */
export class MLP extends Sequential {
  constructor({ inputSize, hidden = [128], numClasses = 10, activation = ReLU, dropout = 0 }: MLPOptions) {
    const sizes = [inputSize, ...hidden];
    for (const count of sizes) expectCount("MLP", "a layer's size", count);
    expectCount("MLP", "numClasses", numClasses);
    const modules = hidden.flatMap((features, i): Module[] => [new Linear(sizes[i]!, features), new activation(), new Dropout(dropout)]);
    super(...modules, new Linear(sizes.at(-1)!, numClasses));
  }

  override forward(x: Tensor): Tensor {
    return super.forward(x.rank > 2 ? x.reshape([x.shape[0]!, size(x.shape.slice(1))]) : x);
  }
}

/** Linear maps with an activation and dropout between. */
export const mlp = (options: MLPOptions): MLP => new MLP(options);
