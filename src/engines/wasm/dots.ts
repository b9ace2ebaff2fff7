/** Products of few rows or columns whose operands both lie along the depth: one sum of products after another, no copies. */
import type { Callable, Local, ModuleBuilder } from "./assembler.ts";
import { once } from "./once.ts";
import type { Product } from "./operands.ts";

/** With more rows, the tiles win although B must be packed. */
const mostRows = 4;

/** Whether dot products are the way. */
export const dotted = (p: Product): boolean => !p.wide && p.aCol === 1 && p.bRow === 1 && p.k >= 8 && p.bCol >= 0 && (p.m <= mostRows || p.n <= 2);

/** The function (a, b, out, depth): results [rows, cols], each row of the left operand with each of the right one, `outRow` and `outCol` bytes apart. */
function dotTile(module: ModuleBuilder, rows: number, cols: number, aRow: number, bCol: number, outRow: number, outCol: number, k: number): Callable {
  return once(module, `dots ${rows} ${cols} ${aRow} ${bCol} ${outRow} ${outCol} ${k}`, () =>
    module.define(undefined, ["i32", "i32", "i32"], undefined, (f, a, b, out) => {
      const whole = k >> 2;
      const sums = Array.from({ length: rows * cols }, () => f.local("v128"));
      const [x, n] = [f.local("v128"), f.local("i32")];
      const y = Array.from({ length: cols }, () => f.local("v128"));
      f.set(n, f.integer(whole));
      f.loop((again) => {
        y.forEach((l, c) => f.set(l, f.v128.load(f.get(b), c * bCol)));
        for (let r = 0; r < rows; r++) {
          f.set(x, f.v128.load(f.get(a), r * aRow));
          for (let c = 0; c < cols; c++) f.set(sums[r * cols + c]!, f.multiplyAdd(f.get(x), f.get(y[c]!), f.get(sums[r * cols + c]!)));
        }
        f.set(a, f.plus(f.get(a), 16));
        f.set(b, f.plus(f.get(b), 16));
        f.branchIf(again, f.tee(n, f.plus(f.get(n), -1)));
      });
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < cols; c++) {
          const sum = sums[r * cols + c]!;
          f.set(sum, f.f32x4.add(f.get(sum), f.v128.shuffle32(f.get(sum), f.get(sum), [2, 3, 0, 1])));
          const total = f.hold("f32", f.f32.add(f.f32x4.extract(f.get(sum), 0), f.f32x4.extract(f.get(sum), 1)));
          for (let i = 0; i < k - 4 * whole; i++)
            f.set(total, f.f32.add(f.get(total), f.f32.mul(f.f32.load(f.get(a), r * aRow + 4 * i), f.f32.load(f.get(b), c * bCol + 4 * i))));
          f.f32.store(f.get(out), f.get(total), r * outRow + c * outCol);
        }
    }),
  );
}

/** Like `product`, for what is `dotted`. Results that are finished are kept all at first. */
export function dots(module: ModuleBuilder, p: Product): Callable {
  // The fewer rows or columns are done together, four of the others at a time.
  const upright = p.m > mostRows;
  const few = upright ? p.n : p.m;
  const [along, across] = upright ? [4 * p.aRow, 4 * p.bCol] : [4 * p.bCol, 4 * p.aRow];
  const stride = p.finish ? p.n * 4 : p.outRow * 4;
  const [next, beside] = upright ? [stride, 4] : [4, stride];
  return module.define(
    undefined,
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    undefined,
    (f, desk, a, b, out, scratch, row, m0, m1, n0, n1) => {
      const [i, end, to] = [f.local("i32"), f.local("i32"), f.local("i32")];
      const [begin, stop, from0, from1] = upright ? [m0, m1, n0, n1] : [n0, n1, m0, m1];
      const [long, short] = upright ? [a, b] : [b, a];
      const address = (base: Local<"i32">, x: Local<"i32">, step: number) => f.i32.add(f.get(base), f.i32.mul(f.get(x), f.integer(step)));
      const result = (r: Local<"i32">): void => {
        const base = p.finish ? scratch : out;
        f.set(to, f.i32.add(address(base, i, next), f.i32.mul(f.get(r), f.integer(beside))));
      };
      // The few side by side, one after the other if only some of them are asked for.
      const r = f.local("i32");
      const group = (rows: number, cols: number): void => {
        result(r);
        f.call(dotTile(module, rows, cols, across, along, beside, next, p.k), address(short, r, across), address(long, i, along), f.get(to));
      };
      const all = (rows: number): void => {
        f.set(end, f.i32.add(f.get(begin), f.i32.and(f.i32.sub(f.get(stop), f.get(begin)), f.integer(-4))));
        f.count(i, f.get(begin), end, 4, () => group(rows, 4));
        f.count(i, f.get(end), stop, 1, () => group(rows, 1));
      };
      f.set(r, f.get(from0));
      const together = Math.min(few, 2);
      if (together === 2) {
        f.set(end, f.get(from1));
        f.block((out2) => {
          f.loop((again) => {
            f.branchIf(out2, f.i32.gt(f.plus(f.get(r), 2), f.get(from1)));
            all(2);
            f.set(r, f.plus(f.get(r), 2));
            f.branch(again);
          });
        });
      }
      f.when(f.i32.lt(f.get(r), f.get(from1)), () => all(1));
      if (!p.finish) return;
      const [at, rows, cols] = [f.local("i32"), f.local("i32"), f.local("i32")];
      f.set(at, f.i32.add(f.get(row), f.get(m0)));
      f.set(rows, f.i32.sub(f.get(m1), f.get(m0)));
      f.set(cols, f.i32.sub(f.get(n1), f.get(n0)));
      const source = f.hold("i32", f.i32.add(address(scratch, m0, stride), f.i32.mul(f.get(n0), f.integer(4))));
      p.finish(f, { desk, row: at, rows, col: n0, cols, at: source, stride });
    },
  );
}
