/** What follows a product, as a function on rows of results that lie in memory. */
import { bytesOf } from "../../base/dtype.ts";
import { collapse } from "../../compiler/body.ts";
import type { Body } from "../../compiler/program.ts";
import type { Callable } from "./assembler.ts";
import { BodyWriter } from "./body.ts";
import type { Context } from "./context.ts";
import { columns } from "./nest.ts";
import { load } from "./numbers.ts";

/**
 * A function (desk, row, rows, column, to, given…, stride): does `body` for columns `column` to `to` of `rows` rows of the space `dims`, rows counted through over all axes but the last.
 * Its given numbers (float32, or float64 where the body calculates so) lie from each `given` on, the next row's `stride` bytes further. Kernels of one body share it.
 */
export function finishOf(context: Context, body: Body, dims: readonly number[]): Callable & { readonly name: string } {
  const tidy = collapse(dims, [body], true, false);
  const space = tidy.space.length > 1 ? tidy.space : [1, ...tidy.space];
  const own: Body =
    tidy.space.length > 1
      ? tidy.bodies[0]!
      : { ...tidy.bodies[0]!, loads: shifted(tidy.bodies[0]!.loads), stores: shifted(tidy.bodies[0]!.stores), code: tidy.bodies[0]!.code.map(shiftedCode) };
  const params = ["i32", "i32", "i32", "i32", "i32", ...Array.from({ length: body.given }, () => "i32" as const), "i32"] as const;
  return context.define(params, (f, table, row, rows, column, to, ...more) => {
    const stride = more[more.length - 1]!;
    const given = more.slice(0, -1);
    const writer = new BodyWriter(context, f, table, own, space);
    const last = space.length - 1;
    const dtype = own.type;
    const size = bytesOf(dtype);
    writer.begin();
    const end = f.hold("i32", f.i32.add(f.get(row), f.get(rows)));
    f.count(row, f.get(row), end, 1, () => {
      // The row's place along each axis.
      const rest = f.hold("i32", f.get(row));
      for (let axis = last - 1; axis >= 0; axis--) {
        if (space[axis] === 1) continue;
        const i = axis === 0 ? rest : f.hold("i32", f.i32.remUnsigned(f.get(rest), f.integer(space[axis]!)));
        if (axis > 0) f.set(rest, f.i32.divUnsigned(f.get(rest), f.integer(space[axis]!)));
        writer.indices[axis] = i;
        writer.move(axis, i);
      }
      writer.row();
      const pointers = given.map((p) => f.hold("i32", f.get(p)));
      columns(f, [{ writer, axis: last }], space[last]!, [column, to], 2, (width, n) => {
        const places = Array.from({ length: n }, (_, i) =>
          writer.place(
            width,
            width * i,
            pointers.map((p) => load(f, dtype, p, width * i * size, 1, width)),
          ),
        );
        // Where a row is one number, what is stored is one number a row.
        for (const perRow of [false, true]) for (const place of places) writer.ready(place, perRow);
        for (const perRow of [false, true]) for (const place of places) writer.write(place, perRow);
        for (const p of pointers) f.set(p, f.plus(f.get(p), width * n * size));
      });
      for (let axis = 0; axis < last; axis++) if (space[axis] !== 1) writer.move(axis, f.hold("i32", f.i32.sub(f.integer(0), f.get(writer.indices[axis]!))));
      for (const p of given) f.set(p, f.i32.add(f.get(p), f.get(stride)));
    });
  });
}

const shifted = <T extends { readonly strides: readonly number[] }>(views: readonly T[]): T[] => views.map((v) => ({ ...v, strides: [0, ...v.strides] }));
const shiftedCode = (c: Body["code"][number]): Body["code"][number] => {
  if (c.attrs?.strides) return { ...c, attrs: { ...c.attrs, strides: [0, ...(c.attrs.strides as number[])] } };
  return c.op === "index" ? { ...c, attrs: { axis: (c.attrs!.axis as number) + 1 } } : c;
};
