import { CambiumError } from "../base/error.ts";
import { openFiles } from "../data/files.ts";
import { Callback } from "./callback.ts";
import type { Logs } from "./history.ts";

export interface BackupAndRestoreOptions {
  /** The folder for the backup; of one run at a time. */
  backupDir: string;
  /** After each epoch, or after so many batches. Default `"epoch"`. */
  saveFreq?: "epoch" | number;
  /** Whether the backup is removed when training has come to its end. Default `true`. */
  deleteCheckpoint?: boolean;
}

/**
 * Keeps a backup of training, from which a run that was broken off goes on: the same program started again trains the epochs that are left, to the bit as if nothing had happened.
 * Within an epoch (`saveFreq` a number) there is no such place: its weights are kept, and the epoch begins anew, as in Keras.
 * @source Keras `BackupAndRestore`
 */
export class BackupAndRestore extends Callback {
  readonly #options: BackupAndRestoreOptions;
  readonly #path: string;
  #batches = 0;
  #done = 0;

  constructor(options: BackupAndRestoreOptions | string) {
    super();
    this.#options = typeof options === "string" ? { backupDir: options } : options;
    const { backupDir, saveFreq = "epoch" } = this.#options ?? {};
    if (!backupDir) throw new CambiumError("value", "BackupAndRestore", "needs a folder for the backup", 'callbacks.backupAndRestore("backup")');
    if (saveFreq !== "epoch" && !(Number.isInteger(saveFreq) && saveFreq > 0))
      throw new CambiumError("value", "BackupAndRestore", `saveFreq is ${JSON.stringify(saveFreq)}; it is "epoch", or a number of batches`);
    this.#path = `${backupDir}/latest.safetensors`;
    // Who wants no batches is not told of any, which would cost a read each.
    if (saveFreq !== "epoch")
      this.onBatchEnd = async () => {
        if (++this.#batches % saveFreq === 0) await this.model.save(this.#path);
      };
  }

  override async onTrainBegin(): Promise<void> {
    await this.model.restore(this.#path);
  }

  override async onEpochEnd(epoch: number, _logs: Logs): Promise<void> {
    this.#done = epoch + 1;
    if ((this.#options.saveFreq ?? "epoch") === "epoch") await this.model.save(this.#path);
  }

  override async onTrainEnd(): Promise<void> {
    // A run that a person broke off may be meant to go on.
    const whole = this.#done >= this.plan.epochs || this.model.stopTraining;
    if (whole && (this.#options.deleteCheckpoint ?? true)) await openFiles("BackupAndRestore", this.#path).remove(this.#path);
  }
}
