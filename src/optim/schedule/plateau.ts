import { CambiumError } from "../../base/error.ts";
import type { Scheduled } from "./scheduler.ts";

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
  /** A number for all groups, or one for each. Default 0. */
  minLr?: number | readonly number[];
  /** Smaller changes of a rate are not worth a step. Default 1e-8. */
  eps?: number;
}

/** Where a plateau's schedule is. */
export interface PlateauState {
  readonly best: number;
  readonly numBadEpochs: number;
  readonly cooldownCounter: number;
  readonly lastLr: readonly number[];
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
    this.#options = { mode: "min", factor: 0.1, patience: 10, threshold: 1e-4, thresholdMode: "rel", cooldown: 0, minLr: 0, eps: 1e-8, ...options };
    const { mode, thresholdMode } = this.#options;
    if (mode !== "min" && mode !== "max") throw new CambiumError("name", "ReduceLROnPlateau", `there is no mode "${String(mode)}"; it is "min" or "max"`);
    if (thresholdMode !== "rel" && thresholdMode !== "abs")
      throw new CambiumError("name", "ReduceLROnPlateau", `there is no thresholdMode "${String(thresholdMode)}"; it is "rel" or "abs"`);
    if (this.#options.factor >= 1) throw new CambiumError("value", "ReduceLROnPlateau", `factor is ${options.factor}; only one below 1 lowers the rate`);
    this.#best = this.#options.mode === "min" ? Infinity : -Infinity;
  }

  step(value: number): void {
    const { factor, patience, cooldown, minLr, eps } = this.#options;
    if (this.#better(value)) [this.#best, this.#bad] = [value, 0];
    else this.#bad++;
    if (this.#cooling > 0) [this.#cooling, this.#bad] = [this.#cooling - 1, 0];
    if (this.#bad <= patience) return;
    for (const [i, group] of this.#groups.entries()) {
      const next = Math.max(group.lr * factor, typeof minLr === "number" ? minLr : minLr[i]!);
      if (group.lr - next > eps) group.lr = next;
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

  stateDict(): PlateauState {
    return { best: this.#best, numBadEpochs: this.#bad, cooldownCounter: this.#cooling, lastLr: this.getLastLr() };
  }

  loadStateDict({ best, numBadEpochs, cooldownCounter, lastLr }: PlateauState): void {
    [this.#best, this.#bad, this.#cooling] = [best, numBadEpochs, cooldownCounter];
    for (const [i, group] of this.#groups.entries()) group.lr = lastLr[i] ?? group.lr;
  }
}
