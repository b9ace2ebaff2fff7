import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { range } from "../ops/gather.ts";
import { concat, tensor, zeros } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { currentTrace } from "../tensor/trace.ts";
import { expectCount } from "./input.ts";

export interface KeyValueCacheOptions {
  /** For how many positions there is room. Without it the cache grows, and every length is a program of its own. */
  capacity?: number;
}

/** What an attention sees of a cache that has taken in new positions. */
export interface Remembered {
  /** [..., positions, features] */
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Bool [new positions, positions]: true where a new position may look, which is at itself and what came before. */
  readonly mask: Tensor;
}

/**
 * Keys and values of the positions an attention has seen, so that decoding computes only what is new.
 * With a `capacity` its shapes never change: then one compiled program makes every step.
 * @example
 * ```ts
 * const cache = new nn.KeyValueCache({ capacity: 128 });
 * const [first] = attention.forward(prompt, prompt, prompt, { cache, needWeights: false });
 * const [next] = attention.forward(token, token, token, { cache, needWeights: false }); // looks at the prompt too
 * ```
 */
export class KeyValueCache {
  readonly capacity: number | undefined;
  #keys: Tensor | undefined;
  #values: Tensor | undefined;
  /** How many positions are held, as a number in the graph: a compiled step counts on. */
  #length: Tensor = tensor([0]);
  #known = 0;

  constructor({ capacity }: KeyValueCacheOptions = {}) {
    if (capacity !== undefined) expectCount("KeyValueCache", "capacity", capacity);
    this.capacity = capacity;
  }

  /** How many positions are held. */
  get length(): number {
    return this.#length.item();
  }

  /** The place of the first new position, as float32 [1]. */
  get position(): Tensor {
    return this.#length;
  }

  /** Forgets all positions; what was compiled stays of use. */
  clear(): void {
    this.#length.assign(tensor([0]));
    this.#known = 0;
    if (this.capacity === undefined) this.#keys = this.#values = undefined;
  }

  /**
   * Takes in keys and values of new positions, [..., new positions, features].
   * @throws a `state` error when there is no room left, a `shape` error when they do not fit what is held
   */
  update(key: Tensor, value: Tensor): Remembered {
    const added = key.shape.at(-2)!;
    const total = this.#room(added);
    const start = this.#length;
    const keys = this.#joined("keys", this.#keys, key, start, total);
    const values = this.#joined("values", this.#values, value, start, total);
    const mask = counted(total).lessEqual(counted(added).add(start).expandDims(1));
    // What is held has to be computed with this step, not written out anew in every later one.
    if (this.capacity === undefined) [this.#keys, this.#values] = [held(keys), held(values)];
    else {
      this.#keys!.assign(keys);
      this.#values!.assign(values);
    }
    this.#length.assign(start.add(added));
    return { keys, values, mask };
  }

  /** Over how many positions the attention goes once `added` more have come. */
  #room(added: number): number {
    const { capacity } = this;
    if (currentTrace()) {
      if (capacity === undefined)
        throw new CambiumError("state", "KeyValueCache", "a growing cache cannot be part of a compiled function", "give it a capacity: { capacity: 128 }");
      if (added > capacity) throw this.#full(added);
      return capacity;
    }
    // A compiled step leaves the length as a value; without one, the last change was made here.
    if (this.#length.leaf.value) this.#known = this.length;
    if (capacity !== undefined && this.#known + added > capacity) throw this.#full(added);
    this.#known += added;
    return capacity ?? this.#known;
  }

  #full(added: number): CambiumError {
    return new CambiumError(
      "state",
      "KeyValueCache",
      `there is room for ${this.capacity} positions, ${this.#known} are taken, ${added} more came`,
      "clear() it, or give it a larger capacity",
    );
  }

  #joined(name: "keys" | "values", before: Tensor | undefined, fresh: Tensor, start: Tensor, total: number): Tensor {
    const place = fresh.rank - 2;
    const old =
      this.#known === fresh.shape[place] && !currentTrace() && before && !same(before.shape.with(place, 0), fresh.shape.with(place, 0)) ? undefined : before;
    if (old && !old.shape.every((d, i) => i === place || d === fresh.shape[i]))
      throw new CambiumError(
        "shape",
        "KeyValueCache",
        `${name} held are ${show(old.shape)}, those that came are ${show(fresh.shape)}`,
        "clear() it before another batch",
      );
    if (this.capacity === undefined) return old ? concat([old, fresh], place) : fresh;
    const room = old ?? zeros([...fresh.shape.slice(0, place), total, fresh.shape.at(-1)!], { dtype: fresh.dtype });
    if (name === "keys") this.#keys = room;
    else this.#values = room;
    const at = counted(total).sub(start);
    const added = fresh.shape[place]!;
    const here = at.greaterEqual(0).logicalAnd(at.less(added)).expandDims(1);
    const moved = added === 1 ? fresh : fresh.gather(at.to("int32"), place);
    return here.where(moved, room);
  }
}

/** 0, 1, 2, … as float32, a part of the graph. */
const counted = (count: number): Tensor => new Tensor(range([count], 0, "float32"));

const held = (x: Tensor): Tensor => {
  const holder = zeros(x.shape, { dtype: x.dtype });
  holder.assign(x.detach());
  return holder;
};
