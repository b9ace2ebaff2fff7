import type { Tensor } from "../tensor/tensor.ts";
import { Callback } from "./callback.ts";
import type { Logs } from "./history.ts";
import { type Mode, Monitor } from "./monitor.ts";

export interface EarlyStoppingOptions {
  /** Default `"val_loss"`. */
  monitor?: string;
  /** How much better counts as better. Default 0. */
  minDelta?: number;
  /** How many epochs may pass without getting better. Default 0. */
  patience?: number;
  /** Default 0: silent. */
  verbose?: 0 | 1;
  mode?: Mode;
  /** Getting better than this is what patience waits for. */
  baseline?: number;
  /** Whether the weights of the best epoch are put back in the end. Default `false`. */
  restoreBestWeights?: boolean;
  /** Epochs before this one are not looked at. Default 0. */
  startFromEpoch?: number;
}

/**
 * Ends training when it has stopped getting better.
 * @source Keras `EarlyStopping`
 */
export class EarlyStopping extends Callback {
  readonly #monitor: Monitor;
  readonly #options: EarlyStoppingOptions;
  #best: number | undefined;
  #bestWeights: Tensor[] | undefined;
  #wait = 0;
  /** The epoch with the best number so far. */
  bestEpoch = 0;
  /** The epoch after which training was ended; 0 when it was not. */
  stoppedEpoch = 0;

  constructor(options: EarlyStoppingOptions = {}) {
    super();
    this.#options = options;
    this.#monitor = new Monitor("EarlyStopping", options.monitor ?? "val_loss", options.mode);
  }

  override onTrainBegin(): void {
    this.#best = undefined;
    this.#bestWeights = undefined;
    this.#wait = 0;
    this.bestEpoch = 0;
    this.stoppedEpoch = 0;
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { patience = 0, minDelta = 0, baseline, restoreBestWeights = false, startFromEpoch = 0 } = this.#options;
    const current = this.#monitor.read(logs);
    if (current === undefined || epoch < startFromEpoch) return;
    if (restoreBestWeights && !this.#bestWeights) {
      this.#bestWeights = this.model.getWeights();
      this.bestEpoch = epoch;
    }
    this.#wait++;
    if (this.#best === undefined || this.#monitor.better(current, this.#best, Math.abs(minDelta))) {
      this.#best = current;
      this.bestEpoch = epoch;
      if (restoreBestWeights) this.#bestWeights = this.model.getWeights();
      if (baseline === undefined || this.#monitor.better(current, baseline, Math.abs(minDelta))) this.#wait = 0;
    } else if (this.#wait >= patience && epoch > 0) {
      this.stoppedEpoch = epoch;
      this.model.stopTraining = true;
    }
  }

  override onTrainEnd(): void {
    if (this.stoppedEpoch > 0 && this.#options.verbose) console.log(`Epoch ${this.stoppedEpoch + 1}: early stopping`);
    if (!this.#bestWeights) return;
    if (this.#options.verbose) console.log(`Restoring the weights of the best epoch: ${this.bestEpoch + 1}`);
    this.model.setWeights(this.#bestWeights);
  }
}
