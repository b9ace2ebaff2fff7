import type { Logs } from "./history.ts";

/** Where progress is shown. */
export interface Terminal {
  write(text: string): void;
  /** How many characters fit a line; undefined where lines cannot be drawn over. */
  readonly columns: number | undefined;
}

/** How far an epoch is. */
export interface Stand {
  /** Batches done and to do; undefined: nobody knows how many. */
  readonly done: number;
  readonly steps: number | undefined;
  /** Since the epoch began, in seconds. */
  readonly seconds: number;
  /** Samples a second, learning only. */
  readonly speed: number;
  readonly logs: Readonly<Logs>;
}

/** How long a line stays before it is drawn anew, in milliseconds. */
const still = 100;

/** Tells a person how training goes: a bar that moves where there is a terminal, a line an epoch elsewhere. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #bar: boolean;
  readonly #epochs: number;
  #drawn = 0;
  #title = "";

  constructor(terminal: Terminal, epochs: number, verbose: 1 | 2) {
    this.#terminal = terminal;
    this.#bar = verbose === 1 && terminal.columns !== undefined;
    this.#epochs = epochs;
  }

  /** Whether the bar may be drawn again. */
  get due(): boolean {
    return this.#bar && performance.now() - this.#drawn >= still;
  }

  epochBegin(epoch: number): void {
    this.#title = `Epoch ${epoch + 1}/${this.#epochs}`;
    if (this.#bar) this.#terminal.write(`${this.#title}\n`);
  }

  step(stand: Stand): void {
    this.#drawn = performance.now();
    this.#draw(line(stand, this.#terminal.columns!));
  }

  epochEnd(stand: Stand): void {
    if (this.#bar) {
      this.#draw(line(stand, this.#terminal.columns!));
      this.#terminal.write("\n");
    } else
      this.#terminal.write(
        `${[this.#title, `${stand.done}/${stand.steps ?? stand.done}`, `${stand.seconds.toFixed(1)}s`, speed(stand), ...numbers(stand.logs)].join(" - ")}\n`,
      );
    this.#drawn = 0;
  }

  say(text: string): void {
    this.#terminal.write(`${this.#bar && this.#drawn > 0 ? "\n" : ""}${text}\n`);
  }

  #draw(text: string): void {
    this.#terminal.write(`\r${text}\x1b[K`);
  }
}

/** The bar of an epoch, as much of it as fits `columns`: the count and the loss go last. */
export function line(stand: Stand, columns: number): string {
  const { done } = stand;
  const steps = stand.steps ?? done;
  const count = stand.steps === undefined ? `${done}/?` : `${String(done).padStart(String(steps).length)}/${steps}`;
  const logs = numbers(stand.logs);
  const over = done >= steps;
  const left = over ? duration(stand.seconds) : `${duration((stand.seconds / Math.max(done, 1)) * (steps - done))} left`;
  const bar = (width: number): string => {
    const full = Math.floor((width * done) / steps);
    return "━".repeat(full) + "─".repeat(width - full);
  };
  const whole = [
    [count, bar(20), left, speed(stand), ...logs],
    [count, bar(10), left, speed(stand), ...logs],
    [count, bar(10), left, ...logs],
    [count, left, ...logs],
    [count, ...logs],
  ].map((parts) => parts.join("  "));
  const text = whole.find((candidate) => candidate.length < columns) ?? whole[whole.length - 1]!;
  return text.slice(0, Math.max(columns - 1, 1));
}

const speed = ({ speed }: Stand): string => `${Math.round(speed).toLocaleString("en-US")} samples/s`;

/** `loss: 0.1234`, small numbers with an exponent. */
const numbers = (logs: Readonly<Logs>): string[] =>
  Object.entries(logs).map(([name, value]) => `${name}: ${value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(4) : value.toFixed(4)}`);

function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  const two = (n: number): string => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}
