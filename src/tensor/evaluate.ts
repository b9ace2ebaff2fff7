/** Turns graph into numbers: finds or compiles the program for what is wanted and runs it in one engine call. */
import { CambiumError } from "../base/error.ts";
import { compile, type Compiled } from "../compiler/compile.ts";
import { expandMacros } from "../compiler/expand.ts";
import { Cache, keyOf } from "../compiler/key.ts";
import type { Engine, Prepared } from "../engines/engine.ts";
import type { Memory, Node } from "../graph/node.ts";
import { inOrder } from "../graph/walk.ts";

interface Ready {
  readonly compiled: Compiled;
  readonly prepared: Prepared;
}

let engine: Engine | undefined;
let cache = new Cache<Ready>();

/** The engine in use. */
export function currentEngine(): Engine {
  if (!engine) {
    if (!choose) throw new CambiumError("state", "engine", "no engine is chosen yet", 'import "cambium" itself, or call setEngine');
    setEngine(choose());
  }
  return engine!;
}

let choose: (() => Engine) | undefined;

/** How an engine is found when something has to be computed and none is chosen. */
export const whenNeeded = (find: () => Engine): void => void (choose = find);

/** Makes `next` compute from now on. Compiled programs of the engine before are forgotten. */
export function setEngine(next: Engine): void {
  if (engine === next) return;
  engine = next;
  cache = new Cache<Ready>();
}

export const hasEngine = (): boolean => engine !== undefined;

/** Nodes to be computed along with the next evaluation: losses already walked backward, and state that modules have changed. */
const along = new Set<Node>();

export const computeAlong = (node: Node): void => void along.add(node);

/** Computes whatever still waits to be computed along with something else. */
export function flush(): void {
  const waiting = [...along];
  along.clear();
  evaluate(waiting);
}

/** Fills in `value` of every node in `wanted`, in one engine call. */
export function evaluate(wanted: readonly Node[]): void {
  const roots: Node[] = [];
  for (const node of wanted) if (!node.value) roots.push(node);
  if (roots.length === 0) return;
  if (along.size > 0) {
    for (const node of along) if (!node.value && !roots.includes(node)) roots.push(node);
    along.clear();
  }
  const engine = currentEngine();
  let targets: readonly Node[] = roots;
  let order = inOrder(roots, isLeaf);
  if (looksBehind(order)) {
    // A gradient looks behind values that are already known, so it is written out before the graph's leaves are listed.
    targets = expandMacros(roots);
    order = inOrder(targets, isLeaf);
  }
  const key = keyOf(order, targets);
  let ready = cache.get(key);
  const inputs: Memory[] = [];
  const numbers: number[] = [];
  for (const node of order) {
    if (node.value) inputs.push(node.value);
    else if (node.number !== undefined) numbers.push(node.number);
    else if (!node.op)
      throw new CambiumError(
        "state",
        "evaluate",
        "this tensor stands for an input of a compiled function, or for one of many examples, and has no numbers of its own",
        "return it from the function and read the result",
      );
  }
  if (!ready) {
    const compiled = compile(order, targets, engine.target);
    // Compiling walks graphs too, so the places in `order` are stale from here on; nothing below needs them.
    ready = { compiled, prepared: engine.prepare(compiled.program) };
    cache.set({ words: key.words, hash: key.hash }, ready);
  }
  const outputs = roots.map((node) => engine.allocate(node.dtype, elements(node)));
  ready.prepared.run(inputs, outputs, numbers.length === 0 ? noNumbers : new Float64Array(numbers));
  inspector?.(roots, outputs);
  for (let i = 0; i < roots.length; i++) settle(roots[i]!, outputs[i]!);
}

let inspector: ((roots: readonly Node[], outputs: readonly Memory[]) => void) | undefined;

/** Has all that is computed from now on looked at by `look` before anybody else sees it; without `look`, no longer. */
export const inspect = (look: typeof inspector): void => void (inspector = look);

export const isInspecting = (): boolean => inspector !== undefined;

const noNumbers = new Float64Array(0);

/** Whether a gradient still to be written out meets a value that is known, and was made from something it may flow to. */
function looksBehind(order: readonly Node[]): boolean {
  let macro = false;
  let known = false;
  for (const node of order) {
    if (!node.op) continue;
    if (node.value) known ||= node.requires;
    else if (node.op.expand) macro = true;
  }
  return macro && known;
}

const isLeaf = (node: Node): boolean => node.value !== undefined || node.op === undefined;

function elements(node: Node): number {
  let n = 1;
  for (const d of node.shape) n *= d;
  return n;
}

/** A node whose numbers are known needs its inputs only if a gradient may still flow through it. */
function settle(node: Node, value: Memory): void {
  if (node.value) return;
  node.value = value;
  if (!node.requires) node.inputs = [];
}
