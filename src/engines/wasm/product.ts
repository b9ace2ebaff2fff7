/** Matrix products of any size and layout, by register tiles; what follows them happens to rows of a tile while they are in cache. */
import type { Callable, Code, FunctionBuilder, Local, ModuleBuilder } from "./assembler.ts";
import { dots, dotted } from "./dots.ts";
import type { Product } from "./operands.ts";
import { pack } from "./pack.ts";
import { bytesOfNumber, lanesOf, tile, tileRows, vectorsFor } from "./tile.ts";

type Integer = Local<"i32">;

/** A packed block of B should fit into the cache next to the first, with room for the other operand. */
const blockBytes = 320 * 1024;
/** From this depth on, a product is made in several goes. */
const mostDepth = 1024;
/** Results that are finished together, and columns of them. */
const finishNumbers = 1024;
const finishColumns = 256;
/** Rows whose sums wait for the rest of their depth. */
const waitingRows = 240;
/** Columns that make packing rows of A worthwhile, and the depth from which one row to the next in memory is far. */
const packColumns = 48;
const packDepth = 96;

/** Columns of a product are best cut at multiples of this: what all widths of tiles divide. */
export const columnGrain = 32;

/** How a product is cut, in numbers; `scratch` in bytes. */
interface Blocks {
  readonly vectors: number;
  readonly width: number;
  readonly depth: number;
  readonly columns: number;
  readonly packA: boolean;
  readonly packB: boolean;
  /** Sums wait in scratch memory until their depth is complete. */
  readonly waits: boolean;
  readonly rows: number;
  readonly group: number;
  readonly most: number;
}

function blocksOf(p: Product, relaxed: boolean): Blocks {
  const number = bytesOfNumber(p.wide);
  const vectors = vectorsFor(p.m);
  const width = vectors * lanesOf(p.wide);
  const depth = Math.min(p.k, mostDepth);
  const fit = Math.max(1, Math.floor(blockBytes / number / Math.max(1, depth) / columnGrain)) * columnGrain;
  const columns = Math.min(fit, p.finish ? finishColumns : 512, Math.ceil(p.n / width) * width);
  const crowded = (distance: number): boolean => (distance * number) % 2048 === 0;
  const packA = p.aRow < 0 || (p.m > 1 && p.n >= packColumns && (p.aCol === 1 ? crowded(p.aRow) : depth >= packDepth));
  const packB = p.bCol !== 1 || (p.m >= 8 * tileRows(relaxed) && p.k > 64 && (crowded(p.bRow) || p.m >= 128));
  const waits = p.finish !== undefined && p.k > mostDepth;
  const most = vectors > 2 ? p.m : Math.min(p.m, tileRows(relaxed));
  return {
    vectors,
    width,
    depth,
    columns,
    packA,
    packB,
    waits,
    rows: waits ? Math.min(p.m, waitingRows) : p.m,
    group: Math.max(1, Math.floor(finishNumbers / columns)),
    most,
  };
}

const line = (bytes: number): number => Math.ceil(bytes / 64) * 64 + 64;

interface Places {
  readonly packedA: number;
  readonly packedB: number;
  readonly bytes: number;
}

function placesOf(p: Product, b: Blocks): Places {
  const number = bytesOfNumber(p.wide);
  const sums = p.finish ? line((b.waits ? b.rows + b.most : b.group + b.most) * b.columns * number) : 0;
  const packedA = sums;
  const packedB = packedA + (b.packA ? line(b.most * b.depth * number) : 0);
  return { packedA, packedB, bytes: packedB + (b.packB ? line(b.depth * (b.columns + b.width) * number) : 0) };
}

/** Bytes of scratch memory a call needs. */
export function productScratch(module: ModuleBuilder, p: Product): number {
  if (dotted(p)) return line((p.finish ? p.m * p.n : 0) * 4);
  return placesOf(p, blocksOf(p, module.relaxed)).bytes;
}

