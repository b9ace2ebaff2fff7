import { parentPort } from "node:worker_threads";
import type { Place } from "./place.ts";

/** This process: progress goes to stderr, so that stdout keeps what the program prints. */
export const processPlace: Place = {
  parent: parentPort ?? undefined,
  terminal: {
    write: (text) => void process.stderr.write(text),
    get columns() {
      return process.stderr.isTTY ? process.stderr.columns || 80 : undefined;
    },
  },
  // After the first Ctrl-C nobody listens any more, so the second ends the process as ever.
  onInterrupt(stop) {
    const once = (): void => {
      process.removeListener("SIGINT", once);
      stop();
    };
    process.on("SIGINT", once);
    return () => void process.removeListener("SIGINT", once);
  },
};
