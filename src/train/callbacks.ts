/** The ready-made callbacks, as classes and, as in TensorFlow.js, as functions that make them. */
import { BackupAndRestore, type BackupAndRestoreOptions } from "./backup.ts";
import { Callback, type Hooks } from "./callback.ts";
import { ModelCheckpoint, type ModelCheckpointOptions } from "./checkpoint.ts";
import { CSVLogger, type CSVLoggerOptions } from "./csv.ts";
import { EarlyStopping, type EarlyStoppingOptions } from "./early-stopping.ts";
import { SwapEMAWeights } from "./swap.ts";
import { History, type Logs } from "./history.ts";
import { LearningRateScheduler, ReduceLROnPlateau, type ReduceLROnPlateauOptions, type Schedule } from "./schedule.ts";

/** Ends training as soon as the loss is no number. */
export class TerminateOnNaN extends Callback {
  override onBatchEnd(batch: number, logs: Logs): void {
    if (Number.isFinite(logs["loss"] ?? 0)) return;
    console.warn(`Batch ${batch}: the loss is ${logs["loss"]}; training ends\n  hint: a smaller learning rate, or look for such numbers in the data`);
    this.model.stopTraining = true;
  }
}

/** A callback out of single functions. */
export class LambdaCallback extends Callback {
  constructor(hooks: Hooks) {
    super();
    Object.assign(this, hooks);
  }
}

interface Ready {
  BackupAndRestore: typeof BackupAndRestore;
  CSVLogger: typeof CSVLogger;
  Callback: typeof Callback;
  EarlyStopping: typeof EarlyStopping;
  History: typeof History;
  LambdaCallback: typeof LambdaCallback;
  LearningRateScheduler: typeof LearningRateScheduler;
  ModelCheckpoint: typeof ModelCheckpoint;
  ReduceLROnPlateau: typeof ReduceLROnPlateau;
  SwapEMAWeights: typeof SwapEMAWeights;
  TerminateOnNaN: typeof TerminateOnNaN;
  backupAndRestore(options: BackupAndRestoreOptions | string): BackupAndRestore;
  csvLogger(filename: string, options?: CSVLoggerOptions): CSVLogger;
  earlyStopping(options?: EarlyStoppingOptions): EarlyStopping;
  lambdaCallback(hooks: Hooks): LambdaCallback;
  learningRateScheduler(schedule: Schedule, options?: { verbose?: 0 | 1 }): LearningRateScheduler;
  modelCheckpoint(options: ModelCheckpointOptions | string): ModelCheckpoint;
  reduceLROnPlateau(options?: ReduceLROnPlateauOptions): ReduceLROnPlateau;
  swapEMAWeights(options?: { swapOnEpoch?: boolean }): SwapEMAWeights;
  terminateOnNaN(): TerminateOnNaN;
}

/** The callbacks by name: `new callbacks.EarlyStopping(options)` or `callbacks.earlyStopping(options)`. */
export const callbacks: Ready = {
  BackupAndRestore,
  CSVLogger,
  Callback,
  EarlyStopping,
  History,
  LambdaCallback,
  LearningRateScheduler,
  ModelCheckpoint,
  ReduceLROnPlateau,
  SwapEMAWeights,
  TerminateOnNaN,
  backupAndRestore: (options) => new BackupAndRestore(options),
  csvLogger: (filename, options) => new CSVLogger(filename, options),
  earlyStopping: (options) => new EarlyStopping(options),
  lambdaCallback: (hooks) => new LambdaCallback(hooks),
  learningRateScheduler: (schedule, options) => new LearningRateScheduler(schedule, options),
  modelCheckpoint: (options) => new ModelCheckpoint(options),
  reduceLROnPlateau: (options) => new ReduceLROnPlateau(options),
  swapEMAWeights: (options) => new SwapEMAWeights(options),
  terminateOnNaN: () => new TerminateOnNaN(),
};
