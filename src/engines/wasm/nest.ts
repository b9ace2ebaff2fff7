/** Loops over index spaces. Each leaves the pointers of its bodies as it has found them. */
import type { FunctionBuilder, Local } from "./assembler.ts";
import type { BodyWriter } from "./body.ts";
import type { Width } from "./numbers.ts";

/** A body and the place of a loop's axis among its own. */
export interface Moved {
  readonly writer: BodyWriter;
  readonly axis: number;
}

/** Part of an axis: from and to, where not all of it. */
export type Range = readonly [from: Local<"i32">, to: Local<"i32">];

/** inner() at each position of an axis. */
export function steps(f: FunctionBuilder, moved: readonly Moved[], count: number, range: Range | undefined, inner: () => void): void {
  if (count === 1 && !range) return inner();
  const i = f.local("i32");
  for (const { writer, axis } of moved) {
    writer.indices[axis] = i;
    if (range) writer.move(axis, range[0]);
  }
  f.count(i, range ? f.get(range[0]) : f.integer(0), range ? range[1] : count, 1, () => {
    inner();
    for (const { writer, axis } of moved) writer.move(axis, 1);
  });
  const back = range ? f.hold("i32", f.i32.sub(f.integer(0), f.get(range[1]))) : -count;
  // Nothing has moved where the range is empty, but then nothing follows either.
  for (const { writer, axis } of moved) writer.move(axis, back);
}

/** Steps along several axes, the first over `range`. */
export function nest(
  f: FunctionBuilder,
  axes: readonly { readonly moved: readonly Moved[]; readonly count: number; readonly range?: Range }[],
  inner: () => void,
): void {
  const [first, ...rest] = axes;
  if (!first) return inner();
  steps(f, first.moved, first.count, first.range, () => nest(f, rest, inner));
}

/**
 * Along an axis `ways` times four numbers at a time, then four, then one: `inner(width, n)` does n times `width` numbers that follow each other.
 */
export function columns(
  f: FunctionBuilder,
  moved: readonly Moved[],
  count: number,
  range: Range | undefined,
  ways: number,
  inner: (width: Width, n: number) => void,
): void {
  const i = f.local("i32");
  f.set(i, range ? f.get(range[0]) : f.integer(0));
  for (const { writer, axis } of moved) {
    writer.indices[axis] = i;
    if (range) writer.move(axis, range[0]);
  }
  let left = range ? Number.POSITIVE_INFINITY : count;
  const section = (width: Width, n: number): void => {
    const step = width * n;
    if (left < step) return;
    const next = (): void => {
      inner(width, n);
      for (const { writer, axis } of moved) writer.move(axis, step);
      f.set(i, f.i32.add(f.get(i), f.integer(step)));
    };
    if (!range && left < 2 * step) next();
    else {
      // The last place where so many still fit.
      const last = range ? f.hold("i32", f.i32.sub(f.get(range[1]), f.integer(step))) : count - step;
      const fits = () => f.i32.le(f.get(i), typeof last === "number" ? f.integer(last) : f.get(last));
      f.block((out) => {
        f.branchIf(out, f.i32.eqz(fits()));
        f.loop((again) => {
          next();
          f.branchIf(again, fits());
        });
      });
    }
    left %= step;
    if (range) left = step - 1;
  };
  if (ways > 1) section(4, ways);
  section(4, 1);
  section(1, 1);
  const back = range ? f.hold("i32", f.i32.sub(f.integer(0), f.get(range[1]))) : -count;
  for (const { writer, axis } of moved) writer.move(axis, back);
}
