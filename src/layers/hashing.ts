/** Layers that sort words into bins by their hash, so that no vocabulary is needed. */
import { CambiumError } from "../base/error.ts";
import { farmHash64, joinFingerprints } from "../base/fingerprint.ts";
import { same, type Shape, show } from "../base/shape.ts";
import { expectCount } from "../nn/input.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { encoded, type OutputMode, outputMode } from "./encoding.ts";
import type { LayerOptions } from "./layer.ts";
import { bucketOf, Reader, type Salt } from "./reader.ts";
import { inRow, type Words } from "./words.ts";

export interface HashingOptions extends LayerOptions {
  numBins: number;
  /** What bin 0 is kept for. Default: nothing. */
  maskValue?: string | number | null;
  /** A key, with which SipHash takes FarmHash's place. */
  salt?: Salt;
  /** Default `"int"`. */
  outputMode?: Exclude<OutputMode, "tfIdf"> | "one_hot" | "multi_hot";
}

/** The bins that words fall into. */
export class Hashing extends Reader {
  readonly #options: HashingOptions;
  readonly #mode: OutputMode;

  constructor(options: HashingOptions) {
    super("Hashing", options);
    expectCount(this.name, "numBins", options.numBins);
    this.#mode = outputMode(this.name, options.outputMode ?? "int", ["int", "oneHot", "multiHot", "count"]);
    this.#options = options;
  }

  override read(data: Words): Tensor {
    const { numBins, maskValue = null, salt } = this.#options;
    const kept = maskValue !== null && numBins > 1 ? 1 : 0;
    const { items, shape } = inRow(this.name, data);
    const bins = Int32Array.from(items, (word) => (kept && word === maskValue ? 0 : kept + bucketOf(word!, numBins - kept, salt)));
    return fromArray(bins, shape);
  }

  override readShape(input: Shape | undefined = this.inputShape): Shape | undefined {
    return input;
  }

  protected override call(x: Tensor): Tensor {
    return encoded(x, this.#mode, this.#options.numBins);
  }
}

/**
 * The bins that words, or whole numbers, fall into by their hash. It stands where a model begins.
 * @shape `[batch, ...]` → whole numbers `[batch, ...]`, or rows `[batch, numBins]`
 * @source Keras `Hashing`: FarmHash, or SipHash with a `salt`
 */
export const hashing = (bins: number | HashingOptions, options: Omit<HashingOptions, "numBins"> = {}): Hashing =>
  new Hashing(typeof bins === "object" ? bins : { ...options, numBins: bins });

export interface HashedCrossingOptions extends LayerOptions {
  numBins: number;
  /** Default `"int"`. */
  outputMode?: "int" | "oneHot" | "one_hot";
}

/** The bins that combinations of words fall into. */
export class HashedCrossing extends Reader {
  readonly #bins: number;
  readonly #mode: OutputMode;

  constructor(options: HashedCrossingOptions) {
    super("HashedCrossing", options);
    expectCount(this.name, "numBins", options.numBins);
    this.#bins = options.numBins;
    this.#mode = outputMode(this.name, options.outputMode ?? "int", ["int", "oneHot"]);
  }

  override get takesMany(): boolean {
    return true;
  }

  override read(...data: Words[]): Tensor {
    if (data.length < 2) throw new CambiumError("value", this.name, `takes two inputs or more, got ${data.length}`, "give a list: forward([a, b])");
    const rows = data.map((one) => inRow(this.name, one));
    const { shape, items } = rows[0]!;
    const misfit = rows.find((row) => !same(row.shape, shape));
    if (misfit || shape.length > 2 || (shape.length === 2 && shape[1] !== 1))
      throw new CambiumError("shape", this.name, `inputs are ${rows.map((row) => show(row.shape)).join(" and ")}; all are [batch], or [batch, 1]`);
    const utf8 = new TextEncoder();
    const printOf = (word: string | number): bigint => (typeof word === "string" ? farmHash64(utf8.encode(word)) : BigInt.asUintN(64, BigInt(word)));
    const bins = Int32Array.from(items, (_, i) =>
      Number(rows.reduce((print, row) => joinFingerprints(print, printOf(row.items[i]!)), 0xdecafcaffen) % BigInt(this.#bins)),
    );
    return fromArray(bins, shape);
  }

  override readShape(input: Shape | undefined = this.inputShape): Shape | undefined {
    return input;
  }

  protected override call(x: Tensor): Tensor {
    return encoded(x, this.#mode, this.#bins);
  }
}

/**
 * The bins that combinations of words, or whole numbers, fall into by their hash; applied to a list of inputs. It stands where a model begins.
 * @shape several `[batch]` or `[batch, 1]` → whole numbers of the same sizes, or rows `[batch, numBins]`
 * @source Keras `HashedCrossing`
 */
export const hashedCrossing = (bins: number | HashedCrossingOptions, options: Omit<HashedCrossingOptions, "numBins"> = {}): HashedCrossing =>
  new HashedCrossing(typeof bins === "object" ? bins : { ...options, numBins: bins });
