import { CambiumError } from "../base/error.ts";
import { Callback } from "./callback.ts";
import type { Logs } from "./history.ts";
import { type Mode, Monitor } from "./monitor.ts";

export interface ModelCheckpointOptions {
  /** Where to; `{epoch}` (from 1), `{val_loss}` and the like are filled in, as in `"run/{epoch:02d}-{val_loss:.2f}"`. */
  filepath: string;
  /** Default `"val_loss"`. */
  monitor?: string;
  /** Whether only what is better than all before is saved. Default `false`. */
  saveBestOnly?: boolean;
  /** Whether the weights alone are saved, for `loadWeights`. Default `false`. */
  saveWeightsOnly?: boolean;
  mode?: Mode;
  /** Every how many epochs to save. Default `"epoch"`, that is 1. */
  saveFreq?: "epoch" | number;
  /** What the watched number has to beat at first. */
  initialValueThreshold?: number;
  /** Default 0: silent. */
  verbose?: 0 | 1;
}

/**
 * Saves the model (with the optimizer's state, so that training can be resumed) after epochs.
 * @source Keras `ModelCheckpoint`; here a numeric `saveFreq` counts epochs
 */
export class ModelCheckpoint extends Callback {
  readonly #monitor: Monitor;
  readonly #options: ModelCheckpointOptions;
  #best: number;
  #since = 0;

  constructor(options: ModelCheckpointOptions | string) {
    super();
    this.#options = typeof options === "string" ? { filepath: options } : options;
    if (!this.#options?.filepath)
      throw new CambiumError("value", "ModelCheckpoint", "needs to know where to save to", 'new ModelCheckpoint({ filepath: "model" })');
    this.#monitor = new Monitor("ModelCheckpoint", this.#options.monitor ?? "val_loss", this.#options.mode);
    this.#best = this.#options.initialValueThreshold ?? this.#monitor.worst;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { filepath, saveBestOnly = false, saveWeightsOnly = false, saveFreq = "epoch", verbose = 0 } = this.#options;
    if (++this.#since < (saveFreq === "epoch" ? 1 : saveFreq)) return;
    this.#since = 0;
    const path = fill(filepath, { ...logs, epoch: epoch + 1 });
    if (saveBestOnly) {
      const current = this.#monitor.read(logs);
      if (current === undefined || !this.#monitor.better(current, this.#best)) return;
      if (verbose) console.log(`Epoch ${epoch + 1}: ${this.#monitor.name} improved from ${this.#best} to ${current}, saving the model to ${path}`);
      this.#best = current;
    } else if (verbose) console.log(`Epoch ${epoch + 1}: saving the model to ${path}`);
    await (saveWeightsOnly ? this.model.saveWeights(path) : this.model.save(path));
  }
}

/** Names in braces become their numbers, written as Python's format would. */
function fill(template: string, logs: Readonly<Logs>): string {
  return template.replace(/\{(\w+)(?::(0?)(\d*)(?:\.(\d+))?([df])?)?\}/g, (_, name: string, zero: string, width: string, digits: string | undefined) => {
    const value = logs[name];
    if (value === undefined) throw new CambiumError("name", "ModelCheckpoint", `filepath names "${name}", which is none of ${Object.keys(logs).join(", ")}`);
    const text = digits === undefined ? String(value) : value.toFixed(Number(digits));
    return text.padStart(Number(width || 0), zero ? "0" : " ");
  });
}
