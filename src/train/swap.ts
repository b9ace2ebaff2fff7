import { Callback } from "./callback.ts";

/**
 * Puts the running means of the weights (`useEma` of the optimizer) in their place while the model is examined, and with `swapOnEpoch` from the end of each epoch to the beginning
 * of the next, so that callbacks behind it save them.
 * @source Keras `SwapEMAWeights`
 */
export class SwapEMAWeights extends Callback {
  readonly #onEpoch: boolean;
  #swapped = false;

  constructor({ swapOnEpoch = false }: { swapOnEpoch?: boolean } = {}) {
    super();
    this.#onEpoch = swapOnEpoch;
  }

  #swap(to: boolean, last = false): void {
    if (this.#swapped === to) return;
    this.model.swapAverages(last);
    this.#swapped = to;
  }

  override onTrainBegin(): void {
    this.#swapped = false;
  }

  override onEpochBegin(): void {
    this.#swap(false);
  }

  override onTestBegin(): void {
    this.#swap(true);
  }

  override onTestEnd(): void {
    this.#swap(false);
  }

  override onEpochEnd(epoch: number): void {
    if (this.#onEpoch) this.#swap(true, epoch === this.plan.epochs - 1 || this.model.stopTraining);
  }
}