/** The function (desk, a, b, out, scratch, row, m0, m1, n0, n1): rows m0 to m1 and columns n0 to n1; the finish hears of rows counted from `row`. */
export function product(module: ModuleBuilder, p: Product): Callable {
  if (dotted(p)) return dots(module, p);
  const blocks = blocksOf(p, module.relaxed);
  const places = placesOf(p, blocks);
  const number = bytesOfNumber(p.wide);
  const { depth, columns, packB, waits, most } = blocks;
  const heights = heightsOf(p, most);
  const stride = p.finish ? columns * number : p.outRow * number;
  const strips = new Map(heights.map((h) => [h, rowOfTiles(module, p, blocks, h, stride)]));
  const packing = packB ? packStrips(module, p, blocks) : undefined;
  return module.define(
    undefined,
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    undefined,
    (f, desk, a, b, out, scratch, row, m0, m1, n0, n1) => {
      const i32 = (): Integer => f.local("i32");
      const [r0, r1, c, cols, k0] = [i32(), i32(), i32(), i32(), i32()];
      const [part, r, count, to] = [i32(), i32(), i32(), i32()];
      const [from, pending, first, bk] = [i32(), i32(), i32(), i32()];
      const times = (x: Integer, by: number): Code<"i32"> => f.i32.mul(f.get(x), f.integer(by));
      const least = (x: () => Code<"i32">, most: number): Code<"i32"> => f.select(x(), f.integer(most), f.i32.lt(x(), f.integer(most)));
      const finish = p.finish;
      const tiles = (): void => {
        f.set(to, finish ? f.get(scratch) : f.i32.add(f.get(out), f.i32.mul(f.i32.add(times(r0, p.outRow), f.get(c)), f.integer(number))));
        f.set(from, f.get(to));
        f.set(pending, f.integer(0));
        f.set(first, f.get(r0));
        f.set(r, f.get(r0));
        f.block((end) => {
          f.loop((again) => {
            f.branchIf(end, f.i32.ge(f.get(r), f.get(r1)));
            nextHeight(f, count, r, r1, most);
            for (const h of heights)
              f.when(f.i32.eq(f.get(count), f.integer(h)), () => {
                const at = f.i32.add(f.get(a), f.i32.mul(f.i32.add(times(r, p.aRow), times(k0, p.aCol)), f.integer(number)));
                f.call(
                  strips.get(h)!,
                  at,
                  f.get(bk),
                  f.get(to),
                  f.get(part),
                  f.i32.ne(f.get(k0), f.integer(0)),
                  f.get(cols),
                  f.plus(f.get(scratch), places.packedA),
                );
              });
            f.set(r, f.i32.add(f.get(r), f.get(count)));
            f.set(to, f.i32.add(f.get(to), times(count, stride)));
            if (finish) {
              f.set(pending, f.i32.add(f.get(pending), f.get(count)));
              const full = (): Code<"i32"> => f.i32.or(f.i32.ge(f.get(pending), f.integer(blocks.group)), f.i32.ge(f.get(r), f.get(r1)));
              const last = (): Code<"i32"> => f.i32.ge(f.i32.add(f.get(k0), f.get(part)), f.integer(p.k));
              f.when(waits ? f.i32.and(full(), last()) : full(), () => {
                const at = f.hold("i32", f.i32.add(f.get(first), f.get(row)));
                finish(f, { desk, row: at, rows: pending, col: c, cols, at: from, stride });
                f.set(first, f.get(r));
                f.set(pending, f.integer(0));
                if (waits) f.set(from, f.get(to));
                else f.set(to, f.get(from));
              });
            }
            f.branch(again);
          });
        });
      };
      const depths = (): void => {
        f.set(k0, f.integer(0));
        f.loop((again) => {
          f.set(
            part,
            least(() => f.i32.sub(f.integer(p.k), f.get(k0)), depth),
          );
          f.set(bk, f.i32.add(f.get(b), f.i32.mul(f.i32.add(times(k0, p.bRow), times(c, p.bCol)), f.integer(number))));
          if (packing) {
            f.call(packing, f.plus(f.get(scratch), places.packedB), f.get(bk), f.get(part), f.get(cols));
            f.set(bk, f.plus(f.get(scratch), places.packedB));
          }
          tiles();
          if (p.k > depth) f.branchIf(again, f.i32.lt(f.tee(k0, f.plus(f.get(k0), depth)), f.integer(p.k)));
        });
      };
      const block = (): void =>
        f.count(c, f.get(n0), n1, columns, () => {
          f.set(
            cols,
            least(() => f.i32.sub(f.get(n1), f.get(c)), columns),
          );
          depths();
        });
      if (waits && blocks.rows < p.m)
        f.count(r0, f.get(m0), m1, blocks.rows, () => {
          f.set(
            r1,
            f.i32.add(
              f.get(r0),
              least(() => f.i32.sub(f.get(m1), f.get(r0)), blocks.rows),
            ),
          );
          block();
        });
      else {
        f.set(r0, f.get(m0));
        f.set(r1, f.get(m1));
        f.when(f.i32.lt(f.get(r0), f.get(r1)), block);
      }
    },
  );
}

