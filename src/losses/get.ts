import { CambiumError } from "../base/error.ts";
import { suggest } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LossFunction } from "./function.ts";
import * as keras from "./keras.ts";
import * as kinds from "./kinds.ts";

const known: Readonly<Record<string, LossFunction<any>>> = { ...keras, ...kinds };

/** The names of all losses. */
export const lossNames: readonly string[] = Object.keys(known);

const short: Readonly<Record<string, string>> = {
  mse: "meanSquaredError",
  mae: "meanAbsoluteError",
  mape: "meanAbsolutePercentageError",
  msle: "meanSquaredLogarithmicError",
  bce: "binaryCrossentropy",
  kld: "kullbackLeiblerDivergence",
  klDivergence: "kullbackLeiblerDivergence",
  logCoshError: "logCosh",
};

/** A name in any of the spellings people bring along, in camel case: "mean_squared_error", "MeanSquaredError", "MSE". */
const spelled = (name: string): string =>
  name === name.toUpperCase()
    ? name.toLowerCase()
    : name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()).replace(/^(?:KL|[A-Z])/, (start) => start.toLowerCase());

/** Your own function as a loss: `(yTrue, yPred)` to one number a sample. */
export type AnyLoss = string | LossFunction<any> | ((yTrue: Tensor, yPred: Tensor) => Tensor);

/**
 * The loss a name stands for; functions pass through.
 * @throws a `name` error that names the nearest known loss
 */
export function get(loss: string): LossFunction<any>;
export function get<L extends Exclude<AnyLoss, string>>(loss: L): L;
export function get(loss: AnyLoss): Exclude<AnyLoss, string>;
export function get(loss: AnyLoss): Exclude<AnyLoss, string> {
  if (typeof loss === "function") return loss;
  const name = spelled(loss);
  const full = Object.hasOwn(short, name) ? short[name]! : name;
  if (!Object.hasOwn(known, full)) throw new CambiumError("name", "losses", `there is no loss "${loss}"`, suggest(loss, [...lossNames, ...Object.keys(short)]));
  return known[full]!;
}
