/** The op table as things to try: every op in every one of its cases, with numbers to try it on. */
import { allocate, type DType, isFloat } from "../src/base/dtype.ts";
import { type Shape, show, size } from "../src/base/shape.ts";
import { hostMemory, type Node, source } from "../src/graph/node.ts";
import { type AnyOp, type Case, constant, isOp } from "../src/graph/op.ts";
import * as table from "../src/ops/table.ts";

/** One use of an op, on drawn numbers that are the same each time. */
export interface Trial {
  readonly op: AnyOp;
  /** Says which use it is: `matmul([3, 4], [4, 2])`. */
  readonly name: string;
  readonly inputs: readonly Node[];
  /** The op used on other inputs of the same shapes and dtypes. */
  readonly use: (inputs: readonly Node[]) => Node;
}

/** A source of numbers that is the same each time. */
export function numbers(seed: number): (low: number, high: number) => number {
  let state = seed * 2654435761 + 12345;
  return (low, high) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39);
    return low + ((high - low) * ((mixed ^ (mixed >>> 16)) >>> 0)) / 2 ** 32;
  };
}

/** A leaf that holds `values`. */
export function leaf(values: ArrayLike<number>, shape: Shape, dtype: DType = "float32"): Node {
  const host = allocate(dtype, size(shape));
  for (let i = 0; i < host.length; i++) host[i] = values[i]!;
  return source(hostMemory(dtype, host), shape);
}

/** Every op of the table. */
export const everyOp = (): AnyOp[] => [constant, ...new Set(Object.values<unknown>(table).filter(isOp))];

/** Every op in every one of its cases. */
export const everyCase = (): Trial[] => everyOp().flatMap((op, n) => op.cases.map((each, i) => trial(op, each, n * 100 + i)));

function trial(op: AnyOp, { shapes, args, dtypes, values, domain }: Case<any[]>, seed: number): Trial {
  const [low, high] = domain ?? op.domain ?? [-2, 2];
  const draw = numbers(seed);
  const inputs = shapes.map((shape, i) => {
    const dtype = dtypes?.[i] ?? "float32";
    const drawn = (): number => (isFloat(dtype) ? draw(low, high) : dtype === "bool" ? Math.round(draw(0, 1)) : Math.floor(draw(0, 5)));
    return leaf(values?.[i] ?? Array.from({ length: size(shape) }, drawn), shape, dtype);
  });
  const shown = [...shapes.map((shape, i) => `${show(shape)}${dtypes && dtypes[i] !== "float32" ? ` ${dtypes[i]}` : ""}`), ...args.map((arg) => JSON.stringify(arg))];
  return { op, name: `${op.name}(${shown.join(", ")})`, inputs, use: (nodes) => (op.variadic ? op(nodes, ...args) : op(...nodes, ...args)) };
}
