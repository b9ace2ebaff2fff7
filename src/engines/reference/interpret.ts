import { expansion } from "../../autodiff/part.ts";
import { type DType, isFloat, load, roundingOf } from "../../base/dtype.ts";
import { CambiumError } from "../../base/error.ts";
import { same, size } from "../../base/shape.ts";
import type { Node } from "../../graph/node.ts";
import { at, type Block } from "../../graph/op.ts";
import { isLoop, isLoopPart, loopAttrs } from "../../graph/region.ts";
import { inOrder } from "../../graph/walk.ts";
import { eachPosition, spreadSteps } from "../../ops/positions.ts";

export interface Interpretation {
  /** Whether each op's result is rounded to its dtype, as an engine would. Without it all is double precision: what measured slopes need. Whole numbers stay whole. */
  readonly round?: boolean;
}

/** The numbers of `roots`, op by op; `given` numbers take the place of a node's own. */
export function interpret(roots: readonly Node[], given: ReadonlyMap<Node, Float64Array> = new Map(), { round = true }: Interpretation = {}): Float64Array[] {
  const known = new Map(given);
  evaluate(roots, known, round);
  return roots.map((root) => known.get(root)!);
}

/** Adds the numbers of `roots`, and of all they need, to `known`. */
function evaluate(roots: readonly Node[], known: Map<Node, Float64Array>, rounded: boolean): void {
  const loops = new Map<Node, Float64Array[]>();
  for (const node of inOrder(roots, (n) => known.has(n) || n.value !== undefined)) {
    if (known.has(node)) continue;
    const { op } = node;
    if (!op || node.value) known.set(node, leaf(node));
    else if (op.expand) continue;
    else if (isLoop(node))
      loops.set(
        node,
        runLoop(
          node,
          node.inputs.map((input) => known.get(input)!),
          rounded,
        ),
      );
    else if (isLoopPart(node)) known.set(node, loops.get(node.inputs[0]!)![node.attrs.index as number]!);
    else if (op.name === "part") {
      const meant = expansion(node.inputs[0]!)[node.attrs.index as number]!;
      evaluate([meant], known, rounded);
      known.set(node, known.get(meant)!);
    } else
      known.set(
        node,
        run(
          node,
          node.inputs.map((input) => known.get(input)!),
          rounded,
        ),
      );
  }
}

function leaf(node: Node): Float64Array {
  if (node.number !== undefined) return round(Float64Array.of(node.number), node.dtype);
  if (!node.value?.host)
    throw new CambiumError("engine", "reference", node.value ? "these numbers lie in another engine's memory" : "a placeholder was given no numbers");
  return Float64Array.from(load(node.dtype, node.value.host));
}

/** A loop on numbers, step by step: its carries after the last, then its stacks. */
export function runLoop(node: Node, numbers: readonly Float64Array[], rounded: boolean): Float64Array[] {
  const { steps, reverse, carries, xs, body, going } = loopAttrs(node);
  const stacks = body.results.slice(carries).map(({ shape }) => new Float64Array(steps * size(shape)));
  let state = numbers.slice(0, carries);
  for (let n = 0; n < steps; n++) {
    if (going !== undefined && stacks.length === 0 && state[going]!.every((on) => on === 0)) break;
    const step = reverse ? steps - 1 - n : n;
    const known = new Map(
      body.inputs.map((stand, i): [Node, Float64Array] => {
        const length = size(stand.shape);
        const piece = i < carries ? state[i]! : i < carries + xs ? numbers[i]!.subarray(step * length, (step + 1) * length) : numbers[i]!;
        return [stand, piece];
      }),
    );
    evaluate(body.results, known, rounded);
    const results = body.results.map((result) => known.get(result)!);
    state = results.slice(0, carries);
    stacks.forEach((stack, i) => {
      const piece = results[carries + i]!;
      stack.set(piece, step * piece.length);
    });
  }
  return [...state, ...stacks];
}

/** One op on numbers: by its loops, number by number, or as what it is made of. */
export function run(node: Node, numbers: readonly Float64Array[], rounded: boolean): Float64Array {
  const op = node.op!;
  if (!op.reference && !op.scalar) {
    if (!op.decompose) throw new CambiumError("engine", "reference", `${op.name} has neither plain loops nor smaller ops to be made of`);
    const parts = op.decompose(at(node), node.attrs, node);
    const known = new Map(node.inputs.map((input, i): [Node, Float64Array] => [input, numbers[i]!]));
    evaluate([parts], known, rounded);
    const made = known.get(parts)!;
    return parts.dtype === node.dtype ? made : round(made.slice(), node.dtype);
  }
  const out: Block = { data: new Float64Array(size(node.shape)), shape: node.shape, dtype: node.dtype };
  const inputs = node.inputs.map(({ shape, dtype }, i): Block => ({ data: numbers[i]!, shape, dtype }));
  if (op.reference) op.reference(out, inputs, node.attrs);
  else byNumber(out, inputs, op.scalar!);
  return rounded || !isFloat(node.dtype) ? round(out.data, node.dtype) : out.data;
}

function byNumber(out: Block, inputs: readonly Block[], scalar: (...numbers: number[]) => number): void {
  const spread = inputs.map((x) => {
    if (same(x.shape, out.shape)) return x.data;
    const full = new Float64Array(out.data.length);
    eachPosition(out.shape, spreadSteps(x.shape, out.shape), (i, j) => (full[i] = x.data[j]!));
    return full;
  });
  for (let i = 0; i < out.data.length; i++) out.data[i] = scalar(...spread.map((data) => data[i]!));
}

/** `numbers` rounded, in place, to what `dtype` can hold; whole numbers wrap around as typed arrays do, and all but 0 is true. */
export function round(numbers: Float64Array, dtype: DType): Float64Array {
  if (dtype === "float64") return numbers;
  const to = roundingOf(dtype);
  for (let i = 0; i < numbers.length; i++) numbers[i] = to(numbers[i]!);
  return numbers;
}
