import type { Port } from "../base/port.ts";
import type { Terminal } from "./progress.ts";

/** Where a program runs, as far as training has to know. */
export interface Place {
  readonly terminal: Terminal;
  /** Calls `stop` when a person wants to end it; returns how to stop listening. */
  onInterrupt(stop: () => void): () => void;
  /** In a worker, the way to whoever started it. */
  readonly parent: Port | undefined;
}

/** A page or a worker: lines on the console, and nobody to press Ctrl-C. */
let here: Place = {
  terminal: { write: (text) => console.info(text.trimEnd()), columns: undefined },
  onInterrupt: () => () => undefined,
  parent: typeof document === "undefined" && typeof postMessage === "function" ? (globalThis as unknown as Port) : undefined,
};

/** Makes known where the program runs. The door for Node calls it. */
export const offerPlace = (place: Place): void => void (here = place);

/** The place this program runs in. */
export const currentPlace = (): Place => here;
