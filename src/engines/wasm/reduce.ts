/** Folds over any axes: along rows where the last axis is folded, else down columns. */
import { size } from "../../base/shape.ts";
import type { Kernel } from "../../compiler/program.ts";
import { BodyWriter, type Place } from "./body.ts";
import type { Context, Emitted } from "./context.ts";
import { Folding } from "./fold.ts";
import { columns, type Moved, nest, type Range } from "./nest.ts";
import type { Register, Width } from "./numbers.ts";

/** Folds of more numbers are done in doubles, so that long sums stay exact. */
const deep = 4096;
/** Vectors of columns, or of a row, that are folded side by side. */
const sideBySide = 4;

export function emitReduce(k: Kernel & { kind: "reduce" }, context: Context): Emitted {
  const { outer, fold, inner } = k;
  const sampled = context.samples > 0;
  const wide = k.body.type === "float64" || (size(fold) > deep && !k.op.startsWith("arg"));
  const alongRows = inner === 1;
  // Threads share the samples, or else the outermost axis, or else the columns.
  const byOuter = !sampled && outer.length > 0;
  const byColumns = !sampled && !byOuter && !alongRows;
  const call = context.kernel((f, table, from, to) => {
    const range: Range = [from, to];
    const dims = [...outer, ...fold, inner];
    const last = dims.length - 1;
    const lastFold = alongRows ? last - 1 : last;
    const body = new BodyWriter(context, f, table, k.body, dims, lastFold);
    const finish = new BodyWriter(context, f, table, k.finish, [...outer, inner]);
    body.begin();
    finish.begin();
    const register = k.body.stores[0]!.register;
    const folded = (axis: number): { moved: Moved[]; count: number; range?: Range } => ({
      moved: [{ writer: body, axis }],
      count: dims[axis]!,
      ...(sampled && axis === outer.length && { range }),
    });
    const outside = outer.map((count, axis) => ({ moved: [body, finish].map((writer) => ({ writer, axis })), count, ...(byOuter && axis === 0 && { range }) }));
    const places = k.op.startsWith("arg");
    /** The place of a number among those that are folded, counted along all folded axes but the columns. */
    const placeOf = (place: Place): Register | undefined => {
      if (!places) return undefined;
      const axes = fold.map((_, i) => outer.length + i).filter((axis) => axis !== lastFold);
      let at = f.integer(0);
      for (const axis of axes) {
        at = f.i32.mul(at, f.integer(dims[axis]!));
        if (dims[axis] !== 1) at = f.i32.add(at, f.get(body.indices[axis]!));
      }
      if (alongRows) at = f.i32.mul(at, f.integer(dims[lastFold]!));
      const first = f.i32x4.splat(at);
      if (!alongRows) return { kind: "integer", x: f.hold("v128", first) };
      const base = f.hold("v128", first);
      const along = body.along(place) as { x: typeof base };
      return { kind: "integer", x: f.hold("v128", f.i32x4.add(f.get(base), f.get(along.x))) };
    };
    nest(f, outside, () => {
      finish.row();
      if (alongRows) {
        const ways = dims[lastFold]! >= 16 ? sideBySide : 1;
        const folding = new Folding(f, k.op, wide, ways);
        folding.begin();
        const between = fold.slice(0, -1).map((_, i) => folded(outer.length + i));
        const rowRange = sampled && fold.length === 1 ? range : undefined;
        nest(f, between, () => {
          body.row();
          columns(f, [{ writer: body, axis: lastFold }], dims[lastFold]!, rowRange, ways, (width, n) => {
            for (let i = 0; i < n; i++) {
              const place = body.place(width, width * i);
              folding.add(i, width, body.register(place, register), placeOf(place));
            }
          });
        });
        const place = finish.place(1, 0, [folding.end()]);
        finish.indices[outer.length] = f.hold("i32", f.integer(0));
        for (const perRow of [false, true]) finish.ready(place, perRow);
        for (const perRow of [false, true]) finish.write(place, perRow);
        return;
      }
      const moved = [
        { writer: body, axis: last },
        { writer: finish, axis: finish.indices.length - 1 },
      ];
      const ways = inner >= 16 ? sideBySide : 1;
      columns(f, moved, inner, byColumns ? range : undefined, ways, (width: Width, n) => {
        const folding = new Folding(f, k.op, wide, n);
        folding.begin();
        const between = fold.map((_, i) => folded(outer.length + i));
        nest(f, between, () => {
          body.row();
          for (let i = 0; i < n; i++) {
            const place = body.place(width, width * i);
            folding.add(i, width, body.register(place, register), placeOf(place));
          }
        });
        const results = Array.from({ length: n }, (_, i) => finish.place(width, width * i, [folding.column(i, width)]));
        for (const place of results) finish.ready(place, false);
        for (const place of results) finish.write(place, false);
      });
    });
  });
  const units = sampled ? context.samples : byOuter ? outer[0]! : byColumns ? inner : 1;
  return { call, units, grain: byColumns ? 16 : 1 };
}
