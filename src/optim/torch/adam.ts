import type { Tensor } from "../../tensor/tensor.ts";
import { type BaseOptions, type Group, Optimizer } from "../optimizer.ts";
import type { Dial } from "../rule.ts";
import { adam, adamax, nadam, radam } from "../rules/adam.ts";
import type { Plan } from "../stepper.ts";

export interface MomentsOptions extends BaseOptions {
  /** How much of the mean gradient and of the mean square stays. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Keeps the quotient finite. Default 1e-8. */
  eps?: number;
  /** Added to the gradient, times the parameter; taken off the parameter, times the rate, where decay is decoupled. */
  weightDecay?: number;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

export interface AdamOptions extends MomentsOptions {
  /** Divides by the largest mean square so far. Default `false`. */
  amsgrad?: boolean;
}

const moments = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false } as const;
const names = { mean: "expAvg", square: "expAvgSq", largest: "maxExpAvgSq" } as const;

const adamPlan = ({ betas, eps, amsgrad, weightDecay, maximize }: Required<AdamOptions>, decoupled: boolean, beta1: Dial = betas[0]): Plan => ({
  rule: adam({ beta1, beta2: betas[1], eps, amsgrad, way: "torch" }),
  settings: { weightDecay, decoupled, maximize },
});

/** Steps by the mean gradient, measured by how large the gradient usually is. @source PyTorch `optim.Adam`: lr 1e-3, eps 1e-8 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<AdamOptions>>, options: AdamOptions = {}) {
    super(parameters, options, { lr: 1e-3, ...moments, amsgrad: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return names;
  }

  protected plan(options: Required<AdamOptions>, beta1?: Dial): Plan {
    return adamPlan(options, false, beta1);
  }
}

/** Adam with weight decay that does not pass through the moments. @source PyTorch `optim.AdamW`: weightDecay 0.01 */
export class AdamW extends Optimizer<AdamOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<AdamOptions>>, options: AdamOptions = {}) {
    super(parameters, options, { lr: 1e-3, ...moments, weightDecay: 0.01, amsgrad: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return names;
  }

  protected plan(options: Required<AdamOptions>, beta1?: Dial): Plan {
    return adamPlan(options, true, beta1);
  }
}

/** Adam by the largest gradient so far instead of the mean square. @source PyTorch `optim.Adamax`: lr 2e-3 */
export class Adamax extends Optimizer<MomentsOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<MomentsOptions>>, options: MomentsOptions = {}) {
    super(parameters, options, { lr: 2e-3, ...moments });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return { mean: "expAvg", largest: "expInf" };
  }

  protected plan({ betas: [beta1, beta2], eps, weightDecay, maximize }: Required<MomentsOptions>): Plan {
    return { rule: adamax({ beta1, beta2, eps, way: "torch" }), settings: { weightDecay, maximize } };
  }
}

export interface RAdamOptions extends MomentsOptions {
  /** Whether decay is taken off the parameter instead of being added to its gradient. Default `false`. */
  decoupledWeightDecay?: boolean;
}

/** Adam that waits until its mean square can be trusted. @source PyTorch `optim.RAdam`: lr 1e-3 */
export class RAdam extends Optimizer<RAdamOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<RAdamOptions>>, options: RAdamOptions = {}) {
    super(parameters, options, { lr: 1e-3, ...moments, decoupledWeightDecay: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return names;
  }

  protected plan({ betas: [beta1, beta2], eps, weightDecay, maximize, decoupledWeightDecay }: Required<RAdamOptions>): Plan {
    return { rule: radam({ beta1, beta2, eps }), settings: { weightDecay, maximize, decoupled: decoupledWeightDecay } };
  }
}

export interface NAdamOptions extends RAdamOptions {
  /** How fast the momentum grows to its full size. Default 4e-3. */
  momentumDecay?: number;
}

/** Adam that looks ahead, as Nesterov's momentum does. @source PyTorch `optim.NAdam`: lr 2e-3 */
export class NAdam extends Optimizer<NAdamOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<NAdamOptions>>, options: NAdamOptions = {}) {
    super(parameters, options, { lr: 2e-3, ...moments, momentumDecay: 4e-3, decoupledWeightDecay: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return names;
  }

  protected plan({ betas: [beta1, beta2], eps, momentumDecay, weightDecay, maximize, decoupledWeightDecay }: Required<NAdamOptions>): Plan {
    return { rule: nadam({ beta1, beta2, eps, momentumDecay, way: "torch" }), settings: { weightDecay, maximize, decoupled: decoupledWeightDecay } };
  }
}
