/** The rules by which parameters change. Where PyTorch and Keras differ, an option says whose way it is. */
import { constant } from "../graph/op.ts";
import { rmsStep } from "../ops/arithmetic.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Rule } from "./rule.ts";

/** A number that never changes: the compiler may calculate with it. */
const fixed = (value: number): Tensor => new Tensor(constant(value, "float32"));

/** `1 − betaᵗ`, exact also while it is small. */
const shortfall = (beta: number, count: Tensor): Tensor =>
  count
    .mul(fixed(Math.log(beta)))
    .expm1()
    .neg();

/** `p − rate · m / (√v + eps)` */
const scaledStep = (p: Tensor, m: Tensor, v: Tensor, rate: Tensor, eps: Tensor): Tensor => new Tensor(rmsStep(p.node, m.node, v.node, rate.node, eps.node));

export interface AdamSettings {
  beta1: number;
  beta2: number;
  eps: number;
  amsgrad?: boolean;
  /** PyTorch adds eps to the corrected root, Keras to the root as it is; Keras also rounds its betas to float32. */
  way: "torch" | "keras";
}

/** @source Kingma and Ba, "Adam: a method for stochastic optimization" (2015) */
export function adam({ beta1, beta2, eps, amsgrad = false, way }: AdamSettings): Rule {
  const [b1, b2] = way === "keras" ? [Math.fround(beta1), Math.fround(beta2)] : [beta1, beta2];
  return {
    counts: true,
    slots: { mean: 0, square: 0, ...(amsgrad && { largest: 0 }) },
    common: (rate, count) => {
      const root = shortfall(b2, count).sqrt();
      return { rate: rate.mul(root).div(shortfall(b1, count)), eps: way === "torch" ? root.mul(fixed(eps)) : fixed(eps) };
    },
    step: ({ parameter, gradient, slots, common }) => {
      const mean = slots["mean"]!.lerp(gradient, fixed(1 - beta1));
      const square = slots["square"]!.lerp(gradient.square(), fixed(1 - beta2));
      const largest = amsgrad ? slots["largest"]!.maximum(square) : undefined;
      const next = scaledStep(parameter, mean, largest ?? square, common["rate"]!, common["eps"]!);
      return { parameter: next, slots: { mean, square, ...(largest && { largest }) } };
    },
  };
}

export interface MomentumSettings {
  momentum: number;
  nesterov?: boolean;
  dampening?: number;
  way: "torch" | "keras";
}

/** Steps down the gradient, with momentum if wanted. PyTorch's momentum gathers gradients, Keras' gathers steps. */
export function descent({ momentum, nesterov = false, dampening = 0, way }: MomentumSettings): Rule {
  if (momentum === 0)
    return { counts: false, slots: {}, step: ({ parameter, gradient, rate }) => ({ parameter: parameter.sub(gradient.mul(rate)), slots: {} }) };
  if (way === "keras")
    return {
      counts: false,
      slots: { velocity: 0 },
      step: ({ parameter, gradient, slots, rate }) => {
        const step = gradient.mul(rate);
        const velocity = slots["velocity"]!.mul(momentum).sub(step);
        return { parameter: nesterov ? parameter.add(velocity.mul(momentum)).sub(step) : parameter.add(velocity), slots: { velocity } };
      },
    };
  return {
    counts: dampening !== 0,
    slots: { velocity: 0 },
    step: ({ parameter, gradient, slots, rate, count }) => {
      const gathered = slots["velocity"]!.mul(momentum);
      // The first gradient is not dampened.
      const velocity = dampening === 0 ? gathered.add(gradient) : gathered.add(gradient.mul(count.equal(1).where(1, 1 - dampening)));
      return { parameter: parameter.sub((nesterov ? gradient.add(velocity.mul(momentum)) : velocity).mul(rate)), slots: { velocity } };
    },
  };
}

export interface RMSpropSettings {
  /** How much of the mean square stays. */
  rho: number;
  eps: number;
  momentum: number;
  centered: boolean;
  /** PyTorch adds eps to the root and gathers quotients; Keras adds it under the root and gathers steps. */
  way: "torch" | "keras";
}

/** @source Hinton, "Neural networks for machine learning", lecture 6 (2012) */
export const rmsprop = ({ rho, eps, momentum, centered, way }: RMSpropSettings): Rule => ({
  counts: false,
  slots: { square: 0, ...(centered && { mean: 0 }), ...(momentum !== 0 && { velocity: 0 }) },
  step: ({ parameter, gradient, slots, rate }) => {
    const square = slots["square"]!.lerp(gradient.square(), 1 - rho);
    const mean = centered ? slots["mean"]!.lerp(gradient, 1 - rho) : undefined;
    const spread = mean ? square.sub(mean.square()) : square;
    const rest = { square, ...(mean && { mean }) };
    if (momentum === 0 && way === "torch") return { parameter: scaledStep(parameter, gradient, spread, rate, fixed(eps)), slots: rest };
    const quotient = way === "torch" ? gradient.div(spread.sqrt().add(eps)) : gradient.mul(rate).mul(spread.add(eps).rsqrt());
    const velocity = momentum === 0 ? quotient : slots["velocity"]!.mul(momentum).add(quotient);
    return { parameter: parameter.sub(way === "torch" ? velocity.mul(rate) : velocity), slots: { ...rest, ...(momentum !== 0 && { velocity }) } };
  },
});

export interface AdagradSettings {
  /** What the sum of squares starts from. */
  initial: number;
  eps: number;
  /** How fast the rate falls with the number of steps. */
  rateDecay?: number;
  /** PyTorch adds eps to the root, Keras under it. */
  way: "torch" | "keras";
}

/** @source Duchi, Hazan and Singer, "Adaptive subgradient methods" (2011) */
export const adagrad = ({ initial, eps, rateDecay = 0, way }: AdagradSettings): Rule => ({
  counts: rateDecay !== 0,
  slots: { sum: initial },
  common: (rate, count) => ({ rate: rateDecay === 0 ? rate : rate.div(count.sub(1).mul(rateDecay).add(1)), eps: fixed(eps) }),
  step: ({ parameter, gradient, slots, common }) => {
    const sum = slots["sum"]!.add(gradient.square());
    const next =
      way === "torch"
        ? scaledStep(parameter, gradient, sum, common["rate"]!, common["eps"]!)
        : parameter.sub(gradient.mul(common["rate"]!).mul(sum.add(common["eps"]!).rsqrt()));
    return { parameter: next, slots: { sum } };
  },
});
