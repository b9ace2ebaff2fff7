/** Batch normalisation taken into the weights of what stands before it: one layer less to go through in evaluation. */
import { CambiumError } from "../base/error.ts";
import { parameter } from "../module/parameter.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BatchNorm1d, BatchNorm2d, BatchNorm3d } from "./batchnorm.ts";
import type { Conv1d, Conv2d, Conv3d } from "./conv.ts";
import type { Linear } from "./linear.ts";

type Normalization = BatchNorm1d | BatchNorm2d | BatchNorm3d;

/** A copy of `module` whose weights do what it and `normalization` do one after the other; their outputs lie along axis 0. */
function fused<M extends Linear | Conv1d | Conv2d | Conv3d>(
  where: string,
  module: M,
  { training, runningMean, runningVar, eps, weight, bias }: Normalization,
): M {
  if (module.training || training) throw new CambiumError("state", where, "in training the batch's own statistics count", "call eval() on both first");
  if (!runningMean || !runningVar) throw new CambiumError("value", where, "the normalisation keeps no running statistics");
  const factor = runningVar
    .add(eps)
    .rsqrt()
    .mul(weight ?? 1);
  const moved = (module.bias ?? runningMean.mul(0)).sub(runningMean).mul(factor);
  const leaf = (x: Tensor): Tensor => {
    x.dataSync();
    return parameter(x.detach());
  };
  const made = Object.assign(Object.create(Object.getPrototypeOf(module) as object) as M, module);
  made.weight = leaf(module.weight.mul(factor.reshape([factor.size, ...module.weight.shape.slice(1).map(() => 1)])));
  made.bias = leaf(bias ? moved.add(bias) : moved);
  return made;
}

/**
 * A convolution that does what `conv` and the batch normalisation behind it do in evaluation.
 * @throws a `state` error when one of both is in training
 * @source PyTorch `nn.utils.fuse_conv_bn_eval`
 */
export const fuseConvBnEval = <M extends Conv1d | Conv2d | Conv3d>(conv: M, bn: Normalization): M => fused("fuseConvBnEval", conv, bn);

/** A linear layer that does what `linear` and the batch normalisation behind it do in evaluation. @source PyTorch `nn.utils.fuse_linear_bn_eval` */
export const fuseLinearBnEval = (linear: Linear, bn: BatchNorm1d): Linear => fused("fuseLinearBnEval", linear, bn);
