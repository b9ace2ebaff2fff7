import { zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Logs } from "./history.ts";

/** Running means that live on the engine: programs add to them, and they are read only when somebody looks. */
export class Meter {
  readonly #names: readonly string[];
  readonly #sums: readonly Tensor[];
  /** How many numbers were added to each sum, for one sample. */
  readonly #parts: number[];
  /** Samples since the last reset. */
  samples = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#sums = names.map(() => zeros([], { dtype: "float64" }));
    this.#parts = names.map(() => 1);
  }

  reset(): void {
    for (const sum of this.#sums) sum.assign(zeros([], { dtype: "float64" }));
    this.samples = 0;
  }

  /** Adds `sum`, which is made of `parts` numbers a sample, to the `i`th. To be called while a program is traced. */
  add(i: number, sum: Tensor, parts = 1): void {
    this.#parts[i] = parts;
    this.#sums[i]!.assign(this.#sums[i]!.add(sum.to("float64")));
  }

  /** The means so far. */
  async read(): Promise<Logs> {
    const logs: Logs = {};
    for (const [i, name] of this.#names.entries()) logs[name] = (await this.#sums[i]!.data())[0]! / Math.max(this.samples * this.#parts[i]!, 1);
    return logs;
  }
}
