/** The door for training: what `fit` takes and tells. */
export type { BackupAndRestoreOptions } from "./backup.ts";
export { Callback, type Hooks, type Plan, type Rest, type Trainee } from "./callback.ts";
export { callbacks } from "./callbacks.ts";
export type { ModelCheckpointOptions } from "./checkpoint.ts";
export type { CompileOptions } from "./compile.ts";
export type { CSVLoggerOptions } from "./csv.ts";
export type { EarlyStoppingOptions } from "./early-stopping.ts";
export type { ClassWeight, Data } from "./feed.ts";
export { History, type Logs } from "./history.ts";
export type { BatchOptions, EvaluateOptions, FitOptions, PredictOptions, ValidationData } from "./options.ts";
export type { ReduceLROnPlateauOptions } from "./schedule.ts";
