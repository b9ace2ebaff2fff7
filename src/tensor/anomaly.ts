/** Where numbers that are none come from: the first op that made NaN, what it made it of, and the line that used it. */
import { allocate, load } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { expandMacros } from "../compiler/expand.ts";
import { hostMemory, type Memory, Node, source } from "../graph/node.ts";
import { watch, watching } from "../graph/op.ts";
import { inOrder } from "../graph/walk.ts";
import { evaluate, inspect } from "./evaluate.ts";
import { Tensor } from "./tensor.ts";

export interface AnomalyOptions {
  /** Whether ∞ counts as well as NaN. Default `false`. */
  infinities?: boolean;
}

/** Where each node was made while somebody wanted to know. */
const lines = new WeakMap<Node, string>();
let wanted = "";

const hints: Readonly<Record<string, string>> = {
  log: "the logarithm of 0 is −∞, of a negative number NaN: add a little, or clamp",
  sqrt: "a negative number has no root, and at 0 the slope is infinite: add a little under the root",
  rsqrt: "1/√0 is infinite: add a little under the root",
  div: "0/0 is NaN, 1/0 infinite: keep the divisor away from 0",
  reciprocal: "1/0 is infinite: keep the number away from 0",
  exp: "e⁸⁹ is more than float32 holds: take the largest away first, as softmax does",
  pow: "a negative number has no power that is a fraction, and at 0 its slope may be infinite",
  sub: "∞ − ∞ is NaN: find out where the infinity comes from",
  mul: "0 · ∞ is NaN: find out where the infinity comes from",
};

/** The folder of this library's own code, whose lines nobody wants to read. */
const own = ((url) => url.slice(0, Math.max(url.lastIndexOf("/src/"), url.lastIndexOf("/dist/")) + 1))(import.meta.url);
const ownFolders = [`${own}src/`, `${own}dist/`].map((folder) => folder.replace(/^file:\/\//, ""));

/** The line of the user's program that is running: file, line, column. */
function userLine(): string | undefined {
  const errors = Error as unknown as { stackTraceLimit?: number };
  const before = errors.stackTraceLimit;
  errors.stackTraceLimit = 60;
  const { stack = "" } = new Error();
  if (before !== undefined) errors.stackTraceLimit = before;
  for (const line of stack.split("\n")) {
    const at = /\(?((?:file|https?):\/\/[^\s)]+|\/[^\s)]+|[A-Z]:\\[^\s)]+):(\d+):(\d+)\)?$/.exec(line.trim());
    if (!at) continue;
    const file = at[1]!.replace(/^file:\/\//, "");
    if (!ownFolders.some((folder) => file.startsWith(folder)) && !file.includes("/node_modules/")) return `${file}:${at[2]}:${at[3]}`;
  }
  return undefined;
}

function remember(node: Node): void {
  const cause = watching.cause;
  const line = cause ? lines.get(cause) : userLine();
  const text = cause ? `in the gradient of ${cause.op!.name}${line ? `, used at ${line.replace(/^at /, "")}` : ""}` : line && `at ${line}`;
  if (text) lines.set(node, text);
}

/** A node's numbers, worked out alone on the engine in use from what its inputs hold. */
function alone(node: Node, of: (input: Node) => Memory): Memory {
  const inputs = node.inputs.map((x) => source(of(x), x.shape));
  const copy = new Node(node.op, inputs, node.attrs, node.shape, node.dtype, false);
  evaluate([copy]);
  return copy.value!;
}

const numbersOf = (memory: Memory): ArrayLike<number> => (memory.host ? load(memory.dtype, memory.host) : []);

/** What a tensor holds, in words. */
function seen(memory: Memory, shape: readonly number[]): string {
  const numbers = numbersOf(memory);
  let [low, high, nan, infinite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let i = 0; i < numbers.length; i++) {
    const v = numbers[i]!;
    if (v !== v) nan++;
    else if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
    else infinite++;
  }
  const round = (v: number): string => String(Number(v.toPrecision(4)));
  const parts = [
    ...(low <= high ? [low === high ? round(low) : `${round(low)} to ${round(high)}`] : []),
    ...(infinite > 0 ? [`${infinite} × ±∞`] : []),
    ...(nan > 0 ? [`${nan} × NaN`] : []),
  ];
  return `${show(shape)} (${parts.join(", ")})`;
}

