/** Keras' optimizers by name: made with options, bound to parameters by whoever trains. */
import { CambiumError } from "../base/error.ts";
import { bare, unknownName } from "../base/text.ts";
import { adam, adamax, adamw, lamb, lion, nadam, scheduleFreeAdamw } from "./keras/adam.ts";
import { LossScaleOptimizer } from "./keras/lossscale.ts";
import { adafactor, muon } from "./keras/matrices.ts";
import { KerasOptimizer } from "./keras/optimizer.ts";
import type { LossScaleOptions } from "./keras/scaling.ts";
import { schedules } from "./keras/schedules.ts";
import { adadelta, adagrad, ftrl, rmsprop, sgd } from "./keras/squares.ts";

/** An optimizer by its name and options, as a saved model has it. */
interface Named {
  readonly name: string;
  readonly config: object;
}

/**
 * An optimizer whose loss is multiplied by as much as its gradients bear: twice as much after many updates, half as much, and no update, when one is out of reach.
 * @throws a `value` error for an inner optimizer that scales by itself or gathers gradients
 * @source Keras `LossScaleOptimizer`: 2¹⁵ at first, doubled after 2000 updates
 */
function lossScaleOptimizer(
  inner: string | KerasOptimizer | (LossScaleOptions & { innerOptimizer: string | KerasOptimizer | Named }),
  options?: LossScaleOptions,
): KerasOptimizer {
  if (typeof inner === "string" || inner instanceof KerasOptimizer) return new LossScaleOptimizer(get(inner), options);
  const { innerOptimizer: given, ...rest } = inner ?? {};
  const made = typeof given === "object" && given !== null && !(given instanceof KerasOptimizer) ? get(given.name, given.config) : get(given);
  return new LossScaleOptimizer(made, rest);
}

const makers = {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamw,
  ftrl,
  lamb,
  lion,
  lossScaleOptimizer,
  muon,
  nadam,
  rmsprop,
  scheduleFreeAdamw,
  sgd,
} as const;

/** The optimizers by name, and the schedules their learning rates may go by. */
export const optimizers: {
  adadelta: typeof adadelta;
  adafactor: typeof adafactor;
  adagrad: typeof adagrad;
  adam: typeof adam;
  adamax: typeof adamax;
  adamw: typeof adamw;
  ftrl: typeof ftrl;
  lamb: typeof lamb;
  lion: typeof lion;
  lossScaleOptimizer: typeof lossScaleOptimizer;
  muon: typeof muon;
  nadam: typeof nadam;
  rmsprop: typeof rmsprop;
  scheduleFreeAdamw: typeof scheduleFreeAdamw;
  sgd: typeof sgd;
  schedules: typeof schedules;
} = { ...makers, schedules };

const byName = new Map<string, (options?: object) => KerasOptimizer>(
  Object.entries(makers).map(([name, make]) => [bare(name), make as (options?: object) => KerasOptimizer]),
);

/**
 * The optimizer a name stands for, with its defaults or the given options; optimizers pass through.
 * @throws a `name` error that names the nearest known optimizer
 */
export function get(given: string | KerasOptimizer, options?: object): KerasOptimizer {
  if (given instanceof KerasOptimizer) return given;
  if (typeof given !== "string")
    throw new CambiumError(
      "value",
      "optimizers",
      `expected a name or an optimizer, got ${given === null ? "null" : typeof given}`,
      "optimizers.adam({ learningRate: 1e-3 })",
    );
  const make = byName.get(bare(given));
  if (!make) throw unknownName("optimizers", "optimizer", given, Object.keys(makers));
  return make(options);
}
