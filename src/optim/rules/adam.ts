/** Rules that measure a mean gradient by how large the gradient usually is. Where PyTorch and Keras differ, `way` says whose way it is. */
import { rmsStep } from "../../ops/arithmetic.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { breadth, type Dial, dialled, fixed, rest, type Rule } from "../rule.ts";

/** `1 − betaᵗ`, exact also while it is small. */
export const shortfall = (beta: Dial, count: Tensor): Tensor =>
  count
    .mul(typeof beta === "number" ? fixed(Math.log(beta), count) : dialled(beta, count).log())
    .expm1()
    .neg();

/** `p − rate · m / (√v + eps)` */
export const scaledStep = (p: Tensor, m: Tensor, v: Tensor, rate: Tensor, eps: Tensor): Tensor =>
  new Tensor(rmsStep(p.node, m.node, v.node, rate.node, eps.node));

/** Keras keeps its betas as numbers of the parameter's own dtype. */
export const kept = (beta: Dial, like: Tensor, way: "torch" | "keras"): Dial =>
  way === "keras" && typeof beta === "number" && breadth(like) === "float32" ? Math.fround(beta) : beta;

export interface AdamSettings {
  beta1: Dial;
  beta2: number;
  eps: number;
  amsgrad?: boolean;
  /** PyTorch adds eps to the corrected root, Keras to the root as it is; Keras also rounds its betas to float32. */
  way: "torch" | "keras";
}

/** @source Kingma and Ba, "Adam: a method for stochastic optimization" (2015) */
export const adam = ({ beta1, beta2, eps, amsgrad = false, way }: AdamSettings): Rule => ({
  counts: true,
  slots: { mean: 0, square: 0, ...(amsgrad && { largest: 0 }) },
  common: (rate, count) => {
    const root = shortfall(kept(beta2, count, way), count).sqrt();
    return {
      rate: rate.mul(root).div(shortfall(kept(beta1, count, way), count)),
      eps: way === "torch" ? root.mul(fixed(eps, count)) : fixed(eps, count),
    };
  },
  step: ({ parameter, gradient, slots, common }) => {
    const mean = slots["mean"]!.lerp(gradient, rest(beta1, parameter));
    const square = slots["square"]!.lerp(gradient.square(), fixed(1 - beta2, parameter));
    const largest = amsgrad ? slots["largest"]!.maximum(square) : undefined;
    const next = scaledStep(parameter, mean, largest ?? square, common["rate"]!, common["eps"]!);
    return { parameter: next, slots: { mean, square, ...(largest && { largest }) } };
  },
});

export interface AdamaxSettings {
  beta1: number;
  beta2: number;
  eps: number;
  /** PyTorch adds eps to each gradient, Keras to the largest so far. */
  way: "torch" | "keras";
}

/** Adam by the largest gradient so far instead of the mean square. @source Kingma and Ba, "Adam" (2015), section 7 */
export const adamax = ({ beta1, beta2, eps, way }: AdamaxSettings): Rule => ({
  counts: true,
  slots: { mean: 0, largest: 0 },
  common: (rate, count) => ({ rate: rate.div(shortfall(kept(beta1, count, way), count)) }),
  step: ({ parameter, gradient, slots, common }) => {
    const mean = slots["mean"]!.lerp(gradient, fixed(1 - beta1, parameter));
    const size = gradient.abs();
    const largest = slots["largest"]!.mul(fixed(beta2, parameter)).maximum(way === "torch" ? size.add(fixed(eps, parameter)) : size);
    const by = way === "torch" ? largest : largest.add(fixed(eps, parameter));
    return { parameter: parameter.sub(mean.mul(common["rate"]!).div(by)), slots: { mean, largest } };
  },
});

export interface NadamSettings {
  beta1: number;
  beta2: number;
  eps: number;
  /** How fast the momentum grows to its full size; Keras' is 1. */
  momentumDecay: number;
  way: "torch" | "keras";
}

/** Adam that looks ahead, as Nesterov's momentum does. @source Dozat, "Incorporating Nesterov momentum into Adam" (2016) */
export const nadam = ({ beta1, beta2, eps, momentumDecay, way }: NadamSettings): Rule => ({
  counts: true,
  slots: { mean: 0, square: 0 },
  shared: { muProduct: 1 },
  common: (rate, count, { muProduct }) => {
    const speed = fixed(Math.log(0.96) * momentumDecay, count);
    const mu = (t: Tensor): Tensor => t.mul(speed).exp().mul(-0.5).add(1).mul(fixed(beta1, count));
    const [now, next] = [mu(count), mu(count.add(1))];
    // PyTorch and Keras keep the product in single precision.
    const product = muProduct!.mul(now.to("float32"));
    const root = shortfall(kept(beta2, count, way), count).sqrt();
    return {
      muProduct: product,
      // The corrected root of the mean square is its root over `root`; rates and eps take that over.
      fresh: rate.mul(now.neg().add(1)).div(product.to(count.dtype).neg().add(1)).mul(root),
      mean: rate.mul(next).div(product.to(count.dtype).mul(next).neg().add(1)).mul(root),
      eps: root.mul(fixed(eps, count)),
      one: fixed(1, count),
    };
  },
  step: ({ parameter, gradient, slots, common }) => {
    const mean = slots["mean"]!.lerp(gradient, fixed(1 - beta1, parameter));
    const square = slots["square"]!.lerp(gradient.square(), fixed(1 - beta2, parameter));
    const ahead = gradient.mul(common["fresh"]!).add(mean.mul(common["mean"]!));
    return { parameter: scaledStep(parameter, ahead, square, common["one"]!, common["eps"]!), slots: { mean, square } };
  },
});