const isBad =
  (infinities: boolean) =>
  (memory: Memory): boolean => {
    const numbers = numbersOf(memory);
    for (let i = 0; i < numbers.length; i++) if (infinities ? !Number.isFinite(numbers[i]!) : numbers[i] !== numbers[i]) return true;
    return false;
  };

/** What is wrong with `roots`, of which one turned out bad: the graph is run again, op by op, and followed back from there. */
function trace(roots: readonly Node[], bad: (memory: Memory) => boolean): CambiumError | undefined {
  const graph = watch(remember, () => expandMacros(roots));
  const known = new Map<Node, Memory>();
  const of = (node: Node): Memory => known.get(node)!;
  for (const node of inOrder(graph, (n) => n.value !== undefined || !n.op)) {
    if (node.value) known.set(node, node.value);
    else if (node.op) known.set(node, alone(node, of));
    else known.set(node, hostMemory(node.dtype, allocate(node.dtype, 1).fill(node.number!)));
  }
  let at = graph.find((root) => bad(of(root)));
  if (!at) return undefined;
  for (let next: Node | undefined = at; next; next = next.op && !next.value ? next.inputs.find((input) => bad(of(input))) : undefined) at = next;
  const where = lines.get(at);
  const line = where ? `\n  ${where}` : "";
  if (!at.op || at.value) return new CambiumError("value", "anomaly", `the numbers given are bad already: ${seen(of(at), at.shape)}${line}`);
  const { name, inputs, variadic } = at.op;
  const given = at.inputs.map((x, i) => `${variadic ? `${inputs[0]}[${i}]` : inputs[i]} ${seen(of(x), x.shape)}`);
  return new CambiumError("value", name, `makes ${seen(of(at), at.shape)} of ${given.join(", ") || "nothing"}${line}`, hints[name]);
}

/**
 * Functions for finding mistakes.
 * @example
 * ```ts
 * debug.nans(true); // from now on NaN is an error that says which op made it, of what, and on which line
 * ```
 */
export const debug: { nans(on: boolean, options?: AnomalyOptions): void } = {
  /**
   * While on, whatever is computed is looked through, and NaN is an error that names the first op that made it, what it was given, and the line that used it.
   * Programs then run slowly, and compiled functions op by op. Off, it costs nothing.
   */
  nans(on, { infinities = false } = {}) {
    const kind = on ? (infinities ? "infinities" : "nans") : "";
    if (kind === wanted) return;
    wanted = kind;
    watching.made = on ? remember : undefined;
    const bad = isBad(infinities);
    inspect(
      on
        ? (roots, outputs) => {
            if (!outputs.some(bad)) return;
            const before = wanted;
            debug.nans(false);
            try {
              const found = trace(roots, bad);
              throw (
                found ??
                new CambiumError(
                  "value",
                  "anomaly",
                  "a result is NaN, but no op alone makes one",
                  'the engine\'s fused program differs: try useEngine("reference")',
                )
              );
            } finally {
              debug.nans(before !== "", { infinities });
            }
          }
        : undefined,
    );
  },
};

/**
 * Runs `f` with `debug.nans` on, computes the tensors it returns, and hands them back.
 * @throws a `value` error that names the op that made the first NaN, what it was given, and the line that used it
 * @source PyTorch `autograd.detect_anomaly`, JAX `debug_nans`
 */
export function detectAnomaly<T>(f: () => T, options: AnomalyOptions = {}): T {
  const before = wanted;
  debug.nans(true, options);
  const restore = (): void => debug.nans(before !== "", { infinities: before === "infinities" });
  const computed = <R>(result: R): R => {
    const parts = result instanceof Tensor ? [result] : typeof result === "object" && result !== null ? Object.values(result) : [];
    evaluate(parts.flatMap((x) => (x instanceof Tensor ? [x.leaf] : [])));
    return result;
  };
  let waits = false;
  try {
    const result = f();
    if (result instanceof Promise) {
      waits = true;
      return result.then(computed).finally(restore) as T;
    }
    return computed(result);
  } finally {
    if (!waits) restore();
  }
}
