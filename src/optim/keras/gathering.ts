import { zeros } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Change } from "../stepper.ts";

/** Gradients of several small batches, added up until their mean makes one update. @source Keras `gradient_accumulation_steps` */
export class Gathering {
  readonly every: number;
  readonly #parameters: readonly Tensor[];
  readonly #sums: readonly Tensor[];
  readonly #count: Tensor = zeros([]);
  /** Batches since the last update. Which program comes next depends on it, so it is counted here. */
  #gathered = 0;

  constructor(parameters: readonly Tensor[], every: number) {
    this.every = every;
    this.#parameters = parameters;
    this.#sums = parameters.map(({ shape, dtype }) => zeros(shape, { dtype }));
  }

  /** Whether the next batch ends in an update. */
  get due(): boolean {
    return this.#gathered === this.every - 1;
  }

  /** To be called after each batch. */
  advance(): void {
    this.#gathered = (this.#gathered + 1) % this.every;
  }

  /** What becomes of the sums after a batch without an update. */
  added(): Change[] {
    return this.#parameters.flatMap(({ grad }, i): Change[] => (grad ? [[this.#sums[i]!, this.#sums[i]!.add(grad)]] : []));
  }

  /** The means for an update. */
  means(): (Tensor | undefined)[] {
    return this.#parameters.map(({ grad }, i) => grad?.add(this.#sums[i]!).div(this.every));
  }

  /** What becomes of the sums after an update. */
  emptied(): Change[] {
    return this.#sums.map((sum): Change => [sum, zeros(sum.shape, { dtype: sum.dtype })]);
  }

  *memory(names: readonly string[]): Generator<[name: string, tensor: Tensor]> {
    yield ["gathered", this.#count];
    for (const [i, sum] of this.#sums.entries()) yield [`${names[i]}.gathered`, sum];
  }

  /** Puts the count where `memory` finds it. */
  write(): void {
    this.#count.assign(zeros([]).add(this.#gathered));
  }

  /** Takes the count from there. */
  read(): void {
    this.#gathered = this.#count.item();
  }
}
