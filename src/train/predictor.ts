import { allocate } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Module } from "../module/module.ts";
import { compile } from "../tensor/compile.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Data, inOrder, toInputs } from "./feed.ts";
import { type PredictOptions, whole } from "./options.ts";
import { inMode, take } from "./programs.ts";
import { Pace } from "./turn.ts";

/** Asks a module what it makes of data, batch by batch. */
export class Predictor {
  readonly #predict: (index: Tensor, x: Tensor) => Tensor;

  constructor(module: Module) {
    this.#predict = compile((index: Tensor, x: Tensor) => inMode(module, false, () => module.forward(take(x, index)) as Tensor));
  }

  async predict(where: string, x: Data, inputShape: Shape | undefined, { batchSize = 32 }: PredictOptions = {}): Promise<Tensor> {
    whole(where, "batchSize", batchSize);
    const inputs = toInputs(where, x, inputShape);
    const count = inputs.shape[0]!;
    const pace = new Pace();
    const parts: Tensor[] = [];
    for (let from = 0; from < count; from += batchSize) {
      parts.push(this.#predict(fromArray(inOrder(from, Math.min(batchSize, count - from))), inputs));
      if (pace.due) await pace.rest();
    }
    return joined(parts);
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
