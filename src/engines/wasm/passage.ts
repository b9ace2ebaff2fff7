/**
 * How threads go through a program: functions of its module, so that a thread needs no more than the module and its desk.
 *
 * `alone(desks)` does the parts of all threads one after the other, `together(desk)` one thread's part, meeting the others between stages. Both make the same numbers.
 */
import { bytesOf } from "../../base/dtype.ts";
import type { Loop, Stage } from "../../compiler/program.ts";
import { readsOf, writesOf } from "../../compiler/schedule.ts";
import type { Callable, FunctionBuilder, Local } from "./assembler.ts";
import { type Context, desk, type Emitted } from "./context.ts";
import { emitMeeting } from "./meeting.ts";

/** A stage with its kernels written. */
export interface WrittenStage {
  readonly stage: Stage;
  readonly kernels: readonly Emitted[];
  /** Of a loop. */
  readonly inner: readonly WrittenStage[];
}

/** Work that threads share; where a thread does it alone, `owner` says which. */
export interface Share {
  readonly units: number;
  readonly grain: number;
  readonly owner: number;
}

/** A thread's part of shared work. */
export function partOf({ units, grain, owner }: Share, thread: number, threads: number): readonly [from: number, to: number] {
  if (owner >= 0) return owner === thread ? [0, units] : [0, 0];
  const begin = (t: number): number => (t === threads ? units : Math.min(units, Math.floor((Math.ceil(units / grain) * t) / threads) * grain));
  return [begin(thread), begin(thread + 1)];
}

type Desk = Local<"i32">;

/** A stage as functions of a desk. */
interface Step {
  readonly serial: boolean;
  readonly run: Callable | undefined;
  /** Binds the values of a loop for a passage: (desk, passage). */
  readonly bind: Callable | undefined;
  readonly count: number;
  /** Whether nothing changes from a passage on: (desk, passage). */
  readonly ended?: Callable | undefined;
  readonly inner: readonly Step[];
}

class Writer {
  readonly context: Context;
  /** For each pair of words behind a desk's values, the work they are a part of. */
  readonly shares: Share[] = [];
  #meet: Callable | undefined;

  constructor(context: Context) {
    this.context = context;
  }

  get meet(): Callable {
    return (this.#meet ??= emitMeeting(this.context));
  }

  step({ stage, kernels, inner }: WrittenStage): Step {
    const [first] = stage.kernels;
    if (first?.kind === "loop")
      return {
        serial: stage.serial,
        run: undefined,
        bind: this.#bind(first),
        count: first.steps,
        ended: this.#ended(first),
        inner: inner.map((one) => this.step(one)),
      };
    return { serial: stage.serial, run: this.#stage(stage, kernels), bind: undefined, count: 1, inner: [] };
  }

  /** The function (desk) that does a thread's part of a stage. */
  #stage(stage: Stage, kernels: readonly Emitted[]): Callable {
    const { context } = this;
    const { samples, chunk, owners } = stage;
    const outside = kernels.map(({ call }) => typeof call === "function" || context.module.leadsOut(call));
    const calls = kernels.map(({ call }) => (typeof call === "function" ? context.outside(call) : call));
    /** Only the caller's thread has JavaScript's functions. */
    const owner = (i: number): number => (stage.serial || outside[i] ? 0 : (owners?.[i] ?? -1));
    const share = (units: number, grain: number, owner: number): number => context.rangesAt + 8 * (this.shares.push({ units, grain, owner }) - 1);
    const ranges = samples === 0 ? kernels.map(({ units, grain = 1 }, i) => share(units, grain, owner(i))) : [];
    const range = samples === 0 ? 0 : share(samples, 1, stage.serial || outside.includes(true) ? 0 : -1);
    return context.module.define(undefined, ["i32"], undefined, (f, table) => {
      this.#clear(f, table, stage);
      const [at, end, to] = [f.local("i32"), f.local("i32"), f.local("i32")];
      const read = (place: number): void => {
        f.set(at, f.i32.load(f.get(table), place));
        f.set(end, f.i32.load(f.get(table), place + 4));
      };
      if (samples === 0)
        return calls.forEach((call, i) => {
          read(ranges[i]!);
          f.when(f.i32.lt(f.get(at), f.get(end)), () => f.call(call, f.get(table), f.get(at), f.get(end)));
        });
      const locals = this.#localsOf(stage);
      read(range);
      f.count(at, f.get(at), end, chunk, () => {
        for (const { value, offset, bytes } of locals) {
          const first = f.hold("i32", f.i32.sub(f.plus(f.i32.load(f.get(table), desk.local), offset), f.i32.mul(f.get(at), f.integer(bytes))));
          f.i32.store(f.get(table), f.get(first), desk.values + 4 * value);
        }
        f.set(to, f.plus(f.get(at), chunk));
        f.when(f.i32.lt(f.get(end), f.get(to)), () => f.set(to, f.get(end)));
        for (const call of calls) f.call(call, f.get(table), f.get(at), f.get(to));
      });
    });
  }

  /** Values of which only the samples in flight are there, and their bytes a sample. */
  #localsOf(stage: Stage): { value: number; offset: number; bytes: number }[] {
    const touched = new Set(stage.kernels.flatMap((k) => [...readsOf(k).map((read) => read.value), ...writesOf(k)]));
    return [...touched].flatMap((value) => {
      if (value < 0) return [];
      const { home, dtype, length } = this.context.values[value]!;
      return home.at === "local" ? [{ value, offset: home.offset, bytes: (length * bytesOf(dtype)) / stage.samples }] : [];
    });
  }

