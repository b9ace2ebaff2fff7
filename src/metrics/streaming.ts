/** Numbers that are measured elsewhere, added up from batch to batch. */
import { asTensor, type TensorLike } from "../tensor/create.ts";
import { beside } from "../module/mask.ts";
import { Running, type Tally } from "./metric.ts";

/** The mean or sum of all numbers so far. */
export class Streaming {
  readonly #running: Running;

  constructor(result: Tally["result"]) {
    const sums: Tally["sums"] = (values, _, weight) => {
      const x = values.to("float64");
      if (!weight) return [x.sum(), x.size];
      const counts = beside(weight.to("float64"), x.rank).broadcast(x.shape);
      return [x.mul(counts).sum(), counts.sum()];
    };
    this.#running = new Running({ sums, result });
  }

  /** Takes in a number, or several; `sampleWeight` says what each counts. @shape `sampleWeight`: as `values`, or the first axes of it */
  updateState(values: TensorLike, sampleWeight?: TensorLike): void {
    const x = asTensor(values);
    this.#running.updateState(x, x, sampleWeight === undefined ? undefined : asTensor(sampleWeight));
  }

  /** What all numbers so far come to. */
  async result(): Promise<number> {
    return (await this.#running.result()) as number;
  }

  /** The same at once. @throws on engines whose results take time: use `await result()` there */
  resultSync(): number {
    return this.#running.resultSync() as number;
  }

  /** Forgets all numbers. */
  resetState(): void {
    this.#running.resetState();
  }

  /** Takes in what another one has taken in. */
  merge(other: Streaming): void {
    this.#running.merge(other.#running);
  }
}

/** The (weighted) mean of numbers that come one after another, a loss of one's own loop for instance. @source Keras `Mean` */
export const mean = (): Streaming => new Streaming(([sum, count]) => (count === 0 ? 0 : sum! / count!));

/** The (weighted) sum of numbers that come one after another. @source Keras `Sum` */
export const sum = (): Streaming => new Streaming(([sum]) => sum!);
