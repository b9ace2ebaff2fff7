/** Maps: number by number over an index space, with folds over its rows. */
import type { Kernel } from "../../compiler/program.ts";
import { BodyWriter, isFold, type Place } from "./body.ts";
import type { Context, Emitted } from "./context.ts";
import { type FoldOp, Folding } from "./fold.ts";
import { columns, nest, type Range } from "./nest.ts";

/** Rows this short are done in one go. */
const ways = (count: number, code: number): number => (count >= 8 && code < 40 ? 2 : 1);

export function emitMap(k: Kernel & { kind: "map" }, context: Context): Emitted {
  const { dims, body } = k;
  const last = dims.length - 1;
  const rows = body.code.some(({ op, args }) => isFold(op) && args.length === 1);
  const flat = dims.length === 1 && !rows;
  const call = context.kernel((f, table, from, to) => {
    const writer = new BodyWriter(context, f, table, body, dims);
    const range: Range = [from, to];
    const passes = rows ? passesOf(writer) : [];
    const keeps = writer.keep(passes.map(({ wanted }) => wanted));
    writer.begin();
    writer.beginKeeping();
    const outer = dims.slice(0, -1).map((count, axis) => ({ moved: [{ writer, axis }], count, ...(axis === 0 && { range }) }));
    nest(f, outer, () => {
      writer.row(0);
      if (rows) return foldRows(writer, dims[last]!, last, passes, keeps);
      if (writer.stores(false).length > 0)
        columns(f, [{ writer, axis: last }], dims[last]!, flat ? range : undefined, ways(dims[last]!, body.code.length), (width, n) => {
          const places = Array.from({ length: n }, (_, i) => writer.place(width, width * i));
          for (const place of places) writer.ready(place, false);
          for (const place of places) writer.write(place, false);
        });
      rowStores(writer);
    });
  });
  return { call, units: outerUnits(dims, rows), grain: flat ? 16 : 1 };
}

const outerUnits = (dims: readonly number[], rows: boolean): number => (dims.length === 1 && rows ? 1 : dims[0]!);

function rowStores(writer: BodyWriter): void {
  if (writer.stores(true).length === 0) return;
  const place = writer.place(4, 0);
  writer.ready(place, true);
  writer.write(place, true);
}

/** What is done each time a row is gone through. */
interface Pass {
  /** Folds that this pass does, by register. */
  readonly folds: readonly number[];
  readonly stores: boolean;
  /** Registers it needs. */
  readonly wanted: readonly number[];
}

function passesOf(writer: BodyWriter): Pass[] {
  const { given, loads, code } = writer.body;
  const folds = code.flatMap(({ op, args }, i) => (isFold(op) && args.length === 1 ? [{ register: given + loads.length + i, arg: args[0]! }] : []));
  const stored = writer.stores(false).map((s) => s.register);
  // All numbers are stored in the last pass that folds or stores, so that nothing is overwritten that is still read.
  const count = 1 + Math.max(...folds.map(({ arg }) => writer.pass(arg)), ...stored.map((r) => writer.pass(r)));
  return Array.from({ length: count }, (_, pass) => {
    const here = folds.filter(({ arg }) => writer.pass(arg) === pass);
    const stores = pass === count - 1 && stored.length > 0;
    return { folds: here.map(({ register }) => register), stores, wanted: [...here.map(({ arg }) => arg), ...(stores ? stored : [])] };
  });
}

function foldRows(writer: BodyWriter, count: number, axis: number, passes: readonly Pass[], keeps: readonly (readonly number[])[]): void {
  const { f, body } = writer;
  passes.forEach((pass, number) => {
    const at = ways(count, body.code.length);
    const foldings = pass.folds.map((r) => {
      const { op, args } = writer.instruction(r)!;
      return { register: r, arg: args[0]!, op, folding: new Folding(f, op as FoldOp, body.type === "float64", at) };
    });
    for (const { folding } of foldings) folding.begin();
    if (foldings.length > 0 || pass.stores)
      columns(f, [{ writer, axis }], count, undefined, at, (width, n) => {
        const places: Place[] = Array.from({ length: n }, (_, i) => writer.place(width, width * i));
        places.forEach((place, way) => {
          for (const { arg, op, folding } of foldings)
            folding.add(way, width, writer.register(place, arg), op.startsWith("arg") ? writer.along(place) : undefined);
          if (pass.stores) writer.ready(place, false);
          for (const r of keeps[number]!) writer.keepAt(place, r);
        });
        if (pass.stores) for (const place of places) writer.write(place, false);
      });
    for (const { register, folding } of foldings) writer.know(register, folding.end());
    writer.kept(keeps[number]!);
    writer.row(number + 1);
  });
  rowStores(writer);
}
