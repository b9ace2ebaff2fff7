/** PyTorch's `lr_scheduler`: how the rates of an optimizer's groups go on from step to step. */
import { CambiumError } from "../base/error.ts";

/** What a schedule needs of an optimizer. */
export interface Scheduled {
  readonly paramGroups: readonly { lr: number }[];
}

/** Sets the rate of every group at once and after each `step()`, which comes after the optimizer's. */
export abstract class LRScheduler {
  /** How often `step()` has been called. */
  lastEpoch = 0;
  readonly #groups: readonly { lr: number }[];
  /** The rates the groups had at first. */
  readonly baseLrs: readonly number[];

  constructor(optimizer: Scheduled) {
    if (!Array.isArray(optimizer?.paramGroups)) throw new CambiumError("value", this.constructor.name, "the first argument must be an optimizer");
    this.#groups = optimizer.paramGroups;
    this.baseLrs = this.#groups.map(({ lr }) => lr);
  }

  /** The rate after `epoch` steps of a group that began with `base`. */
  protected abstract rate(base: number, epoch: number): number;

  /** Goes on to the next rate. */
  step(): void {
    this.lastEpoch++;
    this.apply();
  }

  protected apply(): void {
    this.#groups.forEach((group, i) => {
      group.lr = this.rate(this.baseLrs[i]!, this.lastEpoch);
    });
  }

  /** The rates now, one a group. */
  getLastLr(): number[] {
    return this.#groups.map(({ lr }) => lr);
  }

  stateDict(): { lastEpoch: number } {
    return { lastEpoch: this.lastEpoch };
  }

  loadStateDict({ lastEpoch }: { lastEpoch: number }): void {
    this.lastEpoch = lastEpoch;
    this.apply();
  }
}

/** The rate as a function of the step: the factor that `f` gives. @source PyTorch `LambdaLR` */
export class LambdaLR extends LRScheduler {
  readonly #factor: (epoch: number) => number;

  constructor(optimizer: Scheduled, f: (epoch: number) => number) {
    super(optimizer);
    this.#factor = f;
    this.apply();
  }

  protected rate(base: number, epoch: number): number {
    return base * this.#factor(epoch);
  }
}

/** `gamma` times the rate after every `stepSize` steps. @source PyTorch `StepLR` */
export class StepLR extends LambdaLR {
  constructor(optimizer: Scheduled, stepSize: number, { gamma = 0.1 }: { gamma?: number } = {}) {
    super(optimizer, (epoch) => gamma ** Math.floor(epoch / stepSize));
  }
}

/** `gamma` times the rate at every one of `milestones`. @source PyTorch `MultiStepLR` */
export class MultiStepLR extends LambdaLR {
  constructor(optimizer: Scheduled, milestones: readonly number[], { gamma = 0.1 }: { gamma?: number } = {}) {
    super(optimizer, (epoch) => gamma ** milestones.filter((m) => m <= epoch).length);
  }
}

/** `gamma` times the rate after every step. @source PyTorch `ExponentialLR` */
export class ExponentialLR extends LambdaLR {
  constructor(optimizer: Scheduled, gamma: number) {
    super(optimizer, (epoch) => gamma ** epoch);
  }
}

/** `factor` of the rate for the first `totalIters` steps. @source PyTorch `ConstantLR` */
export class ConstantLR extends LambdaLR {
  constructor(optimizer: Scheduled, { factor = 1 / 3, totalIters = 5 }: { factor?: number; totalIters?: number } = {}) {
    super(optimizer, (epoch) => (epoch < totalIters ? factor : 1));
  }
}

/** From `startFactor` to `endFactor` of the rate in a straight line over `totalIters` steps. @source PyTorch `LinearLR` */
export class LinearLR extends LambdaLR {
  constructor(
    optimizer: Scheduled,
    { startFactor = 1 / 3, endFactor = 1, totalIters = 5 }: { startFactor?: number; endFactor?: number; totalIters?: number } = {},
  ) {
    super(optimizer, (epoch) => startFactor + (endFactor - startFactor) * Math.min(epoch / totalIters, 1));
  }
}

