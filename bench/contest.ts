/** What is measured: ours and the peer's, once each. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compile, engine, uniform } from "cambium";
import { watchEngine, withShareOutside } from "./clock.ts";
import { median, short } from "./numbers.ts";
import { peak } from "./peak.ts";
import type { Peer } from "./peer.ts";
import { charLstm, fitted, language, programs, regression, stepped, type Timed, timed } from "./programs.ts";

export interface Options {
  readonly seconds: number;
  readonly rounds: number;
  /** Without the settings that take minutes to get ready. */
  readonly eager: boolean;
  readonly smoke: boolean;
  /** Single steps by hand instead of `fit`. */
  readonly steps: boolean;
}

/** One line of the result. */
export interface Contest {
  readonly unit: "ms" | "MiB";
  /** Ours, once. */
  readonly ours: () => Promise<number>;
  /** Theirs, once. */
  readonly theirs: (peer: Peer) => Promise<number>;
  /** Finds the peer's best setting. */
  readonly prepare: (peer: Peer) => Promise<string>;
  readonly rounds: number;
  /** What else there is to say of ours: for the table, and by name. */
  readonly remark?: (ours: number) => { readonly text: string; readonly more: Record<string, number> };
}

/** Programs that are loops of their own. */
const byHand: Record<string, () => Promise<Timed>> = { linreg: regression, gpt: language, "char-lstm": charLstm };

/** A program of a file beside this one, in a process of its own; what it prints. */
const node = (...args: string[]): string => execFileSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } });
const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** All contests by name; those that take long or are of one engine come last. */
export function contests({ seconds, rounds, eager, smoke, steps }: Options): Record<string, () => Contest> {
  const { threads } = engine().target;
  const settings = (peer: Peer) => (smoke ? { threads, compileSeconds: 0, setting: peer.plain } : { threads, compileSeconds: eager ? 0 : 120 });
  const few = Math.min(rounds, 3);
  const contest = (name: string, ours: () => Promise<number>, rest: Partial<Contest> = {}): Contest => ({
    unit: "ms",
    ours,
    theirs: (peer) => peer.time(name, seconds),
    prepare: async (peer) => (await peer.prepare(name, settings(peer))).best,
    rounds,
    ...rest,
  });
  const training = (name: string) => (): Contest => {
    let ours: Timed | undefined;
    const outside: number[] = [];
    return contest(
      name,
      async () => {
        watchEngine();
        ours ??= await (byHand[name]?.() ?? (steps ? stepped(programs[name]!) : fitted(programs[name]!, smoke ? 2 : undefined)));
        const [time, share] = await withShareOutside(() => ours!(seconds));
        outside.push(share);
        return time;
      },
      { remark: () => ({ text: `${(100 * median(outside)).toFixed(1)} % outside of the engine`, more: { outside: median(outside) } }) },
    );
  };
  /** The middle of several fresh processes that print their milliseconds. */
  const fresh = (name: string, ...args: string[]): Contest =>
    contest(name, async () => median(Array.from({ length: smoke ? 1 : 5 }, () => Number(node(...args)))), { rounds: few });
  return {
    ...Object.fromEntries([...Object.keys(programs), ...Object.keys(byHand)].map((name) => [name, training(name)])),
    import: () =>
      contest(
        "import",
        async () => {
          const times = Array.from({ length: smoke ? 1 : 5 }, () => {
            const begin = performance.now();
            node("--input-type=module", "--eval", 'import "cambium"');
            return performance.now() - begin;
          });
          return median(times);
        },
        { rounds: few },
      ),
    memory: () =>
      contest("memory", async () => Number(node(beside("resident.js"), smoke ? "1" : "2")), {
        unit: "MiB",
        theirs: (peer) => peer.memory("cnn-128"),
        // Its own, whatever is the fastest.
        prepare: async () => "eager/fused/nchw",
        rounds: few,
      }),
    "matmul-1024": () => {
      const n = 1024;
      const [a, b] = [uniform([n, n]), uniform([n, n])];
      for (const x of [a, b]) x.dataSync();
      const run = compile((x: typeof a, y: typeof a) => x.matmul(y));
      let most = 0;
      const ours = async (): Promise<number> => {
        most = Math.max(most, peak(seconds / 10));
        return timed(() => run(a, b), seconds);
      };
      const remark = (ms: number): ReturnType<NonNullable<Contest["remark"]>> => {
        const gflops = (2 * n ** 3) / ms / 1e6;
        const share = gflops / most;
        return {
          text: `${short(gflops)} GFLOP/s, ${(100 * share).toFixed(0)} % of one core's ${short(most)} with 128-bit vectors`,
          more: { gflops, peak: most, share },
        };
      };
      return contest("matmul-1024", ours, { remark });
    },
    first: () => fresh("first", beside("first.js")),
    "first-step": () => fresh("first-step", beside("first.js"), "step"),
  };
}
