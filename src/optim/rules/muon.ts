import type { Tensor } from "../../tensor/tensor.ts";
import { fixed, type Rule } from "../rule.ts";

export interface MuonSettings {
  momentum: number;
  nesterov: boolean;
  /** How often the quintic is applied. */
  steps: number;
  coefficients: readonly [number, number, number];
  eps: number;
  /** What a step on a matrix of so many rows and columns is multiplied by. */
  scale: (rows: number, columns: number) => number;
  /** PyTorch's momentum is a mean, Keras' a sum; PyTorch bounds the norm by eps, Keras adds it. */
  way: "torch" | "keras";
}

/** A matrix with the same directions and all singular values near 1, found by a quintic applied several times (after Newton and Schulz). */
function orthogonalised(x: Tensor, { steps, coefficients: [a, b, c], eps, way }: MuonSettings): Tensor {
  const tall = x.shape[0]! > x.shape[1]!;
  const norm = x.square().sum().sqrt();
  let y = (tall ? x.transpose() : x).div(way === "torch" ? norm.maximum(fixed(eps, x)) : norm.add(fixed(eps, x)));
  for (let i = 0; i < steps; i++) {
    const gram = y.matmul(y.transpose());
    y = y.mul(fixed(a, x)).add(
      gram
        .mul(fixed(b, x))
        .add(gram.matmul(gram).mul(fixed(c, x)))
        .matmul(y),
    );
  }
  return tall ? y.transpose() : y;
}

/** Steps by the momentum of a matrix, made equally strong in all its directions. @source Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024) */
export const muon = (settings: MuonSettings): Rule => ({
  counts: false,
  slots: { velocity: 0 },
  step: ({ parameter, gradient, slots, rate }) => {
    const { momentum, nesterov, scale, way } = settings;
    const keep = fixed(momentum, parameter);
    const share = fixed(1 - momentum, parameter);
    const velocity = way === "torch" ? slots["velocity"]!.lerp(gradient, share) : slots["velocity"]!.mul(keep).add(gradient);
    const ahead = way === "torch" ? gradient.lerp(velocity, keep) : gradient.add(velocity.mul(keep));
    const step = orthogonalised(nesterov ? ahead : velocity, settings);
    const [rows, columns] = parameter.shape as [number, number];
    return { parameter: parameter.sub(step.mul(rate.mul(fixed(scale(rows, columns), parameter)))), slots: { velocity } };
  },
});
