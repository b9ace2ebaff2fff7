import { zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Logs } from "./history.ts";

/** One number of the logs: what its sums come to. */
export interface Gauge {
  readonly name: string;
  readonly result: (sums: readonly number[]) => number | number[];
}

/** One sum: on the engine what depends on the data, here what depends on shapes only. */
interface Sum {
  state: Tensor | undefined;
  plain: number;
}

/** Sums that live on the engine: programs add to them, and they are read only when somebody looks. */
export class Meter {
  readonly #gauges: readonly Gauge[];
  readonly #sums: Sum[][];
  /** What a batch of so many samples adds to the plain sums. */
  readonly #steady: Map<number, readonly (readonly number[])[]> = new Map();

  constructor(gauges: readonly Gauge[]) {
    this.#gauges = gauges;
    this.#sums = gauges.map(() => []);
  }

  reset(): void {
    for (const sum of this.#sums.flat()) {
      sum.plain = 0;
      sum.state?.assign(zeros(sum.state.shape, { dtype: "float64" }));
    }
  }

  /** To be called while the program of a batch of `samples` is traced: what it adds to the sums of each gauge. */
  trace(samples: number, added: readonly (readonly (Tensor | number)[])[]): void {
    added.forEach((parts, i) => {
      const sums = this.#sums[i]!;
      parts.forEach((part, j) => {
        const sum = (sums[j] ??= { state: undefined, plain: 0 });
        if (typeof part === "number") return;
        const state = (sum.state ??= zeros(part.shape, { dtype: "float64" }));
        state.assign(state.add(part.to("float64")));
      });
    });
    this.#steady.set(
      samples,
      added.map((parts) => parts.map((part) => (typeof part === "number" ? part : 0))),
    );
  }

  /** To be called after each run of the program of a batch of `samples`. */
  count(samples: number): void {
    this.#steady.get(samples)!.forEach((parts, i) => {
      parts.forEach((part, j) => {
        this.#sums[i]![j]!.plain += part;
      });
    });
  }

  /** What the sums come to so far. */
  async read(): Promise<Logs> {
    const logs: Logs = {};
    for (const [i, { name, result }] of this.#gauges.entries()) {
      const sums: number[] = [];
      for (const { state, plain } of this.#sums[i]!) sums.push(...(state ? Array.from(await state.data(), (value) => value + plain) : [plain]));
      const found = sums.length === 0 ? 0 : result(sums);
      // Several numbers, one a class or threshold, are reported under their places.
      if (typeof found === "number") logs[name] = found;
      else for (const [place, value] of found.entries()) logs[`${name}_${place}`] = value;
    }
    return logs;
  }
}