export interface RadamSettings {
  beta1: number;
  beta2: number;
  eps: number;
}

/** Adam that goes by the mean gradient alone until the mean square can be trusted. @source Liu et al., "On the variance of the adaptive learning rate and beyond" (2020) */
export const radam = ({ beta1, beta2, eps }: RadamSettings): Rule => ({
  counts: true,
  slots: { mean: 0, square: 0 },
  common: (rate, count) => {
    const longest = 2 / (1 - beta2) - 1;
    const short = shortfall(beta2, count);
    const length = count.mul(-2).mul(short.neg().add(1)).div(short).add(fixed(longest, count));
    const trusted = length.greater(5);
    const factor = fixed(longest / ((longest - 4) * (longest - 2)), count);
    const rectified = length.sub(4).mul(length.sub(2)).mul(factor).div(length).maximum(0).sqrt();
    const plain = rate.div(shortfall(beta1, count));
    return { plain: trusted.where(0, plain), scaled: trusted.where(plain.mul(rectified).mul(short.sqrt()), 0), eps: fixed(eps, count) };
  },
  step: ({ parameter, gradient, slots, common }) => {
    const mean = slots["mean"]!.lerp(gradient, fixed(1 - beta1, parameter));
    const square = slots["square"]!.lerp(gradient.square(), fixed(1 - beta2, parameter));
    const plain = parameter.sub(mean.mul(common["plain"]!));
    return { parameter: scaledStep(plain, mean, square, common["scaled"]!, common["eps"]!), slots: { mean, square } };
  },
});

export interface LambSettings {
  beta1: number;
  beta2: number;
  eps: number;
}

/** Adam with steps as long, layer by layer, as the weights are. @source You et al., "Large batch optimization for deep learning" (2020) */
export const lamb = ({ beta1, beta2, eps }: LambSettings): Rule => ({
  counts: true,
  slots: { mean: 0, square: 0 },
  common: (_, count) => ({ mean: shortfall(kept(beta1, count, "keras"), count), square: shortfall(kept(beta2, count, "keras"), count) }),
  step: ({ parameter, gradient, slots, rate, common }) => {
    const mean = slots["mean"]!.lerp(gradient, fixed(1 - beta1, parameter));
    const square = slots["square"]!.lerp(gradient.square(), fixed(1 - beta2, parameter));
    const step = mean.div(common["mean"]!).div(square.div(common["square"]!).sqrt().add(fixed(eps, parameter)));
    const [weights, length] = [parameter, step].map((x) => x.square().sum().sqrt()) as [Tensor, Tensor];
    const ratio = weights.greater(0).logicalAnd(length.greater(0)).where(weights.div(length), 1);
    return { parameter: parameter.sub(step.mul(ratio.mul(rate))), slots: { mean, square } };
  },
});

export interface ScheduleFreeSettings {
  beta1: number;
  beta2: number;
  eps: number;
  warmupSteps: number;
}

/** Adam whose parameters are themselves a running mean, so that no schedule is needed. @source Defazio et al., "The road less scheduled" (2024) */
export const scheduleFree = ({ beta1, beta2, eps, warmupSteps }: ScheduleFreeSettings): Rule => ({
  counts: true,
  slots: (parameter) => ({ base: parameter.detach(), square: 0 }),
  common: (rate, count) => {
    const root = shortfall(kept(beta2, count, "keras"), count).sqrt();
    const warm = warmupSteps > 0 ? rate.mul(count.div(fixed(warmupSteps, count)).minimum(1)) : rate;
    return { rate: warm.mul(root), eps: root.mul(fixed(eps, count)), weight: count.reciprocal() };
  },
  step: ({ parameter, gradient, slots, common }) => {
    const square = slots["square"]!.lerp(gradient.square(), fixed(1 - beta2, parameter));
    const base = scaledStep(slots["base"]!, gradient, square, common["rate"]!, common["eps"]!);
    const mean = parameter.sub(slots["base"]!.mul(fixed(1 - beta1, parameter))).div(fixed(beta1, parameter));
    return { parameter: base.lerp(mean.lerp(base, common["weight"]!), fixed(beta1, parameter)), slots: { base, square } };
  },
});
