import { allocate } from "../base/dtype.ts";
import type { Module } from "../module/module.ts";
import { compile } from "../tensor/compile.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { inOrder } from "./feed.ts";
import { type PredictOptions, whole } from "./options.ts";
import { inMode, take } from "./programs.ts";
import { formedAs, listOf, type Results } from "./structure.ts";
import { Pace } from "./turn.ts";

/** Asks a module what it makes of data, batch by batch. */
export class Predictor {
  readonly #predict: (index: Tensor, ...x: Tensor[]) => Tensor[];
  /** The form of the module's results, once it has been traced. */
  #form: Results | undefined;

  constructor(module: Module, run: (...inputs: Tensor[]) => Results) {
    this.#predict = compile((index: Tensor, ...x: Tensor[]) =>
      inMode(module, false, () => {
        this.#form = run(...x.map((rows) => take(rows, index)));
        return [...listOf(this.#form)];
      }),
    );
  }

  async predict(where: string, inputs: readonly Tensor[], { batchSize = 32 }: PredictOptions = {}): Promise<Results> {
    whole(where, "batchSize", batchSize);
    const count = inputs[0]!.shape[0]!;
    const pace = new Pace();
    const parts: Tensor[][] = [];
    for (let from = 0; from < count; from += batchSize) {
      parts.push(this.#predict(fromArray(inOrder(from, Math.min(batchSize, count - from))), ...inputs));
      if (pace.due) await pace.rest();
    }
    const results = await Promise.all(parts[0]!.map((_, i) => joined(parts.map((batch) => batch[i]!))));
    return formedAs(this.#form!, results);
  }
}

/** Batches one after another, as one tensor. */
async function joined(parts: readonly Tensor[]): Promise<Tensor> {
  const [first] = parts as [Tensor, ...Tensor[]];
  if (parts.length === 1) return first;
  const out = allocate(
    first.dtype,
    parts.reduce((n, part) => n + part.size, 0),
  );
  let at = 0;
  for (const part of parts) {
    out.set(await part.data(), at);
    at += part.size;
  }
  return fromArray(out, [parts.reduce((n, part) => n + part.shape[0]!, 0), ...first.shape.slice(1)], { dtype: first.dtype });
}
