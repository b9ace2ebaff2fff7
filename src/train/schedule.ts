import { CambiumError } from "../base/error.ts";
import { Callback } from "./callback.ts";
import type { Logs } from "./history.ts";
import { type Mode, Monitor } from "./monitor.ts";

/** The learning rate of an epoch (from 0), given the one before it. */
export type Schedule = (epoch: number, learningRate: number) => number;

/**
 * Sets the learning rate at the beginning of every epoch; the history gets it as `learning_rate`.
 * @source Keras `LearningRateScheduler`
 */
export class LearningRateScheduler extends Callback {
  readonly #schedule: Schedule;
  readonly #verbose: 0 | 1;

  constructor(schedule: Schedule, { verbose = 0 }: { verbose?: 0 | 1 } = {}) {
    super();
    if (typeof schedule !== "function")
      throw new CambiumError("value", "LearningRateScheduler", `needs a function of the epoch, got ${typeof schedule}`, "(epoch, rate) => rate * 0.9");
    this.#schedule = schedule;
    this.#verbose = verbose;
  }

  override onEpochBegin(epoch: number): void {
    const rate = this.#schedule(epoch, this.model.learningRate);
    if (typeof rate !== "number" || !Number.isFinite(rate))
      throw new CambiumError("value", "LearningRateScheduler", `the schedule gave ${rate} for epoch ${epoch}; a learning rate is a finite number`);
    this.model.learningRate = rate;
    if (this.#verbose) console.log(`Epoch ${epoch + 1}: the learning rate is ${rate}`);
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    logs["learning_rate"] = this.model.learningRate;
  }
}

export interface ReduceLROnPlateauOptions {
  /** Default `"val_loss"`. */
  monitor?: string;
  /** What the learning rate is multiplied by. Default 0.1. */
  factor?: number;
  /** How many epochs may pass without getting better. Default 10. */
  patience?: number;
  mode?: Mode;
  /** How much better counts as better. Default 1e-4. */
  minDelta?: number;
  /** How many epochs to wait after a reduction. Default 0. */
  cooldown?: number;
  /** Default 0. */
  minLearningRate?: number;
  verbose?: 0 | 1;
}

/**
 * Lowers the learning rate when training has stopped getting better; the history gets it as `learning_rate`.
 * @source Keras `ReduceLROnPlateau`
 */
export class ReduceLROnPlateau extends Callback {
  readonly #monitor: Monitor;
  readonly #options: ReduceLROnPlateauOptions;
  #best: number;
  #wait = 0;
  #cooling = 0;

  constructor(options: ReduceLROnPlateauOptions = {}) {
    super();
    if (options.factor !== undefined && !(options.factor < 1))
      throw new CambiumError("value", "ReduceLROnPlateau", `factor is ${options.factor}; only one below 1 lowers the learning rate`);
    this.#options = options;
    this.#monitor = new Monitor("ReduceLROnPlateau", options.monitor ?? "val_loss", options.mode);
    this.#best = this.#monitor.worst;
  }

  override onTrainBegin(): void {
    this.#best = this.#monitor.worst;
    this.#wait = 0;
    this.#cooling = 0;
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLearningRate = 0, verbose = 0 } = this.#options;
    const rate = this.model.learningRate;
    logs["learning_rate"] = rate;
    const current = this.#monitor.read(logs);
    if (current === undefined) return;
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#wait = 0;
    }
    if (this.#monitor.better(current, this.#best, minDelta)) {
      this.#best = current;
      this.#wait = 0;
    } else if (this.#cooling === 0 && ++this.#wait >= patience && rate > Math.fround(minLearningRate)) {
      this.model.learningRate = Math.max(rate * factor, minLearningRate);
      if (verbose) console.log(`Epoch ${epoch + 1}: the learning rate is now ${this.model.learningRate}`);
      this.#cooling = cooldown;
      this.#wait = 0;
    }
  }
}
