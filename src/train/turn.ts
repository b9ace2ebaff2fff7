/** Lets timers, sockets and key presses have their turn. */
export const turn: () => Promise<void> = typeof setImmediate === "function" ? () => new Promise((done) => setImmediate(done)) : throughChannel();

/** A message to oneself comes back after what waits, but without the delay that browsers put on timers. */
function throughChannel(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  let channel: MessageChannel | undefined;
  return () =>
    new Promise((done) => {
      if (!channel) {
        channel = new MessageChannel();
        channel.port1.onmessage = () => waiting.shift()?.();
      }
      waiting.push(done);
      channel.port2.postMessage(undefined);
    });
}

/** How long work may go on, in milliseconds, before others get a turn. */
const patience = 12;

/** Takes turns with the rest of the program: `await pace.rest()` costs a look at the clock, and time only when it is due. */
export class Pace {
  #since: number = performance.now();
  readonly #held: (() => unknown) | undefined;

  /** `held`: what else is waited for at each rest. */
  constructor(held?: () => unknown) {
    this.#held = held;
  }

  /** Whether others have waited long enough. */
  get due(): boolean {
    return performance.now() - this.#since >= patience;
  }

  async rest(): Promise<void> {
    await turn();
    if (this.#held) await this.#held();
    this.#since = performance.now();
  }
}
