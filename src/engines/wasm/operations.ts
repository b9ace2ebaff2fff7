/** The instructions of bodies, on vectors of floats or of doubles. */
import { isOp } from "../../graph/op.ts";
import * as table from "../../ops/table.ts";
import type { ModuleBuilder } from "./assembler.ts";
import * as functions from "./functions.ts";
import type { Lanes, Operand, Vector } from "./lanes.ts";

type Operation = (o: Lanes, ...args: Vector[]) => Vector;

const compare =
  (by: "lt" | "le" | "gt" | "ge" | "eq" | "ne"): Operation =>
  (o, a, b) =>
    o.truth(o[by](a, b!));
const isTrue = (o: Lanes, a: Vector): Vector => o.ne(a, 0);

/** What vectors do themselves. */
const operations: Readonly<Record<string, Operation>> = {
  add: (o, a, b) => o.add(a, b),
  sub: (o, a, b) => o.sub(a, b),
  mul: (o, a, b) => o.mul(a, b),
  div: (o, a, b) => o.div(a, b),
  floorDiv: (o, a, b) => o.floor(o.div(a, b)),
  minimum: (o, a, b) => o.min(a, b),
  maximum: (o, a, b) => o.max(a, b),
  less: compare("lt"),
  lessEqual: compare("le"),
  greater: compare("gt"),
  greaterEqual: compare("ge"),
  equal: compare("eq"),
  notEqual: compare("ne"),
  logicalAnd: (o, a, b) => o.truth(o.and(isTrue(o, a), isTrue(o, b))),
  logicalOr: (o, a, b) => o.truth(o.or(isTrue(o, a), isTrue(o, b))),
  logicalXor: (o, a, b) => o.truth(o.xor(isTrue(o, a), isTrue(o, b))),
  logicalNot: (o, a) => o.truth(o.eq(a, 0)),
  where: (o, a, b, c) => o.select(isTrue(o, a), b, c),
  neg: (o, a) => o.neg(a),
  abs: (o, a) => o.abs(a),
  sign: (o, a) => o.select(o.gt(a, 0), 1, o.select(o.lt(a, 0), -1, a)),
  square: (o, a) => o.mul(a, a),
  sqrt: (o, a) => o.sqrt(a),
  rsqrt: (o, a) => o.div(1, o.sqrt(a)),
  reciprocal: (o, a) => o.div(1, a),
  floor: (o, a) => o.floor(a),
  ceil: (o, a) => o.ceil(a),
  round: (o, a) => o.nearest(a),
  trunc: (o, a) => o.trunc(a),
  relu: (o, a) => o.select(o.le(a, 0), 0, a),
  isNaN: (o, a) => o.truth(o.ne(a, a)),
  isFinite: (o, a) => o.truth(o.lt(o.abs(a), Infinity)),
  isInf: (o, a) => o.truth(o.eq(o.abs(a), Infinity)),
  lerp: (o, a, b, c) => o.sum(o.sub(b, a), c, a),
  clamp: (o, a, b, c) => o.min(o.max(a, b), c),
  mulAdd: (o, a, b, c) => o.sum(a, b, c),
  reluGrad: (o, a, b) => o.select(o.gt(b, 0), a, 0),
  rmsStep: (o, p, m, v, lr, eps) => o.sub(p, o.div(o.mul(lr!, m), o.add(o.sqrt(v), eps!))),
};

/** What floats do themselves; doubles go through the op's own numbers. */
const ofFloats: Readonly<Record<string, Operation>> = { ...functions };

/** Ops that cost no more than fetching their result from memory again. */
const simple = new Set(
  "add sub mul neg abs square relu minimum maximum less lessEqual greater greaterEqual equal notEqual where logicalNot reluGrad mulAdd".split(" "),
);
export const isSimple = (op: string): boolean => simple.has(op);

/** For each op by name, its result for one number of each input. */
const scalars: ReadonlyMap<string, (...numbers: number[]) => number> = new Map(
  Object.values<unknown>(table)
    .filter(isOp)
    .flatMap((op) => (op.scalar ? [[op.name, op.scalar] as const] : [])),
);

/** Functions that modules import from here: ops' own numbers. */
export const scalarImports = (): Record<string, (...numbers: number[]) => number> => Object.fromEntries(scalars);

export function operate(module: ModuleBuilder, o: Lanes, op: string, args: readonly Vector[]): Vector {
  const known = operations[op] ?? (o.wide ? undefined : ofFloats[op]);
  if (known) return known(o, ...args);
  const callable = module.imported(
    "ops",
    op,
    args.map(() => "f64" as const),
    "f64",
  );
  return o.each(callable, args as readonly Operand[]);
}
