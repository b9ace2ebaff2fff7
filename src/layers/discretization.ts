/** Numbers as the bins they fall into. */
import { CambiumError } from "../base/error.ts";
import { asTensor, fromArray, type TensorLike } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { encoded, type OutputMode, outputMode } from "./encoding.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { eachBatch } from "./words.ts";

export interface DiscretizationOptions extends LayerOptions {
  /** Where one bin ends and the next begins, rising. */
  binBoundaries?: readonly number[];
  /** How many bins `adapt` makes, about equally many numbers in each. */
  numBins?: number;
  /** How exactly `adapt` keeps what it has seen. Default 0.01. */
  epsilon?: number;
  /** Default `"int"`. */
  outputMode?: Exclude<OutputMode, "tfIdf"> | "one_hot" | "multi_hot";
}

/** Numbers, rising, and how many each of them stands for. */
type Summary = readonly (readonly [value: number, weight: number])[];

function summarised(values: Float32Array, epsilon: number): Summary {
  const sorted = values.sort();
  const step = Math.max(sorted.length * epsilon, 1);
  const stride = Math.trunc(step);
  return Array.from({ length: Math.ceil((sorted.length - Math.trunc(step - 1)) / stride) }, (_, i) => [
    sorted[Math.trunc(step - 1) + i * stride]!,
    Math.fround(step),
  ]);
}

/** `y` at the place of `x` between rising `xs`, straight from one to the next. */
function between(x: number, xs: readonly number[], ys: readonly number[]): number {
  const i = xs.findIndex((one) => one > x);
  if (i === 0) return ys[0]!;
  if (i < 0) return ys.at(-1)!;
  const slope = (ys[i]! - ys[i - 1]!) / (xs[i]! - xs[i - 1]!);
  return slope * (x - xs[i - 1]!) + ys[i - 1]!;
}

/** A summary with about 1 / epsilon entries. */
function compressed(summary: Summary, epsilon: number): Summary {
  if (summary.length * epsilon < 1) return summary;
  let total = 0;
  const sums = summary.map(([, weight]) => (total += weight));
  const shares = sums.map((sum) => sum / total);
  const percents = Array.from({ length: Math.ceil(1 / epsilon) }, (_, i) => epsilon + i * epsilon);
  const values = summary.map(([value]) => value);
  let before = 0;
  return percents.map((percent) => {
    const sum = between(percent, shares, sums);
    const weight = sum - before;
    before = sum;
    return [Math.fround(between(percent, shares, values)), Math.fround(weight)];
  });
}

/** The number of the bin that each number falls into. */
export class Discretization extends Layer {
  readonly #options: DiscretizationOptions;
  readonly #mode: OutputMode;
  #boundaries: readonly number[] | undefined;

  constructor(options: DiscretizationOptions) {
    super("Discretization", options);
    const { binBoundaries, numBins } = options;
    const wrong =
      !Array.isArray(binBoundaries) || binBoundaries.length === 0 || binBoundaries.some((b, i) => !Number.isFinite(b) || b < (binBoundaries[i - 1] ?? b));
    if (binBoundaries !== undefined && wrong)
      throw new CambiumError("value", this.name, `binBoundaries are ${JSON.stringify(binBoundaries)}; they are rising numbers`);
    if (binBoundaries === undefined && numBins === undefined) throw new CambiumError("value", this.name, "needs binBoundaries, or numBins and a call of adapt");
    if (numBins !== undefined && !(Number.isInteger(numBins) && numBins > 0))
      throw new CambiumError("value", this.name, `numBins is ${numBins}; it is a whole number from 1`);
    this.#mode = outputMode(this.name, options.outputMode ?? "int", ["int", "oneHot", "multiHot", "count"]);
    this.#options = options;
    this.#boundaries = binBoundaries;
  }

  /** The boundaries that were given or measured. */
  get binBoundaries(): readonly number[] {
    if (!this.#boundaries) throw new CambiumError("state", this.name, "has no boundaries yet", "call adapt(data)");
    return this.#boundaries;
  }

  /**
   * Sets the boundaries so that about equally many of the numbers in `data`, or in what yields batches of them, fall into each bin.
   * @throws a `state` error where the boundaries were given
   */
  adapt(data: TensorLike | Iterable<Tensor>, options?: { readonly steps?: number }): this;
  adapt(data: AsyncIterable<TensorLike>, options?: { readonly steps?: number }): Promise<this>;
  adapt(data: TensorLike | Iterable<Tensor> | AsyncIterable<TensorLike>, { steps }: { readonly steps?: number } = {}): this | Promise<this> {
    const { numBins, epsilon = 0.01 } = this.#options;
    if (numBins === undefined)
      throw new CambiumError("state", this.name, "the boundaries were given and cannot be measured", "say numBins instead of binBoundaries");
    let all: Summary = [];
    const take = (batch: TensorLike): void => {
      const merged = [...summarised(Float32Array.from(asTensor(batch).dataSync()), epsilon), ...all].sort(([a], [b]) => a - b);
      all = compressed(merged, epsilon);
    };
    const finish = (): this => {
      this.#boundaries = compressed(all, 1 / numBins)
        .slice(0, -1)
        .map(([value]) => value);
      return this;
    };
    const seen = eachBatch<TensorLike>(data as TensorLike, take, steps);
    return seen ? seen.then(finish) : finish();
  }

  protected override call(x: Tensor): Tensor {
    const { binBoundaries } = this;
    const bins =
      binBoundaries.length === 0
        ? x.mul(0).to("int32")
        : x
            .expandDims(-1)
            .greaterEqual(fromArray(Float32Array.from(binBoundaries)))
            .to("int32")
            .sum(-1);
    return encoded(bins, this.#mode, binBoundaries.length + 1);
  }

  override getConfig(): Record<string, unknown> {
    const config = super.getConfig();
    return this.#boundaries ? { ...config, binBoundaries: this.#boundaries } : config;
  }
}

/**
 * The number of the bin that each number falls into, from 0; a boundary belongs to the bin above it. Boundaries are given, or measured: `discretization({ numBins: 4 }).adapt(data)`.
 * @shape `[batch, ...]` → the same, of whole numbers; or rows, as `categoryEncoding` makes them
 * @source Keras `Discretization`
 */
export const discretization = (
  boundaries: readonly number[] | DiscretizationOptions,
  options: Omit<DiscretizationOptions, "binBoundaries"> = {},
): Discretization => new Discretization(Array.isArray(boundaries) ? { ...options, binBoundaries: boundaries } : (boundaries as DiscretizationOptions));
