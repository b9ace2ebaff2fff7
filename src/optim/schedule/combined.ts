/** Schedules made of others. */
import { CambiumError } from "../../base/error.ts";
import type { LRScheduler, Scheduled, ScheduleState } from "./scheduler.ts";

/** Where a schedule made of others is. */
export interface CombinedState {
  readonly lastEpoch: number;
  readonly schedulers: readonly ScheduleState[];
}

abstract class Combined {
  lastEpoch = 0;
  protected readonly schedulers: readonly LRScheduler[];

  constructor(schedulers: readonly LRScheduler[]) {
    if (!Array.isArray(schedulers) || schedulers.length === 0)
      throw new CambiumError("value", this.constructor.name, "needs schedulers", "[new LinearLR(optimizer), new ExponentialLR(optimizer, 0.9)]");
    this.schedulers = schedulers;
  }

  /** The rates now, one a group. */
  getLastLr(): number[] {
    return this.schedulers[0]!.getLastLr();
  }

  stateDict(): CombinedState {
    return { lastEpoch: this.lastEpoch, schedulers: this.schedulers.map((one) => one.stateDict()) };
  }

  loadStateDict({ lastEpoch, schedulers }: CombinedState): void {
    if (schedulers.length !== this.schedulers.length)
      throw new CambiumError(
        "value",
        `${this.constructor.name}.loadStateDict`,
        `the state has ${schedulers.length} schedulers, here are ${this.schedulers.length}`,
      );
    this.lastEpoch = lastEpoch;
    this.schedulers.forEach((one, i) => one.loadStateDict(schedulers[i]!));
  }
}

/** Several schedules, each going on from what the others made of the rate. @source PyTorch `ChainedScheduler` */
export class ChainedScheduler extends Combined {
  /** Goes on to the next rate. */
  step(): void {
    this.lastEpoch++;
    for (const one of this.schedulers) one.step();
  }
}

/** Several schedules, one after the other: the next begins at each of `milestones`. @source PyTorch `SequentialLR` */
export class SequentialLR extends Combined {
  readonly #milestones: readonly number[];

  constructor(_optimizer: Scheduled, schedulers: readonly LRScheduler[], milestones: readonly number[] | { milestones: readonly number[] }) {
    super(schedulers);
    this.#milestones = "milestones" in milestones ? milestones.milestones : milestones;
    if (this.#milestones.length !== schedulers.length - 1)
      throw new CambiumError(
        "value",
        "SequentialLR",
        `there are ${schedulers.length} schedulers and ${this.#milestones.length} milestones`,
        "milestones are one fewer",
      );
    schedulers[0]!.restart();
  }

  /** Goes on to the next rate. */
  step(): void {
    this.lastEpoch++;
    const place = this.#milestones.filter((milestone) => milestone <= this.lastEpoch).length;
    const one = this.schedulers[place]!;
    if (place > 0 && this.#milestones[place - 1] === this.lastEpoch) one.restart();
    else one.step();
  }

  override getLastLr(): number[] {
    const place = this.#milestones.filter((milestone) => milestone <= this.lastEpoch).length;
    return this.schedulers[place]!.getLastLr();
  }
}
