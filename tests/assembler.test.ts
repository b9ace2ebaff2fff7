import { setFlagsFromString } from "node:v8";
import { describe, expect, test } from "vitest";
import { type Code, type FunctionBuilder, ModuleBuilder } from "../src/engines/wasm/assembler.ts";
import { features } from "../src/engines/wasm/features.ts";

setFlagsFromString("--experimental-wasm-relaxed-simd");
const limits = { shared: false, least: 1, most: 16 };

/** The exports of a module that `write` fills, with a memory of its own. */
function made(write: (module: ModuleBuilder) => void, imports: WebAssembly.Imports = {}, relaxed = false) {
  const module = new ModuleBuilder(limits, relaxed);
  write(module);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 16 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { ...imports, memory: { memory } });
  return { memory, exports: exports as Record<string, (...numbers: any[]) => any> };
}

describe("a written module", () => {
  test("computes with numbers of every type, whatever their length in bytes", () => {
    const whole = [0, 1, -1, 63, 64, -64, -65, 8191, -8192, 8192, 2 ** 31 - 1, -(2 ** 31)];
    const real = [0, -0, 1.5, -Infinity, 1e-45, NaN];
    const { exports } = made((m) => {
      whole.forEach((x, i) => m.define(`i${i}`, [], "i32", (f) => f.integer(x)));
      [...whole, 2 ** 53, -(2 ** 53)].forEach((x, i) => m.define(`l${i}`, [], "i64", (f) => f.long(x)));
      real.forEach((x, i) => {
        m.define(`f${i}`, [], "f32", (f) => f.float(x));
        m.define(`d${i}`, [], "f64", (f) => f.double(x));
      });
    });
    whole.forEach((x, i) => expect(exports[`i${i}`]!()).toBe(x));
    [...whole, 2 ** 53, -(2 ** 53)].forEach((x, i) => expect(exports[`l${i}`]!()).toBe(BigInt(x)));
    real.forEach((x, i) => {
      expect(exports[`f${i}`]!()).toBe(Math.fround(x));
      expect(exports[`d${i}`]!()).toBe(x);
    });
  });

  test("keeps 0 and −0 apart among its constants", () => {
    const { exports } = made((m) =>
      m.define("sign", [], "i32", (f) => {
        const zero = f.hold("v128", f.floats(0));
        const mask = f.hold("v128", f.floats(-0));
        return f.i32x4.extract(f.v128.xor(f.get(zero), f.get(mask)), 3);
      }),
    );
    expect(exports["sign"]!()).toBe(-(2 ** 31));
  });

  test("loops, branches and calls what is written later or comes from outside", () => {
    const { exports } = made(
      (m) => {
        const add = m.imported("outside", "add", ["i32", "i32"], "i32");
        m.define("sum", ["i32"], "i32", (f, n) => {
          const total = f.local("i32");
          const i = f.local("i32");
          f.count(i, f.integer(0), n, 1, () => f.set(total, f.call(add, f.get(total), f.get(i))));
          f.when(f.i32.gt(f.get(total), f.integer(100)), () => f.set(total, f.integer(-1)), () => f.set(total, f.i32.add(f.get(total), f.integer(1000))));
          // A function written within another is one of its own.
          const inner = m.define(undefined, ["i32"], "i32", (g, x) => g.i32.mul(g.get(x), g.integer(2)));
          return f.call(inner, f.get(total));
        });
        // Asked for after the first call: places of functions are settled at the end.
        m.imported("outside", "never", []);
      },
      { outside: { add: (a: number, b: number) => a + b, never: () => {} } },
    );
    expect(exports["sum"]!(5)).toBe(2 * 1010);
    expect(exports["sum"]!(0)).toBe(2 * 1000);
    expect(exports["sum"]!(100)).toBe(-2);
  });

  test("moves vectors and their lanes to and from memory", () => {
    const { memory, exports } = made((m) =>
      m.define("turn", ["i32"], undefined, (f, p) => {
        const x = f.hold("v128", f.v128.load(f.get(p)));
        f.v128.store(f.get(p), f.v128.shuffle32(f.get(x), f.get(x), [3, 2, 1, 0]), 16);
        f.v128.storeLane(32, f.get(p), f.get(x), 2, 32);
        f.v128.store(f.get(p), f.v128.loadLane(32, f.get(p), f.v128.load32Splat(f.get(p), 4), 3, 12), 48);
      }),
    );
    const floats = new Float32Array(memory.buffer);
    floats.set([1, 2, 3, 4]);
    exports["turn"]!(0);
    expect([...floats.subarray(4, 8)]).toEqual([4, 3, 2, 1]);
    expect(floats[8]).toBe(3);
    expect([...floats.subarray(12, 16)]).toEqual([2, 2, 2, 4]);
  });

  test("rounds x * y + z once where it may, and twice where it may not", () => {
    const three = (g: (f: FunctionBuilder, x: Code<"v128">, y: Code<"v128">, z: Code<"v128">) => Code<"v128">) => (m: ModuleBuilder) =>
      void m.define("f", ["f32", "f32", "f32"], "f32", (f, x, y, z) =>
        f.f32x4.extract(g(f, f.f32x4.splat(f.get(x)), f.f32x4.splat(f.get(y)), f.f32x4.splat(f.get(z))), 0),
      );
    const [x, z] = [1 + 2 ** -12, -1];
    const twice = Math.fround(x * x) - 1;
    for (const relaxed of [false, true]) {
      const sum = made(three((f, a, b, c) => f.multiplyAdd(a, b, c)), {}, relaxed).exports["f"]!(x, x, z);
      const rest = made(three((f, a, b, c) => f.subtractProduct(a, b, c)), {}, relaxed).exports["f"]!(x, x, -z);
      expect(relaxed ? [twice, x * x - 1] : [twice]).toContain(sum);
      expect(rest).toBe(-sum);
    }
  });

  test("meets other threads through atomic instructions", () => {
    const module = new ModuleBuilder({ ...limits, shared: true }, false);
    module.define("f", ["i32"], "i32", (f, p) => {
      f.i32.atomicStore(f.get(p), f.integer(7), 4);
      f.drop(f.i32.atomicAdd(f.get(p), f.integer(3), 4));
      f.drop(f.i32.notify(f.get(p), f.integer(1), 4));
      return f.i32.atomicLoad(f.get(p), 4);
    });
    module.define("wait", ["i32", "i32"], "i32", (f, p, expected) => f.i32.wait(f.get(p), f.get(expected), f.long(1000), 4));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 16, shared: true });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { memory: { memory } });
    const calls = exports as Record<string, (...numbers: number[]) => number>;
    expect(calls["f"]!(8)).toBe(10);
    expect([calls["wait"]!(8, 5), calls["wait"]!(8, 10)]).toEqual([1, 2]);
  });
});

test("what WebAssembly can do here is found out by asking", () => {
  expect(features()).toEqual({ simd: true, relaxed: true, threads: true });
});
