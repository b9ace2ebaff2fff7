/** Layers that read what no tensor holds. */
import { CambiumError } from "../base/error.ts";
import { farmHash64, sipHash64 } from "../base/fingerprint.ts";
import type { Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { currentTrace } from "../tensor/trace.ts";
import { Layer } from "./layer.ts";
import { areSymbolic, applied, inputsOf, isSymbolic } from "./symbolic.ts";
import type { Words } from "./words.ts";

/**
 * A layer in two halves: what reads strings into whole numbers, outside of the graph and once for all the data, and what is made of those numbers, in the graph as in any layer.
 * It stands where a model begins.
 */
export abstract class Reader extends Layer {
  /** The whole numbers that `data` stand for, one list an input. */
  abstract read(...data: Words[]): Tensor;

  /** Sizes of what is read of one sample; undefined where the data decide. */
  abstract readShape(...inputs: (Shape | undefined)[]): Shape | undefined;

  override get takesIndices(): boolean {
    return true;
  }

  /** What becomes of strings, or of whole numbers that are looked up as strings are; on symbolic tensors as `apply`. */
  override forward(...given: any[]): any {
    if (areSymbolic(given)) return applied(this, given);
    if (currentTrace())
      throw new CambiumError("state", this.name, "reads strings, which no compiled function has", "read them before: the layer's forward outside of it");
    const { inputs } = this.takesMany ? inputsOf(given, (x): x is object => !isSymbolic(x)) : { inputs: given };
    return this.entered(this.read(...(inputs as Words[])));
  }

  /** What becomes of numbers that `read` gave. */
  entered(x: Tensor): Tensor {
    return super.forward(x);
  }
}

const utf8 = new TextEncoder();

/** A key for a hash: two numbers, or one for both. */
export type Salt = number | readonly [number, number];

/** The bucket of `count` that a word falls into. @source TensorFlow's `to_hash_bucket_fast`, and with a salt `to_hash_bucket_strong` */
export function bucketOf(word: string | number, count: number, salt: Salt | undefined): number {
  const bytes = utf8.encode(typeof word === "number" ? String(Math.trunc(word)) : word);
  const key = salt === undefined ? undefined : ([salt].flat() as number[]).map(BigInt);
  return Number((key ? sipHash64(bytes, [key[0]!, key[1] ?? key[0]!]) : farmHash64(bytes)) % BigInt(count));
}
