/** Rules that go down the gradient, or by its sign alone. */
import { type Dial, dialled, fixed, rest, type Rule } from "../rule.ts";

export interface MomentumSettings {
  momentum: Dial;
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
        const keep = dialled(momentum, parameter);
        const step = gradient.mul(rate);
        const velocity = slots["velocity"]!.mul(keep).sub(step);
        return { parameter: nesterov ? parameter.add(velocity.mul(keep)).sub(step) : parameter.add(velocity), slots: { velocity } };
      },
    };
  return {
    counts: dampening !== 0,
    slots: { velocity: 0 },
    // The first gradient is not dampened.
    ...(dampening !== 0 && { common: (_, count) => ({ share: count.equal(1).where(1, fixed(1 - dampening, count)) }) }),
    step: ({ parameter, gradient, slots, rate, common }) => {
      const keep = dialled(momentum, parameter);
      const gathered = slots["velocity"]!.mul(keep);
      const velocity = gathered.add(dampening === 0 ? gradient : gradient.mul(common["share"]!));
      return { parameter: parameter.sub((nesterov ? gradient.add(velocity.mul(keep)) : velocity).mul(rate)), slots: { velocity } };
    },
  };
}

export interface LionSettings {
  beta1: number;
  beta2: number;
}

/** Steps of one size, in the direction that the mean gradient has. @source Chen et al., "Symbolic discovery of optimization algorithms" (2023) */
export const lion = ({ beta1, beta2 }: LionSettings): Rule => ({
  counts: false,
  slots: { mean: 0 },
  step: ({ parameter, gradient, slots, rate }) => ({
    parameter: parameter.sub(slots["mean"]!.lerp(gradient, rest(beta1, parameter)).sign().mul(rate)),
    slots: { mean: slots["mean"]!.lerp(gradient, rest(beta2, parameter)) },
  }),
});

export interface AsgdSettings {
  /** How much of each parameter is taken away, times the rate. */
  lambd: number;
  /** The power with which the rate falls. */
  alpha: number;
  /** The step from which parameters are averaged. */
  t0: number;
}

/** Steps down the gradient with a falling rate, and the mean of the parameters beside. @source Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992) */
export const asgd = ({ lambd, alpha, t0 }: AsgdSettings): Rule => ({
  counts: true,
  slots: { average: 0 },
  common: (rate, count) => {
    const before = count.sub(1);
    return {
      rate: rate.div(rate.mul(fixed(lambd, count)).mul(before).add(1).pow(fixed(alpha, count))),
      share: before.sub(fixed(t0, count)).maximum(1).reciprocal(),
    };
  },
  step: ({ parameter, gradient, slots, common }) => {
    const eta = common["rate"]!;
    const next = parameter.sub(parameter.mul(eta.mul(fixed(lambd, parameter)))).sub(gradient.mul(eta));
    return { parameter: next, slots: { average: slots["average"]!.lerp(next, common["share"]!) } };
  },
});

export interface RpropSettings {
  /** What a step size is multiplied by when the sign changes, and when it stays. */
  etas: readonly [less: number, more: number];
  /** The least and the most a step may be. */
  stepSizes: readonly [least: number, most: number];
}

/** Step sizes that grow while the gradient keeps its sign, and shrink when it turns. @source Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning" (1993) */
export const rprop = ({ etas: [less, more], stepSizes: [least, most] }: RpropSettings): Rule => ({
  counts: true,
  slots: { previous: 0, size: 0 },
  step: ({ parameter, gradient, slots, rate, count }) => {
    const agreement = gradient.mul(slots["previous"]!);
    const turned = agreement.less(0);
    const factor = turned.where(fixed(less, parameter), agreement.greater(0).where(fixed(more, parameter), 1));
    const size = count.equal(1).where(rate, slots["size"]!).mul(factor).clamp(fixed(least, parameter), fixed(most, parameter));
    const previous = turned.where(0, gradient);
    return { parameter: parameter.sub(previous.sign().mul(size)), slots: { previous, size } };
  },
});
