/** Threads beside the caller's, which go through programs together with it. */
import { CambiumError } from "../../base/error.ts";
import { board, type Mail } from "./hand/board.ts";
import { meeting } from "./meeting.ts";

/** A thread beside the caller's. */
export interface Hand {
  post(mail: Mail): void;
  end(): void;
}

/** How a platform starts a hand. Whatever goes wrong later, `failed` hears of. */
export type Hire = (failed: (reason: string) => void) => Hand;

/** A program that hands can take part in. */
interface Known {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** When hands are worth having. */
export interface Worth {
  /** Milliseconds that programs have computed before the first one starts. Default 20. */
  readonly starting?: number;
  /** Nanoseconds of work to share, as the compiler estimates them, for which they are called: waking one takes 50 µs. Default 30,000. */
  readonly calling?: number;
}

/** Tenths of a second after which whoever has not come will not come any more. */
const mostWaiting = 600;

export class Crew {
  readonly #hire: Hire;
  readonly #starting: number;
  /** Nanoseconds of shared work from which on a program has hands called. */
  readonly calling: number;
  /** Hands of which there can be any number: none before they are needed. */
  readonly #hands: Hand[] = [];
  readonly #programs = new Map<number, Known>();
  readonly #gone = new FinalizationRegistry<number>((program) => this.#forget(program));
  #words: Int32Array<SharedArrayBuffer> | undefined;
  #sent: number[] = [];
  #rung = 0;
  #spent = 0;
  #next = 0;
  #trouble: string | undefined;
  #sleeps = true;

  constructor(hire: Hire, { starting = 20, calling = 30_000 }: Worth = {}) {
    this.#hire = hire;
    this.#starting = starting;
    this.calling = calling;
  }

  /** Why there are no hands although there should be. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Hears that a program has computed for so long without hands. */
  spend(milliseconds: number): void {
    this.#spent += milliseconds;
  }

  /** Whether there has been enough to do for hands to be worth starting. */
  get isWanted(): boolean {
    return this.#trouble === undefined && this.#spent >= this.#starting;
  }

  /** Makes a program known to enough hands; they forget it when `owner` is collected. Its number, if there are any. */
  enrol(owner: object, threads: number, module: WebAssembly.Module, memory: WebAssembly.Memory): number | undefined {
    try {
      while (this.#hands.length < threads - 1) this.#grow();
    } catch (error) {
      this.#fail((error as Error).message);
      return undefined;
    }
    const program = this.#next++;
    this.#programs.set(program, { module, memory });
    this.#gone.register(owner, program);
    for (let i = 0; i < this.#hands.length; i++) this.#post(i, { program, module, memory });
    this.#ring(0);
    return program;
  }

  /** Goes through a program with `threads - 1` hands; `own` does the caller's part. False where they are not ready: nothing is done then. */
  run(program: number, threads: number, desks: number, step: number, memory: WebAssembly.Memory, own: () => void): boolean {
    const words = this.#words;
    if (!words || this.#trouble !== undefined) return false;
    for (let i = 0; i < threads - 1; i++) if (Atomics.load(words, board.read + i) !== this.#sent[i]) return false;
    words[board.program] = program;
    words[board.desks] = desks;
    words[board.step] = step;
    this.#ring(threads - 1);
    try {
      own();
    } catch (error) {
      this.#giveUp(threads, memory);
      throw error;
    }
    return true;
  }

  /** Waits for a meeting to be over; on a page's own thread by looking, since it must not sleep. */
  sleep(memory: WebAssembly.Memory, before: number): void {
    const words = new Int32Array(memory.buffer);
    const [round, asleep] = [meeting.round / 4, meeting.asleep / 4];
    Atomics.add(words, asleep, 1);
    this.#until(
      () => Atomics.load(words, round) !== before || Atomics.load(this.#words!, board.broken) !== 0,
      () => Atomics.wait(words, round, before, 100),
    );
    Atomics.sub(words, asleep, 1);
    if (Atomics.load(this.#words!, board.broken) !== 0)
      throw new CambiumError("engine", "wasm", "a thread beside this one has come to grief", "please report it");
  }

  #until(done: () => boolean, sleep: () => void): void {
    for (let n = 0; !done(); n++) {
      if (n === mostWaiting) {
        this.#fail("one did not come back");
        throw new CambiumError("engine", "wasm", "a thread beside this one has not come back for a minute", "from now on one thread computes");
      }
      if (this.#sleeps) sleep();
      else for (const end = performance.now() + 100; performance.now() < end && !done(); );
    }
  }

  #grow(): void {
    if (!this.#words) {
      this.#words = new Int32Array(new SharedArrayBuffer(4 * board.words));
      try {
        Atomics.wait(this.#words, board.bell, 1, 0);
      } catch {
        this.#sleeps = false;
      }
    }
    const index = this.#hands.length;
    this.#hands.push(this.#hire((reason) => this.#fail(reason)));
    this.#sent.push(0);
    this.#post(index, { board: this.#words.buffer, index, round: meeting.round / 4, asleep: meeting.asleep / 4 });
    for (const [program, known] of this.#programs) this.#post(index, { program, ...known });
  }

  #post(index: number, mail: Mail): void {
    // Counted first: who sees the count waits for the mail.
    Atomics.store(this.#words!, board.sent + index, ++this.#sent[index]!);
    this.#hands[index]!.post(mail);
  }

  #ring(wanted: number): void {
    const words = this.#words!;
    this.#rung = (this.#rung + 1) & 0x7fffff;
    Atomics.store(words, board.bell, (this.#rung << 8) | wanted);
    if (Atomics.load(words, board.asleep) > 0) Atomics.notify(words, board.bell);
  }

  #forget(program: number): void {
    if (!this.#programs.delete(program) || this.#trouble !== undefined) return;
    for (let i = 0; i < this.#hands.length; i++) this.#post(i, { forget: program });
    this.#ring(0);
  }

  /** Calls all hands back from a program that cannot be finished. */
  #giveUp(threads: number, memory: WebAssembly.Memory): void {
    const words = this.#words!;
    const shared = new Int32Array(memory.buffer);
    Atomics.store(words, board.broken, 1);
    Atomics.notify(shared, meeting.round / 4);
    const bell = words[board.bell]!;
    for (let i = 0; i < threads - 1; i++)
      this.#until(
        () => Atomics.load(words, board.done + i) === bell,
        () => Atomics.wait(words, board.done + i, words[board.done + i]!, 1),
      );
    Atomics.store(shared, meeting.arrived / 4, 0);
    Atomics.store(words, board.broken, 0);
  }

  #fail(reason: string): void {
    this.#trouble ??= reason;
    for (const hand of this.#hands.splice(0)) hand.end();
    this.#programs.clear();
  }
}
