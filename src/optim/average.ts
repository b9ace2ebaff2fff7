import { full } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fixed } from "./rule.ts";
import type { Change } from "./stepper.ts";

/** Running means of parameters, kept beside them. @source Keras `use_ema`: the first mean is the parameter after its first step */
export class Average {
  readonly #parameters: readonly Tensor[];
  readonly #means: readonly Tensor[];
  readonly #steps: Tensor = full([], 0);
  readonly #momentum: number;
  readonly #every: number | undefined;
  readonly #first: number;

  /** `every`: after how many steps parameters take over their means; `first`: how many steps the first update takes. */
  constructor(parameters: readonly Tensor[], momentum: number, every: number | undefined, first = 1) {
    this.#parameters = parameters;
    this.#means = parameters.map(({ shape, dtype }) => full(shape, 0, { dtype }));
    this.#momentum = momentum;
    this.#every = every;
    this.#first = first;
  }

  /** What becomes of everything when parameters change so. */
  after(changes: readonly Change[]): Change[] {
    const next = new Map(changes);
    const added: Change[] = [[this.#steps, this.#steps.add(1)]];
    const begun = this.#steps.greaterEqual(this.#first);
    const due = this.#every === undefined ? undefined : this.#steps.add(1).mod(this.#every).equal(0);
    for (const [i, parameter] of this.#parameters.entries()) {
      const value = next.get(parameter);
      if (!value) continue;
      const mean = begun.where(value.lerp(this.#means[i]!, fixed(this.#momentum, value)), value);
      added.push([this.#means[i]!, mean]);
      if (due) next.set(parameter, due.where(mean, value));
    }
    return [...next, ...added];
  }

  /** What parameters become when they take over their means. */
  taken(): Change[] {
    return this.#parameters.map((parameter, i): Change => [parameter, this.#steps.greater(0).where(this.#means[i]!, parameter)]);
  }

  /** Parameters and their means in each other's place; on the `last` time means stay. */
  swapped(last: boolean): Change[] {
    const begun = this.#steps.greater(0);
    return this.#parameters.flatMap((parameter, i): Change[] => {
      const mean = this.#means[i]!;
      return [[parameter, begun.where(mean, parameter)], ...(last ? [] : [[mean, begun.where(parameter, mean)] as Change])];
    });
  }

  *memory(names: readonly string[]): Generator<[name: string, tensor: Tensor]> {
    yield ["averaged", this.#steps];
    for (const [i, mean] of this.#means.entries()) yield [`${names[i]}.average`, mean];
  }
}
