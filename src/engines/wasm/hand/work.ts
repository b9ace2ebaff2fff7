/** What a hand does: it waits for the bell, and goes through programs beside the caller's thread. It needs nothing of Cambium but their modules. */
import { board, type Mail } from "./board.ts";

type Together = (desk: number) => void;

/** Milliseconds in which the next run of a training loop mostly comes. */
const patience = 0.1;

/** Takes a hand's mail; once it knows its place, a call returns only when there is more. */
export function worker(): (mail: Mail) => void {
  const programs = new Map<number, Together>();
  let words: Int32Array = new Int32Array(board.words);
  let [index, seen, read] = [0, 0, 0];
  let meeting = { round: 0, asleep: 0 };

  /** Sleeps until a meeting is over. */
  const sleeper = (memory: WebAssembly.Memory) => {
    const shared = new Int32Array(memory.buffer);
    const { round, asleep } = meeting;
    return (before: number): void => {
      Atomics.add(shared, asleep, 1);
      while (Atomics.load(shared, round) === before && Atomics.load(words, board.broken) === 0) Atomics.wait(shared, round, before, 100);
      Atomics.sub(shared, asleep, 1);
      if (Atomics.load(words, board.broken) !== 0) throw new Error("another thread has come to grief");
    };
  };
  const learn = (mail: Mail): void => {
    if ("board" in mail) {
      words = new Int32Array(mail.board);
      index = mail.index;
      meeting = mail;
      seen = Atomics.load(words, board.bell);
    } else if ("module" in mail) {
      const { module, memory } = mail;
      const imports: Record<string, Record<string, WebAssembly.ImportValue>> = { memory: { memory }, threads: { sleep: sleeper(memory) } };
      // What JavaScript does is the caller's part.
      for (const { module: room, name } of WebAssembly.Module.imports(module)) (imports[room] ??= {})[name] ??= () => {};
      programs.set(mail.program, new WebAssembly.Instance(module, imports).exports["together"] as Together);
    } else programs.delete(mail.forget);
  };
  const ring = (): number => {
    let bell = seen;
    const start = performance.now();
    do {
      for (let i = 0; i < 1000; i++) if ((bell = Atomics.load(words, board.bell)) !== seen) return bell;
    } while (performance.now() - start < patience);
    Atomics.add(words, board.asleep, 1);
    while ((bell = Atomics.load(words, board.bell)) === seen) Atomics.wait(words, board.bell, seen);
    Atomics.sub(words, board.asleep, 1);
    return bell;
  };
  const take = (): void => {
    try {
      programs.get(words[board.program]!)!(words[board.desks]! + (index + 1) * words[board.step]!);
    } catch {
      Atomics.store(words, board.broken, 1);
    }
    Atomics.store(words, board.done + index, seen);
  };
  return (mail) => {
    learn(mail);
    Atomics.store(words, board.read + index, ++read);
    while (Atomics.load(words, board.sent + index) === read) {
      seen = ring();
      if (index < (seen & 255)) take();
    }
  };
}
