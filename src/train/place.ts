import type { Terminal } from "./progress.ts";

/** Where a program runs, as far as training has to know. */
export interface Place {
  readonly terminal: Terminal;
  /** Calls `stop` when a person wants to end it; returns how to stop listening. */
  onInterrupt(stop: () => void): () => void;
}

/** A page or a worker: lines on the console, and nobody to press Ctrl-C. */
let here: Place = { terminal: { write: (text) => console.info(text.trimEnd()), columns: undefined }, onInterrupt: () => () => undefined };

/** Makes known where the program runs. The door for Node calls it. */
export const offerPlace = (place: Place): void => void (here = place);

/** The place this program runs in. */
export const currentPlace = (): Place => here;
