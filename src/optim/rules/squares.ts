/** Rules that measure each gradient by the squares of those before. Where PyTorch and Keras differ, `way` says whose way it is. */
import { type Dial, dialled, fixed, type Rule } from "../rule.ts";
import { scaledStep } from "./adam.ts";

export interface RMSpropSettings {
  /** How much of the mean square stays. */
  rho: number;
  eps: number;
  momentum: Dial;
  centered: boolean;
  /** PyTorch adds eps to the root and gathers quotients; Keras adds it under the root and gathers steps. */
  way: "torch" | "keras";
}

/** @source Hinton, "Neural networks for machine learning", lecture 6 (2012) */
export const rmsprop = ({ rho, eps, momentum, centered, way }: RMSpropSettings): Rule => ({
  counts: false,
  slots: { square: 0, ...(centered && { mean: 0 }), ...(momentum !== 0 && { velocity: 0 }) },
  step: ({ parameter, gradient, slots, rate }) => {
    const share = fixed(1 - rho, parameter);
    const small = fixed(eps, parameter);
    const square = slots["square"]!.lerp(gradient.square(), share);
    const mean = centered ? slots["mean"]!.lerp(gradient, share) : undefined;
    const spread = mean ? square.sub(mean.square()) : square;
    const kept = { square, ...(mean && { mean }) };
    if (momentum === 0 && way === "torch") return { parameter: scaledStep(parameter, gradient, spread, rate, small), slots: kept };
    const quotient = way === "torch" ? gradient.div(spread.sqrt().add(small)) : gradient.mul(rate).mul(spread.add(small).rsqrt());
    const velocity = momentum === 0 ? quotient : slots["velocity"]!.mul(dialled(momentum, parameter)).add(quotient);
    return { parameter: parameter.sub(way === "torch" ? velocity.mul(rate) : velocity), slots: { ...kept, ...(momentum !== 0 && { velocity }) } };
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
  common: (rate, count) => ({
    rate: rateDecay === 0 ? rate : rate.div(count.sub(1).mul(fixed(rateDecay, count)).add(1)),
    eps: fixed(eps, rate),
  }),
  step: ({ parameter, gradient, slots, common }) => {
    const sum = slots["sum"]!.add(gradient.square());
    const next =
      way === "torch"
        ? scaledStep(parameter, gradient, sum, common["rate"]!, common["eps"]!)
        : parameter.sub(gradient.mul(common["rate"]!).mul(sum.add(common["eps"]!).rsqrt()));
    return { parameter: next, slots: { sum } };
  },
});

export interface AdadeltaSettings {
  /** How much of the mean squares stays. */
  rho: number;
  eps: number;
}

/** Steps as large as steps usually are, measured by how large gradients usually are. @source Zeiler, "ADADELTA: an adaptive learning rate method" (2012) */
export const adadelta = ({ rho, eps }: AdadeltaSettings): Rule => ({
  counts: false,
  slots: { square: 0, delta: 0 },
  step: ({ parameter, gradient, slots, rate }) => {
    const share = fixed(1 - rho, parameter);
    const small = fixed(eps, parameter);
    const square = slots["square"]!.lerp(gradient.square(), share);
    const step = gradient.mul(slots["delta"]!.add(small).sqrt().div(square.add(small).sqrt()));
    return { parameter: parameter.sub(step.mul(rate)), slots: { square, delta: slots["delta"]!.lerp(step.square(), share) } };
  },
});

export interface FtrlSettings {
  power: number;
  initial: number;
  l1: number;
  l2: number;
  /** Added to gradients, times twice the parameter. */
  shrinkage: number;
  beta: number;
}

/** Follows the regularized leader: small weights become exactly 0. @source McMahan et al., "Ad click prediction: a view from the trenches" (2013) */
export const ftrl = ({ power, initial, l1, l2, shrinkage, beta }: FtrlSettings): Rule => ({
  counts: false,
  slots: { sum: initial, linear: 0 },
  common: (rate) => ({ l2: fixed(2 * l2, rate).add(fixed(beta, rate).div(rate)) }),
  step: ({ parameter, gradient, slots, rate, common }) => {
    const raised = (x: typeof parameter): typeof parameter => (power === -0.5 ? x.sqrt() : x.pow(fixed(-power, parameter)));
    const shrunk = shrinkage === 0 ? gradient : gradient.add(parameter.mul(fixed(2 * shrinkage, parameter)));
    const sum = slots["sum"]!.add(gradient.square());
    const scale = raised(sum);
    const linear = slots["linear"]!.add(shrunk.sub(scale.sub(raised(slots["sum"]!)).div(rate).mul(parameter)));
    const bound = fixed(l1, parameter);
    const cut = l1 === 0 ? linear.neg() : linear.clamp(bound.neg(), bound).sub(linear);
    return { parameter: cut.div(scale.div(rate).add(common["l2"]!)), slots: { sum, linear } };
  },
});
