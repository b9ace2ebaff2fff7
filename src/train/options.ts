import { CambiumError } from "../base/error.ts";
import { nearest } from "../base/text.ts";
import type { Hooks } from "./callback.ts";
import type { ClassWeight, Data } from "./feed.ts";
import type { Batches } from "./source.ts";
import type { Several } from "./structure.ts";

/** Data to be examined on: inputs, labels, and how much each sample counts; or what yields such batches. */
export type ValidationData = readonly [x: Several<Data>, y: Several<Data>, sampleWeight?: Several<Data>] | Batches;

export interface FitOptions {
  /** The number of the last epoch. Default 1. */
  epochs?: number;
  /** Samples a step. Default 32. */
  batchSize?: number;
  /** Share of the data, taken from its end, that is not learnt from but examined on after each epoch. */
  validationSplit?: number;
  /** Data to be examined on after each epoch; goes before `validationSplit`. */
  validationData?: ValidationData;
  /** Default: `batchSize`. */
  validationBatchSize?: number;
  /** Every how many epochs to examine, or after which ones (counted from 1). Default 1. */
  validationFreq?: number | readonly number[];
  /** Whether each epoch goes through the samples in an order of its own. Default `true`. */
  shuffle?: boolean;
  callbacks?: Hooks | readonly Hooks[];
  /** Ends training after the step at hand when it is aborted; `fit` then throws its reason, and the model stays as that step left it. */
  signal?: AbortSignal;
  /** 0: silent, 1: a bar (a line an epoch where there is no terminal), 2: a line an epoch. Default 1. */
  verbose?: 0 | 1 | 2 | "auto";
  /** How much the samples of each class count. */
  classWeight?: ClassWeight;
  /** How much each sample counts; for a model with several results, for all or for each. */
  sampleWeight?: Several<Data>;
  /** The number of the first epoch: where a run that is resumed goes on. Default 0. */
  initialEpoch?: number;
  /** At most this many steps an epoch. Default: all the data. */
  stepsPerEpoch?: number;
  /** At most this many steps an examination. Default: all the data. */
  validationSteps?: number;
}

export interface EvaluateOptions {
  /** Samples at once. Default 32. */
  batchSize?: number;
  sampleWeight?: Several<Data>;
  /** At most this many steps. Default: all the data. */
  steps?: number;
  verbose?: 0 | 1 | 2 | "auto";
  /** Whether the numbers come by name instead of in a list. Default `false`. */
  returnDict?: boolean;
}

export interface PredictOptions {
  /** Samples at once. Default 32. */
  batchSize?: number;
  verbose?: 0 | 1 | 2 | "auto";
}

export interface BatchOptions {
  sampleWeight?: Several<Data>;
  classWeight?: ClassWeight;
  /** Whether the numbers come by name instead of in a list. Default `false`. */
  returnDict?: boolean;
}

/** `value`, which is to be a whole number from `least`. */
export function whole(where: string, name: string, value: number, least = 1): number {
  if (!Number.isInteger(value) || value < least) throw new CambiumError("value", where, `${name} is ${String(value)}; it is a whole number from ${least}`);
  return value;
}

/** Complains about options there are none of: a misspelt one would have no effect, in silence. */
export function expectKnown(where: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    throw new CambiumError(
      "name",
      where,
      `there is no option "${name}"; there are ${names.join(", ")}`,
      near === undefined ? undefined : `did you mean "${near}"?`,
    );
  }
}

/** The names of `FitOptions`. */
export const fitOptions: readonly (keyof FitOptions)[] = [
  "epochs",
  "batchSize",
  "validationSplit",
  "validationData",
  "validationBatchSize",
  "validationFreq",
  "shuffle",
  "callbacks",
  "signal",
  "verbose",
  "classWeight",
  "sampleWeight",
  "initialEpoch",
  "stepsPerEpoch",
  "validationSteps",
];