/** Rows of the next tile: as many as there can be, and where two tiles are left, half of them each. */
function nextHeight(f: FunctionBuilder, count: Integer, r: Integer, r1: Integer, most: number): void {
  const left = f.hold("i32", f.i32.sub(f.get(r1), f.get(r)));
  const half = f.hold("i32", f.i32.shrUnsigned(f.plus(f.get(left), 1), f.integer(1)));
  f.set(half, f.select(f.get(half), f.integer(most), f.i32.lt(f.get(left), f.integer(2 * most))));
  f.set(count, f.select(f.get(left), f.get(half), f.i32.le(f.get(left), f.integer(most))));
}

function heightsOf(p: Product, most: number): number[] {
  const heights = new Set<number>();
  if (!p.allRows || p.m > waitingRows) for (let h = 1; h <= most; h++) heights.add(h);
  else
    for (let left = p.m; left > 0; ) {
      const h = left <= most ? left : left < 2 * most ? (left + 1) >> 1 : most;
      heights.add(h);
      left -= h;
    }
  return [...heights].sort((x, y) => y - x);
}

/** Columns beyond whole strips. */
const restOf = (p: Product, b: Blocks): number => p.n % b.width;
const vectorsOf = (p: Product, columns: number): number => Math.ceil(columns / lanesOf(p.wide));

/** The function (a, b, out, depth, add, columns, packed) for a row of tiles of one height. */
function rowOfTiles(module: ModuleBuilder, p: Product, blocks: Blocks, rows: number, stride: number): Callable {
  const number = bytesOfNumber(p.wide);
  const { width, packA, packB } = blocks;
  const a = packA ? { aRow: number, aStep: rows * number } : { aRow: p.aRow * number, aStep: p.aCol * number };
  const rest = restOf(p, blocks);
  const kernel = (columns: number): Callable =>
    tile(module, { wide: p.wide, rows, columns, ...a, outRow: stride, bStep: (packB ? vectorsOf(p, columns) * lanesOf(p.wide) : p.bRow) * number });
  const whole = p.n >= width ? kernel(width) : undefined;
  const ragged = rest > 0 ? kernel(rest) : undefined;
  const packing = packA ? pack(module, { wide: p.wide, lanes: rows, width: rows, laneStep: p.aRow * number, step: p.aCol * number }) : undefined;
  return module.define(undefined, ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], undefined, (f, from, b, out, depth, add, columns, packed) => {
    if (packing) {
      f.call(packing, f.get(packed), f.get(from), f.get(depth));
      f.set(from, f.get(packed));
    }
    const strip = f.local("i32");
    f.set(strip, packB ? f.i32.mul(f.get(depth), f.integer(width * number)) : f.integer(width * number));
    const call = (k: Callable): void => void f.call(k, f.get(from), f.get(b), f.get(out), f.get(depth), f.get(add));
    f.block((end) => {
      if (!whole) return;
      f.branchIf(end, f.i32.lt(f.get(columns), f.integer(width)));
      f.loop((again) => {
        call(whole);
        f.set(b, f.i32.add(f.get(b), f.get(strip)));
        f.set(out, f.plus(f.get(out), width * number));
        f.branchIf(again, f.i32.ge(f.tee(columns, f.plus(f.get(columns), -width)), f.integer(width)));
      });
    });
    if (ragged) f.when(f.get(columns), () => call(ragged));
  });
}

/** The function (to, from, depth, columns) that packs a block of B, strip by strip. */
function packStrips(module: ModuleBuilder, p: Product, blocks: Blocks): Callable {
  const number = bytesOfNumber(p.wide);
  const { width } = blocks;
  const rest = restOf(p, blocks);
  const packing = (lanes: number): Callable =>
    pack(module, { wide: p.wide, lanes, width: vectorsOf(p, lanes) * lanesOf(p.wide), laneStep: p.bCol * number, step: p.bRow * number });
  const whole = p.n >= width ? packing(width) : undefined;
  const ragged = rest > 0 ? packing(rest) : undefined;
  return module.define(undefined, ["i32", "i32", "i32", "i32"], undefined, (f, to, from, depth, columns) => {
    const strip = f.hold("i32", f.i32.mul(f.get(depth), f.integer(width * number)));
    f.block((end) => {
      if (!whole) return;
      f.branchIf(end, f.i32.lt(f.get(columns), f.integer(width)));
      f.loop((again) => {
        f.call(whole, f.get(to), f.get(from), f.get(depth));
        f.set(to, f.i32.add(f.get(to), f.get(strip)));
        f.set(from, f.plus(f.get(from), width * p.bCol * number));
        f.branchIf(again, f.i32.ge(f.tee(columns, f.plus(f.get(columns), -width)), f.integer(width)));
      });
    });
    if (ragged) f.when(f.get(columns), () => void f.call(ragged, f.get(to), f.get(from), f.get(depth)));
  });
}
