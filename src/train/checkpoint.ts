import { CambiumError } from "../base/error.ts";
import { Callback } from "./callback.ts";
import type { Logs } from "./history.ts";
import { type Mode, Monitor } from "./monitor.ts";

export interface ModelCheckpointOptions {
  /** Where to; `{epoch}` (from 1), `{batch}`, `{val_loss}` and the like are filled in, as in `"run/{epoch:02d}-{val_loss:.2f}"`. */
  filepath: string;
  /** Default `"val_loss"`. */
  monitor?: string;
  /** Whether only what is better than all before is saved. Default `false`. */
  saveBestOnly?: boolean;
  /** Whether the weights alone are saved, for `loadWeights`. Default `false`. */
  saveWeightsOnly?: boolean;
  mode?: Mode;
  /** After each epoch, or after so many batches, counted through epochs. Default `"epoch"`. */
  saveFreq?: "epoch" | number;
  /** What the watched number has to beat at first. */
  initialValueThreshold?: number;
  /** Default 0: silent. */
  verbose?: 0 | 1;
}

/**
 * Saves the model (with the optimizer's state, so that training can be resumed) after epochs, or after batches.
 * @source Keras `ModelCheckpoint`
 */
export class ModelCheckpoint extends Callback {
  readonly #monitor: Monitor;
  readonly #options: ModelCheckpointOptions;
  #best: number;
  #since = 0;
  #epoch = 0;

  constructor(options: ModelCheckpointOptions | string) {
    super();
    this.#options = typeof options === "string" ? { filepath: options } : options;
    if (!this.#options?.filepath)
      throw new CambiumError("value", "ModelCheckpoint", "needs to know where to save to", 'new ModelCheckpoint({ filepath: "model" })');
    this.#monitor = new Monitor("ModelCheckpoint", this.#options.monitor ?? "val_loss", this.#options.mode);
    this.#best = this.#options.initialValueThreshold ?? this.#monitor.worst;
    const { saveFreq = "epoch" } = this.#options;
    if (saveFreq !== "epoch" && !(Number.isInteger(saveFreq) && saveFreq > 0))
      throw new CambiumError("value", "ModelCheckpoint", `saveFreq is ${JSON.stringify(saveFreq)}; it is "epoch", or a number of batches`);
    // Who wants no batches is not told of any, which would cost a read each.
    if (saveFreq !== "epoch")
      this.onBatchEnd = async (batch, logs) => {
        if (++this.#since % saveFreq === 0) await this.#save(this.#epoch, { ...logs, batch: batch + 1 });
      };
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if ((this.#options.saveFreq ?? "epoch") === "epoch") await this.#save(epoch, logs);
  }

  async #save(epoch: number, logs: Logs): Promise<void> {
    const { filepath, saveBestOnly = false, saveWeightsOnly = false, verbose = 0 } = this.#options;
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
