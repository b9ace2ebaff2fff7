import { CambiumError } from "../base/error.ts";
import { openFiles } from "../data/files.ts";
import { Callback } from "./callback.ts";
import type { Logs } from "./history.ts";

export interface CSVLoggerOptions {
  /** Between the numbers of a line. Default `","`. */
  separator?: string;
  /** Goes on behind what the file holds. Default `false`. */
  append?: boolean;
}

/**
 * Writes the numbers of each epoch to a file, one line an epoch; whoever reads it finds whole lines.
 * @source Keras `CSVLogger`: columns by their names, and `NA` where there is no number
 */
export class CSVLogger extends Callback {
  readonly #filename: string;
  readonly #separator: string;
  readonly #append: boolean;
  #text = "";
  #columns: readonly string[] | undefined;

  constructor(filename: string, { separator = ",", append = false }: CSVLoggerOptions = {}) {
    super();
    if (typeof filename !== "string" || filename === "")
      throw new CambiumError("value", "CSVLogger", "needs the name of a file", 'callbacks.csvLogger("log.csv")');
    this.#filename = filename;
    this.#separator = separator;
    this.#append = append;
  }

  override async onTrainBegin(): Promise<void> {
    const before = this.#append ? await openFiles("CSVLogger", this.#filename).read(this.#filename) : undefined;
    this.#text = new TextDecoder().decode(before);
    this.#columns = undefined;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (!this.#columns) {
      const names = Object.keys(logs).sort();
      // Keras keeps room for examinations that come later.
      this.#columns = names.some((name) => name.startsWith("val_")) ? names : [...names, ...names.map((name) => `val_${name}`)];
      if (this.#text === "") this.#line(["epoch", ...this.#columns]);
    }
    this.#line([epoch, ...this.#columns.map((name) => logs[name] ?? "NA")]);
    await openFiles("CSVLogger", this.#filename).write(this.#filename, new TextEncoder().encode(this.#text));
  }

  #line(values: readonly (string | number)[]): void {
    const quoted = (value: string): string => (value.includes(this.#separator) || /["\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    this.#text += `${values.map((value) => quoted(String(value))).join(this.#separator)}\r\n`;
  }
}