  /** Sums of nothing yet: a thread's own, and of all threads where only one goes through the stage. */
  #clear(f: FunctionBuilder, table: Desk, stage: Stage): void {
    const { values, threads, partialBytes } = this.context;
    for (const value of new Set(stage.kernels.flatMap(writesOf))) {
      if (value < 0 || !this.context.isPartial(value)) continue;
      const bytes = values[value]!.length * bytesOf(values[value]!.dtype);
      const at = f.hold("i32", this.context.address(f, table, value));
      if (!stage.serial || threads === 1) f.fill(f.get(at), f.integer(0), f.integer(bytes));
      else {
        f.count(f.local("i32"), f.integer(0), threads, 1, () => {
          f.fill(f.get(at), f.integer(0), f.integer(bytes));
          f.set(at, f.plus(f.get(at), partialBytes));
        });
      }
    }
  }

  /** The function (desk, n) that binds a loop's values for step n. */
  #bind(loop: Loop): Callable {
    const { values } = this.context;
    return this.context.module.define(undefined, ["i32", "i32"], undefined, (f, table, n) => {
      const place = (value: number): number => desk.values + 4 * value;
      const address = (value: number) => f.i32.load(f.get(table), place(value));
      const piece = f.hold("i32", loop.reverse ? f.i32.sub(f.integer(loop.steps - 1), f.get(n)) : f.get(n));
      for (const { inner, outer } of loop.same) f.i32.store(f.get(table), address(outer), place(inner));
      for (const { inner, outer } of [...loop.reads, ...loop.writes]) {
        const bytes = values[inner]!.length * bytesOf(values[inner]!.dtype);
        f.i32.store(f.get(table), f.i32.add(address(outer), f.i32.mul(f.get(piece), f.integer(bytes))), place(inner));
      }
      const odd = f.hold("i32", f.i32.and(f.get(n), f.integer(1)));
      for (const { before, after, start, even, odd: other } of loop.carries) {
        f.i32.store(f.get(table), f.select(address(even), address(other), f.get(odd)), place(before));
        f.when(f.i32.eqz(f.get(n)), () => f.i32.store(f.get(table), address(start), place(before)));
        f.i32.store(f.get(table), f.select(address(other), address(even), f.get(odd)), place(after));
      }
    });
  }

  /** The function (desk, n) that says whether nothing changes from step n on, and what there is lies where the last step would leave it. */
  #ended(loop: Loop): Callable | undefined {
    if (loop.going < 0) return undefined;
    const truths = loop.carries[loop.going]!.before;
    const { length } = this.context.values[truths]!;
    return this.context.module.define(undefined, ["i32", "i32"], "i32", (f, table, n) => {
      const at = f.hold("i32", f.i32.load(f.get(table), desk.values + 4 * truths));
      const on = f.hold("i32", f.integer(0));
      f.count(f.local("i32"), f.integer(0), length, 1, () => {
        f.set(on, f.i32.or(f.get(on), f.i32.load8(f.get(at), 0)));
        f.set(at, f.plus(f.get(at), 1));
      });
      const even = f.i32.eqz(f.i32.and(f.i32.sub(f.integer(loop.steps), f.get(n)), f.integer(1)));
      const later = f.i32.lt(f.integer(0), f.get(n));
      f.i32.and(f.i32.and(even, later), f.i32.eqz(f.get(on)));
    });
  }

  /** The parts of all threads, in turn. */
  alone(f: FunctionBuilder, desks: Desk, list: readonly Step[]): void {
    const { threads, deskBytes } = this.context;
    const each = (serial: boolean, visit: (table: Desk) => void): void => {
      if (serial || threads === 1) return visit(desks);
      const table = f.hold("i32", f.get(desks));
      f.count(f.local("i32"), f.integer(0), threads, 1, () => {
        visit(table);
        f.set(table, f.plus(f.get(table), deskBytes));
      });
    };
    for (const { serial, run, bind, count, ended, inner } of list) {
      if (run) each(serial, (table) => f.call(run, f.get(table)));
      if (!bind) continue;
      const n = f.local("i32");
      f.block((out) => {
        f.count(n, f.integer(0), count, 1, () => {
          each(serial, (table) => f.call(bind, f.get(table), f.get(n)));
          if (ended) f.branchIf(out, f.call(ended, f.get(desks), f.get(n)));
          this.alone(f, desks, inner);
        });
      });
    }
  }

  /** One thread's parts; stages in a row that only the caller's thread does are its own business. */
  together(f: FunctionBuilder, table: Desk, list: readonly Step[]): void {
    list.forEach(({ serial, run, bind, count, ended, inner }, i) => {
      if (i > 0 && !(serial && list[i - 1]!.serial)) f.call(this.meet);
      const part = (): void => {
        if (run) f.call(run, f.get(table));
        if (!bind) return;
        const n = f.local("i32");
        // Who asks whether to go on must see what the last step has answered.
        const meets = !(inner[0]!.serial && inner[inner.length - 1]!.serial) || (ended !== undefined && !serial);
        f.block((out) => {
          f.count(n, f.integer(0), count, 1, () => {
            if (meets) f.when(f.get(n), () => f.call(this.meet));
            f.call(bind, f.get(table), f.get(n));
            if (ended) f.branchIf(out, f.call(ended, f.get(table), f.get(n)));
            this.together(f, table, inner);
          });
        });
      };
      if (serial) f.when(f.i32.eqz(f.i32.load(f.get(table), desk.thread)), part);
      else part();
    });
  }
}

/** Writes the two ways through a program; what is returned says which words threads find behind the values on their desks. */
export function emitPassage(context: Context, list: readonly WrittenStage[]): readonly Share[] {
  const writer = new Writer(context);
  const steps = list.map((one) => writer.step(one));
  context.rooms(writer.shares.length);
  context.module.define("alone", ["i32"], undefined, (f, desks) => writer.alone(f, desks, steps));
  if (context.threads > 1)
    context.module.define("together", ["i32"], undefined, (f, table) => {
      writer.together(f, table, steps);
      f.call(writer.meet);
    });
  return writer.shares;
}
