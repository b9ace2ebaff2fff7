/** What this machine's WebAssembly can do. */
import { ModuleBuilder } from "./assembler.ts";

export interface Features {
  /** Vectors of 128 bits. */
  readonly simd: boolean;
  /** Products and sums rounded once together. */
  readonly relaxed: boolean;
  /** Memory that several threads share. In a browser only a page that is isolated from others has it. */
  readonly threads: boolean;
}

const plain = { shared: false, least: 1, most: 65536 };

/** Whether modules with this function are valid here: asked anew each time, since Node can be told to allow more. */
function valid(module: ModuleBuilder): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(module.bytes());
}

export function features(): Features {
  const simd = new ModuleBuilder(plain, false);
  simd.define("f", ["v128"], "v128", (f, x) => f.f32x4.add(f.get(x), f.get(x)));
  const relaxed = new ModuleBuilder(plain, true);
  relaxed.define("f", ["v128"], "v128", (f, x) => f.f32x4.multiplyAdd(f.get(x), f.get(x), f.get(x)));
  const threads = new ModuleBuilder({ ...plain, shared: true }, false);
  threads.define("f", ["i32"], "i32", (f, x) => f.i32.atomicLoad(f.get(x)));
  return { simd: valid(simd), relaxed: valid(relaxed), threads: typeof SharedArrayBuffer === "function" && valid(threads) };
}
