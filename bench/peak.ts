/** How many products and sums one core does at most with vectors of 128 bits: a loop with nothing else in it. */
import { ModuleBuilder } from "../src/engines/wasm/assembler.ts";
import { features } from "../src/engines/wasm/features.ts";

/** Sums that do not wait for each other: more than a core has in flight, and few enough for its registers. */
const chains = 12;
const rounds = 20_000;

/** GFLOP/s at best within so many seconds. */
export function peak(seconds: number): number {
  const module = new ModuleBuilder({ shared: false, least: 1, most: 1 }, features().relaxed);
  module.define("run", ["i32"], undefined, (f, left) => {
    const sums = Array.from({ length: chains }, () => f.hold("v128", f.floats(1)));
    f.loop((again) => {
      for (const sum of sums) f.set(sum, f.multiplyAdd(f.get(sum), f.floats(0.5), f.floats(1)));
      f.branchIf(again, f.tee(left, f.plus(f.get(left), -1)));
    });
    for (const [i, sum] of sums.entries()) f.v128.store(f.integer(0), f.get(sum), 16 * i);
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { memory: { memory } });
  const run = exports.run as (rounds: number) => void;
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; ) {
    const begin = performance.now();
    run(rounds);
    best = Math.min(best, performance.now() - begin);
  }
  return (2 * 4 * chains * rounds) / best / 1e6;
}