/** Down to 0 over `totalIters` steps, along a power. @source PyTorch `PolynomialLR` */
export class PolynomialLR extends LambdaLR {
  constructor(optimizer: Scheduled, { totalIters = 5, power = 1 }: { totalIters?: number; power?: number } = {}) {
    super(optimizer, (epoch) => (1 - Math.min(epoch / totalIters, 1)) ** power);
  }
}

/** A wave between the first rate and `etaMin`. `phase` says how far along its way down an epoch is, from 0 to 1. */
abstract class Cosine extends LRScheduler {
  readonly #lowest: number;
  readonly #phase: (epoch: number) => number;

  constructor(optimizer: Scheduled, lowest: number, phase: (epoch: number) => number) {
    super(optimizer);
    this.#lowest = lowest;
    this.#phase = phase;
    this.apply();
  }

  protected rate(base: number, epoch: number): number {
    return this.#lowest + ((base - this.#lowest) * (1 + Math.cos(Math.PI * this.#phase(epoch)))) / 2;
  }
}

/** Down to `etaMin` along a cosine over `tMax` steps, and up again. @source PyTorch `CosineAnnealingLR`; Loshchilov and Hutter, "SGDR" (2017) */
export class CosineAnnealingLR extends Cosine {
  constructor(optimizer: Scheduled, tMax: number, { etaMin = 0 }: { etaMin?: number } = {}) {
    super(optimizer, etaMin, (epoch) => epoch / tMax);
  }
}

/** Down to `etaMin` along a cosine over `t0` steps, then from the top, each time `tMult` times as long. @source PyTorch `CosineAnnealingWarmRestarts` */
export class CosineAnnealingWarmRestarts extends Cosine {
  constructor(optimizer: Scheduled, t0: number, { tMult = 1, etaMin = 0 }: { tMult?: number; etaMin?: number } = {}) {
    super(optimizer, etaMin, (epoch) => {
      let length = t0;
      let rest = epoch;
      for (; rest >= length; length *= tMult) rest -= length;
      return rest / length;
    });
  }
}

export interface PlateauOptions {
  /** Whether less is better (`"min"`, the default) or more. */
  mode?: "min" | "max";
  /** What rates are multiplied by. Default 0.1. */
  factor?: number;
  /** How many steps may pass without getting better. Default 10. */
  patience?: number;
  /** How much better counts as better. Default 1e-4. */
  threshold?: number;
  /** Whether the threshold is a share of the best value (`"rel"`, the default) or a distance. */
  thresholdMode?: "rel" | "abs";
  /** How many steps to wait after a reduction. Default 0. */
  cooldown?: number;
  /** Default 0. */
  minLr?: number;
}

/** Lower rates when `step(value)` has stopped getting better. @source PyTorch `ReduceLROnPlateau` */
export class ReduceLROnPlateau {
  readonly #groups: readonly { lr: number }[];
  readonly #options: Required<PlateauOptions>;
  #best: number;
  #bad = 0;
  #cooling = 0;

  constructor(optimizer: Scheduled, options: PlateauOptions = {}) {
    this.#groups = optimizer.paramGroups;
    this.#options = { mode: "min", factor: 0.1, patience: 10, threshold: 1e-4, thresholdMode: "rel", cooldown: 0, minLr: 0, ...options };
    if (this.#options.factor >= 1) throw new CambiumError("value", "ReduceLROnPlateau", `factor is ${options.factor}; only one below 1 lowers the rate`);
    this.#best = this.#options.mode === "min" ? Infinity : -Infinity;
  }

  step(value: number): void {
    const { factor, patience, cooldown, minLr } = this.#options;
    if (this.#better(value)) [this.#best, this.#bad] = [value, 0];
    else this.#bad++;
    if (this.#cooling > 0) [this.#cooling, this.#bad] = [this.#cooling - 1, 0];
    if (this.#bad <= patience) return;
    for (const group of this.#groups) {
      const next = Math.max(group.lr * factor, minLr);
      // Smaller changes are not worth a step, as in PyTorch.
      if (group.lr - next > 1e-8) group.lr = next;
    }
    [this.#cooling, this.#bad] = [cooldown, 0];
  }

  #better(value: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === "min" ? -1 : 1;
    const bar = thresholdMode === "rel" && Number.isFinite(this.#best) ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return mode === "min" ? value < bar : value > bar;
  }

  getLastLr(): number[] {
    return this.#groups.map(({ lr }) => lr);
  }
}
