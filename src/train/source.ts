/** Where batches come from: data at hand, or something that yields one after another. */
import { CambiumError } from "../base/error.ts";
import { Stream } from "../base/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { randomState } from "../tensor/random.ts";
import { type Data, inOrder, type Samples } from "./feed.ts";
import type { Several } from "./structure.ts";

/** The samples of a step, by their places. */
export interface Batch {
  readonly samples: Samples;
  readonly places: Int32Array;
}

type Next = Batch | undefined;

/** Batches, epoch by epoch. */
export interface Source {
  /** Steps an epoch, and samples, where they are known beforehand. */
  readonly steps: number | undefined;
  readonly count: number | undefined;
  /** The batches of an epoch, the number of which counts on through resumed runs. What is at hand comes at once, what has to be waited for as a promise. */
  open(epoch: number): () => Next | Promise<Next>;
}

/** Inputs and labels of a batch, and perhaps how much each sample counts. */
export type Yielded = readonly [x: Several<Data>, y: Several<Data>, sampleWeight?: Several<Data>];

/** What yields batches: an iterable that begins anew each time, a generator, or a function that makes either. */
export type Batches = Iterable<Yielded> | AsyncIterable<Yielded> | (() => Iterable<Yielded> | AsyncIterable<Yielded>);

/** Whether `x` yields batches, and is not data itself. */
export const isBatches = (x: unknown): x is Batches =>
  typeof x === "function" ||
  (typeof x === "object" &&
    x !== null &&
    !(x instanceof Tensor) &&
    !Array.isArray(x) &&
    !ArrayBuffer.isView(x) &&
    (Symbol.asyncIterator in x || Symbol.iterator in x));

/** The order of an epoch: a function of the seed and the epoch only, so that a resumed run goes through the data as the first would have. */
function shuffled(count: number, epoch: number): Int32Array {
  // A key of their own keeps shuffles apart from the draws of the program.
  return new Stream(2 ** 32 + (randomState().seed >>> 0), epoch).permutation(count);
}

/** Data at hand, `batchSize` samples a step. */
export function fromSamples(samples: Samples, batchSize: number, shuffle: boolean): Source {
  const { from, count } = samples;
  return {
    steps: Math.ceil(count / batchSize),
    count,
    open(epoch) {
      const order = shuffle ? shuffled(count, epoch) : inOrder(from, count);
      let at = 0;
      return () => {
        if (at >= count) return undefined;
        const places = order.slice(at, at + batchSize);
        at += batchSize;
        return { samples, places };
      };
    },
  };
}

/** Batches made ready by `take` as they come; `steps` an epoch, going on in the next where the last ended, or, without `steps`, all there are, begun anew each epoch. */
export function fromBatches(where: string, batches: Batches, steps: number | undefined, take: (batch: Yielded) => Promise<Samples>): Source {
  const begin = (): Iterator<Yielded> | AsyncIterator<Yielded> => {
    const made = typeof batches === "function" ? batches() : batches;
    return Symbol.asyncIterator in made ? made[Symbol.asyncIterator]() : made[Symbol.iterator]();
  };
  let open: Iterator<Yielded> | AsyncIterator<Yielded> | undefined;
  return {
    steps,
    count: undefined,
    open() {
      if (steps === undefined) open = undefined;
      let done = 0;
      return async () => {
        open ??= begin();
        let next = await open.next();
        if (next.done && steps !== undefined && done < steps) {
          // An iterable that ends within an epoch begins anew; a generator cannot.
          open = begin();
          next = await open.next();
        }
        if (next.done) {
          if (done === 0)
            throw new CambiumError(
              "data",
              where,
              "the batches have come to an end",
              "a generator yields only once: give a function that makes one, or say stepsPerEpoch",
            );
          return undefined;
        }
        if (!Array.isArray(next.value) || next.value.length < 2)
          throw new CambiumError("data", where, `batch ${done} is no pair [x, y]`, "yield [x, y], or [x, y, sampleWeight]");
        done++;
        const samples = await take(next.value);
        return { samples, places: inOrder(0, samples.count) };
      };
    },
  };
}

/** The inputs of the first batch, where that can be looked at without using it up. */
export async function firstInputs(where: string, batches: Batches): Promise<Several<Data>> {
  const made = typeof batches === "function" ? batches() : batches;
  if (typeof batches !== "function" && "next" in made)
    throw new CambiumError(
      "state",
      where,
      "the model does not know the sizes of a sample, and a generator cannot be looked into",
      "model.build([28, 28, 1]), or give a function that makes the generator",
    );
  const iterator = Symbol.asyncIterator in made ? made[Symbol.asyncIterator]() : made[Symbol.iterator]();
  const { value } = await iterator.next();
  await iterator.return?.();
  if (!Array.isArray(value)) throw new CambiumError("data", where, "the first batch is no pair [x, y]", "yield [x, y], or [x, y, sampleWeight]");
  return value[0] as Several<Data>;
}
