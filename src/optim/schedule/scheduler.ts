import { CambiumError } from "../../base/error.ts";

/** What a schedule needs of an optimizer. */
export interface Scheduled {
  readonly paramGroups: readonly { lr: number }[];
}

/** Where a schedule is. */
export interface ScheduleState {
  readonly lastEpoch: number;
  readonly baseLrs?: readonly number[];
  readonly lastLr?: readonly number[];
}

/** The rate each group had before any schedule changed it. */
const firstRates = new WeakMap<object, number>();

/** Sets the rate of every group at once and after each `step()`, which comes after the optimizer's. It goes on from the rate of now, so several may be used together. */
export abstract class LRScheduler {
  /** How often `step()` has been called. */
  lastEpoch = 0;
  protected readonly groups: readonly { lr: number }[];
  /** The rates the groups had at first. */
  readonly baseLrs: readonly number[];

  constructor(optimizer: Scheduled) {
    if (!Array.isArray(optimizer?.paramGroups)) throw new CambiumError("value", this.constructor.name, "the first argument must be an optimizer");
    this.groups = optimizer.paramGroups;
    this.baseLrs = this.groups.map((group) => {
      if (!firstRates.has(group)) firstRates.set(group, group.lr);
      return firstRates.get(group)!;
    });
  }

  /** The rate after `epoch` steps of a group that began with `base` and has `rate` now. */
  protected abstract next(rate: number, base: number, epoch: number, group: number): number;

  /** Goes on to the next rate. */
  step(): void {
    this.lastEpoch++;
    this.apply();
  }

  /** Begins anew, from the rates of the very beginning. */
  restart(): void {
    this.lastEpoch = 0;
    for (const [i, group] of this.groups.entries()) group.lr = this.baseLrs[i]!;
    this.apply();
  }

  protected apply(): void {
    for (const [i, group] of this.groups.entries()) group.lr = this.next(group.lr, this.baseLrs[i]!, this.lastEpoch, i);
  }

  /** The rates now, one a group. */
  getLastLr(): number[] {
    return this.groups.map(({ lr }) => lr);
  }

  stateDict(): ScheduleState {
    return { lastEpoch: this.lastEpoch, baseLrs: [...this.baseLrs], lastLr: this.getLastLr() };
  }

  loadStateDict({ lastEpoch, baseLrs, lastLr }: ScheduleState): void {
    this.lastEpoch = lastEpoch;
    if (baseLrs) (this as { baseLrs: readonly number[] }).baseLrs = [...baseLrs];
    for (const [i, group] of this.groups.entries()) group.lr = lastLr?.[i] ?? group.lr;
  }
}

/** One function for all groups, or one for each. */
type PerGroup<T> = T | readonly T[];

/** The rate as a function of the step: the factor that `f` gives. @source PyTorch `LambdaLR` */
export class LambdaLR extends LRScheduler {
  readonly #factors: PerGroup<(epoch: number) => number>;

  constructor(optimizer: Scheduled, f: PerGroup<(epoch: number) => number>) {
    super(optimizer);
    this.#factors = f;
    this.apply();
  }

  protected next(_: number, base: number, epoch: number, group: number): number {
    return base * (typeof this.#factors === "function" ? this.#factors : this.#factors[group]!)(epoch);
  }
}

/** The rate of before times something that goes by the step. */
abstract class Factor extends LRScheduler {
  readonly #factor: (epoch: number, group: number) => number;

  constructor(optimizer: Scheduled, factor: (epoch: number, group: number) => number) {
    super(optimizer);
    this.#factor = factor;
    this.apply();
  }

  protected next(rate: number, _: number, epoch: number, group: number): number {
    return rate * this.#factor(epoch, group);
  }
}

/** The rate of before, times what `f` gives, at every step but the first. @source PyTorch `MultiplicativeLR` */
export class MultiplicativeLR extends Factor {
  constructor(optimizer: Scheduled, f: PerGroup<(epoch: number) => number>) {
    super(optimizer, (epoch, group) => (epoch === 0 ? 1 : (typeof f === "function" ? f : f[group]!)(epoch)));
  }
}

/** `gamma` times the rate after every `stepSize` steps. @source PyTorch `StepLR` */
export class StepLR extends Factor {
  constructor(optimizer: Scheduled, stepSize: number, { gamma = 0.1 }: { gamma?: number } = {}) {
    super(optimizer, (epoch) => (epoch > 0 && epoch % stepSize === 0 ? gamma : 1));
  }
}

/** `gamma` times the rate at every one of `milestones`. @source PyTorch `MultiStepLR` */
export class MultiStepLR extends Factor {
  constructor(optimizer: Scheduled, milestones: readonly number[], { gamma = 0.1 }: { gamma?: number } = {}) {
    super(optimizer, (epoch) => gamma ** milestones.filter((m) => m === epoch).length);
  }
}

/** `gamma` times the rate after every step. @source PyTorch `ExponentialLR` */
export class ExponentialLR extends Factor {
  constructor(optimizer: Scheduled, gamma: number) {
    super(optimizer, (epoch) => (epoch === 0 ? 1 : gamma));
  }
}

/** `factor` of the rate for the first `totalIters` steps. @source PyTorch `ConstantLR` */
export class ConstantLR extends Factor {
  constructor(optimizer: Scheduled, { factor = 1 / 3, totalIters = 5 }: { factor?: number; totalIters?: number } = {}) {
    super(optimizer, (epoch) => (epoch === 0 ? factor : epoch === totalIters ? 1 / factor : 1));
  }
}

/** From `startFactor` to `endFactor` of the rate in a straight line over `totalIters` steps: a warm-up. @source PyTorch `LinearLR` */
export class LinearLR extends Factor {
  constructor(
    optimizer: Scheduled,
    { startFactor = 1 / 3, endFactor = 1, totalIters = 5 }: { startFactor?: number; endFactor?: number; totalIters?: number } = {},
  ) {
    if (!(startFactor > 0 && startFactor <= 1))
      throw new CambiumError(
        "value",
        "LinearLR",
        `startFactor is ${startFactor}; it is above 0 and at most 1`,
        startFactor === 0 ? "begin with a very small one, 1e-6" : undefined,
      );
    const rise = endFactor - startFactor;
    super(optimizer, (epoch) => (epoch === 0 ? startFactor : epoch > totalIters ? 1 : 1 + rise / (totalIters * startFactor + (epoch - 1) * rise)));
  }
}

/** Down to 0 over `totalIters` steps, along a power. @source PyTorch `PolynomialLR` */
export class PolynomialLR extends Factor {
  constructor(optimizer: Scheduled, { totalIters = 5, power = 1 }: { totalIters?: number; power?: number } = {}) {
    super(optimizer, (epoch) => (epoch === 0 || epoch > totalIters ? 1 : ((totalIters - epoch) / (totalIters - epoch + 1)) ** power));
  }
}
