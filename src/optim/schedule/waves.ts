/** Schedules that go down and up again. */
import { CambiumError } from "../../base/error.ts";
import { LRScheduler, type Scheduled } from "./scheduler.ts";

/** Down to `etaMin` along a cosine over `tMax` steps, and up again. @source PyTorch `CosineAnnealingLR`; Loshchilov and Hutter, "SGDR" (2017) */
export class CosineAnnealingLR extends LRScheduler {
  readonly #length: number;
  readonly #lowest: number;

  constructor(optimizer: Scheduled, tMax: number, { etaMin = 0 }: { etaMin?: number } = {}) {
    super(optimizer);
    [this.#length, this.#lowest] = [tMax, etaMin];
    this.apply();
  }

  protected next(rate: number, base: number, epoch: number): number {
    if (epoch === 0) return rate;
    const wave = (t: number): number => 1 + Math.cos((Math.PI * t) / this.#length);
    // From the lowest point no factor leads up.
    if ((epoch - 1 - this.#length) % (2 * this.#length) === 0) return rate + ((base - this.#lowest) * (1 - Math.cos(Math.PI / this.#length))) / 2;
    return (wave(epoch) / wave(epoch - 1)) * (rate - this.#lowest) + this.#lowest;
  }
}

/** Down to `etaMin` along a cosine over `t0` steps, then from the top, each time `tMult` times as long. @source PyTorch `CosineAnnealingWarmRestarts` */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly #phase: (epoch: number) => number;
  readonly #lowest: number;

  constructor(optimizer: Scheduled, t0: number, { tMult = 1, etaMin = 0 }: { tMult?: number; etaMin?: number } = {}) {
    super(optimizer);
    this.#lowest = etaMin;
    this.#phase = (epoch) => {
      let length = t0;
      let rest = epoch;
      for (; rest >= length; length *= tMult) rest -= length;
      return rest / length;
    };
    this.apply();
  }

  protected next(_: number, base: number, epoch: number): number {
    return this.#lowest + ((base - this.#lowest) * (1 + Math.cos(Math.PI * this.#phase(epoch)))) / 2;
  }
}

/** A group whose momentum a schedule may move. */
type Moved = { lr: number; momentum?: number; betas?: readonly [number, number] };

/** Sets what an optimizer has of a momentum. */
function setMomentum(where: string, group: Moved, momentum: number): void {
  if (group.betas !== undefined) group.betas = [momentum, group.betas[1]];
  else if (group.momentum !== undefined) group.momentum = momentum;
  else
    throw new CambiumError(
      "value",
      where,
      "cycleMomentum is on, but the optimizer has no momentum",
      "pass { cycleMomentum: false }, or use an optimizer with momentum or betas",
    );
}

export interface OneCycleOptions {
  /** How many steps there will be; or `epochs` and `stepsPerEpoch`. */
  totalSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  /** The share of steps that goes up. Default 0.3. */
  pctStart?: number;
  /** Default `"cos"`. */
  annealStrategy?: "cos" | "linear";
  /** Whether the momentum falls while the rate rises. Default `true`. */
  cycleMomentum?: boolean;
  /** The lowest momentum. Default 0.85. */
  baseMomentum?: number;
  /** The highest momentum. Default 0.95. */
  maxMomentum?: number;
  /** How much smaller than the largest the first rate is. Default 25. */
  divFactor?: number;
  /** How much smaller than the first the last rate is. Default 1e4. */
  finalDivFactor?: number;
  /** Whether the rate goes down to the first one before it vanishes. Default `false`. */
  threePhase?: boolean;
}

/** One way up to `maxLr` and down to nearly 0. @source PyTorch `OneCycleLR`; Smith and Topin, "Super-convergence" (2018) */
export class OneCycleLR extends LRScheduler {
  readonly #most: number | readonly number[];
  readonly #options: OneCycleOptions;
  readonly #total: number;

  constructor(optimizer: Scheduled, maxLr: number | readonly number[], options: OneCycleOptions = {}) {
    super(optimizer);
    const { totalSteps, epochs, stepsPerEpoch } = options;
    const total = totalSteps ?? (epochs ?? Number.NaN) * (stepsPerEpoch ?? Number.NaN);
    if (!Number.isInteger(total) || total < 1)
      throw new CambiumError("value", "OneCycleLR", "needs to know how many steps there will be", "{ totalSteps: 1000 } or { epochs: 10, stepsPerEpoch: 100 }");
    [this.#most, this.#options, this.#total] = [maxLr, options, total];
    this.apply();
  }

  protected next(_: number, __: number, epoch: number, group: number): number {
    if (epoch > this.#total) throw new CambiumError("state", "OneCycleLR", `step ${epoch} was asked for; the cycle has ${this.#total}`);
    const { pctStart = 0.3, annealStrategy = "cos", cycleMomentum = true, divFactor = 25, finalDivFactor = 1e4, threePhase = false } = this.#options;
    const { baseMomentum = 0.85, maxMomentum = 0.95 } = this.#options;
    const top = typeof this.#most === "number" ? this.#most : this.#most[group]!;
    const first = top / divFactor;
    const last = first / finalDivFactor;
    const [low, high] = [baseMomentum, maxMomentum];
    const up = pctStart * this.#total - 1;
    const phases = threePhase
      ? ([
          [up, first, top, high, low],
          [2 * pctStart * this.#total - 2, top, first, low, high],
          [this.#total - 1, first, last, high, high],
        ] as const)
      : ([
          [up, first, top, high, low],
          [this.#total - 1, top, last, low, high],
        ] as const);
    let start = 0;
    let phase: (typeof phases)[number] = phases[0];
    for (phase of phases) {
      if (epoch <= phase[0]) break;
      if (phase !== phases.at(-1)) start = phase[0];
    }
    const [end, from, to, momentumFrom, momentumTo] = phase;
    const share = (epoch - start) / (end - start);
    const between = (a: number, b: number): number => (annealStrategy === "cos" ? b + ((a - b) / 2) * (1 + Math.cos(Math.PI * share)) : a + (b - a) * share);
    if (cycleMomentum) setMomentum("OneCycleLR", this.groups[group]!, between(momentumFrom, momentumTo));
    return between(from, to);
  }
}

export interface CyclicOptions {
  /** Steps on the way up. Default 2000. */
  stepSizeUp?: number;
  /** Steps on the way down. Default: as up. */
  stepSizeDown?: number;
  /** Whether peaks stay, halve, or fall by `gamma` at each step. Default `"triangular"`. */
  mode?: "triangular" | "triangular2" | "exp_range";
  gamma?: number;
  /** A factor for the peaks of one's own, by the cycle (from 1) or by the step. */
  scaleFn?: (x: number) => number;
  /** Default `"cycle"`. */
  scaleMode?: "cycle" | "iterations";
  /** Whether the momentum falls while the rate rises. Default `true`. */
  cycleMomentum?: boolean;
  /** Default 0.8. */
  baseMomentum?: number;
  /** Default 0.9. */
  maxMomentum?: number;
}

/** Up and down between two rates in straight lines. @source PyTorch `CyclicLR`; Smith, "Cyclical learning rates for training neural networks" (2017) */
export class CyclicLR extends LRScheduler {
  readonly #lowest: number | readonly number[];
  readonly #most: number | readonly number[];
  readonly #options: CyclicOptions;

  constructor(optimizer: Scheduled, baseLr: number | readonly number[], maxLr: number | readonly number[], options: CyclicOptions = {}) {
    super(optimizer);
    if (options.mode !== undefined && !["triangular", "triangular2", "exp_range"].includes(options.mode))
      throw new CambiumError("name", "CyclicLR", `there is no mode "${String(options.mode)}"; it is "triangular", "triangular2" or "exp_range"`);
    [this.#lowest, this.#most, this.#options] = [baseLr, maxLr, options];
    this.apply();
  }

  protected next(_: number, __: number, epoch: number, group: number): number {
    const { stepSizeUp = 2000, stepSizeDown = stepSizeUp, mode = "triangular", gamma = 1, scaleFn, scaleMode = "cycle" } = this.#options;
    const { cycleMomentum = true, baseMomentum = 0.8, maxMomentum = 0.9 } = this.#options;
    const total = stepSizeUp + stepSizeDown;
    const cycle = Math.floor(1 + epoch / total);
    const x = 1 + epoch / total - cycle;
    const turn = stepSizeUp / total;
    const height = x <= turn ? x / turn : (x - 1) / (turn - 1);
    const own = scaleFn?.(scaleMode === "cycle" ? cycle : epoch);
    const scale = own ?? (mode === "triangular2" ? 1 / 2 ** (cycle - 1) : mode === "exp_range" ? gamma ** epoch : 1);
    if (cycleMomentum) setMomentum("CyclicLR", this.groups[group]!, maxMomentum - (maxMomentum - baseMomentum) * height * scale);
    const [low, high] = [this.#lowest, this.#most].map((rate) => (typeof rate === "number" ? rate : rate[group]!)) as [number, number];
    return low + (high - low) * height * scale;
  }
}

export interface SWALROptions {
  /** Over how many steps the rate goes there. Default 10. */
  annealEpochs?: number;
  /** Default `"cos"`. */
  annealStrategy?: "cos" | "linear";
}

/** To `swaLr`, where it stays while weights are averaged. @source PyTorch `SWALR` */
export class SWALR extends LRScheduler {
  readonly #goal: number | readonly number[];
  readonly #length: number;
  readonly #way: (t: number) => number;

  constructor(optimizer: Scheduled, swaLr: number | readonly number[], { annealEpochs = 10, annealStrategy = "cos" }: SWALROptions = {}) {
    super(optimizer);
    if (annealStrategy !== "cos" && annealStrategy !== "linear")
      throw new CambiumError("name", "SWALR", `there is no annealStrategy "${String(annealStrategy)}"; it is "cos" or "linear"`);
    [this.#goal, this.#length] = [swaLr, annealEpochs];
    this.#way = annealStrategy === "cos" ? (t) => (1 - Math.cos(Math.PI * t)) / 2 : (t) => t;
    this.apply();
  }

  protected next(rate: number, _: number, epoch: number, group: number): number {
    const goal = typeof this.#goal === "number" ? this.#goal : this.#goal[group]!;
    const step = this.#length === 0 ? Math.max(1, epoch) : epoch;
    const along = (t: number): number => this.#way(Math.max(0, Math.min(1, t / Math.max(1, this.#length))));
    const [before, now] = [along(step - 1), along(step)];
    const first = before === 1 ? goal : (rate - before * goal) / (1 - before);
    return goal * now + first * (1 - now);
  }
}
