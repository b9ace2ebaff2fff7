import { CambiumError } from "../base/error.ts";
import { nearest } from "../base/text.ts";
import type { Logs } from "./history.ts";

/** Whether less is better, or more; "auto" tells by the name. */
export type Mode = "auto" | "min" | "max";

/** One of the numbers of an epoch, and what is better there. */
export class Monitor {
  readonly name: string;
  readonly #where: string;
  readonly #more: boolean;
  #warned = false;

  constructor(where: string, name: string, mode: Mode = "auto") {
    if (mode !== "auto" && mode !== "min" && mode !== "max")
      throw new CambiumError("name", where, `there is no mode "${String(mode)}"; it is "auto", "min" or "max"`);
    this.name = name;
    this.#where = where;
    this.#more = mode === "max" || (mode === "auto" && /(^|_)(acc|accuracy|auc|precision|recall|f1|r2)|accuracy$|auc$/i.test(name));
  }

  /** The worst there can be. */
  get worst(): number {
    return this.#more ? -Infinity : Infinity;
  }

  /** Whether `value` is better than `reference` by more than `least`. */
  better(value: number, reference: number, least = 0): boolean {
    return this.#more ? value - least > reference : value + least < reference;
  }

  /** Today's number; undefined, with one warning, where there is none. */
  read(logs: Readonly<Logs>): number | undefined {
    const value = logs[this.name];
    if (value === undefined && !this.#warned) {
      this.#warned = true;
      const names = Object.keys(logs);
      const near = nearest(this.name, names);
      console.warn(
        `${this.#where}: there is no "${this.name}" to watch; there are ${names.join(", ")}\n  hint: ${
          this.name.startsWith("val_") && !names.some((name) => name.startsWith("val_"))
            ? "give fit a validationSplit or validationData"
            : `watch "${near ?? names[0]}"`
        }`,
      );
    }
    return value;
  }
}
