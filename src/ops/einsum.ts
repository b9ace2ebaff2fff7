import { CambiumError } from "../base/error.ts";
import { show, type Shape, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { matmul } from "./matmul.ts";
import { permute, reshapeTo } from "./movement.ts";
import { sum } from "./spread.ts";

/** A tensor whose axes have letters. */
interface Lettered {
  readonly node: Node;
  readonly letters: readonly string[];
}

/**
 * Products summed over the letters that the result leaves out: `einsum("ij,jk->ik", a, b)` is the matrix product. Without `->` the result has the letters that
 * occur once, in alphabetical order.
 * @throws a `value` error when the equation does not fit the operands
 * @source NumPy's `einsum`, without `...` and without a letter twice in one operand
 */
export function einsum(equation: string, ...operands: readonly Node[]): Node {
  const [left, right] = equation.replaceAll(" ", "").split("->") as [string, string | undefined];
  const inputs = left.split(",");
  if (!/^[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?$/.test(equation.replaceAll(" ", ""))) throw new CambiumError("value", "einsum", `"${equation}" is not an equation such as "ij,jk->ik": one letter an axis`);
  if (inputs.length !== operands.length) throw new CambiumError("value", "einsum", `"${equation}" names ${inputs.length} operands, ${operands.length} are given`);
  const all = [...left.replaceAll(",", "")];
  const result = [...(right ?? [...new Set(all)].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort().join(""))];
  const unknown = result.find((letter) => !all.includes(letter));
  if (unknown !== undefined) throw new CambiumError("value", "einsum", `"${equation}" has ${unknown} in its result, but no operand has it`);

  const sizes = new Map<string, number>();
  const terms = operands.map((node, i): Lettered => {
    const letters = [...inputs[i]!];
    if (letters.length !== node.shape.length || new Set(letters).size !== letters.length)
      throw new CambiumError("shape", "einsum", `"${inputs[i]}" must have one letter, each another, for each of the ${node.shape.length} axes of ${show(node.shape)}`);
    letters.forEach((letter, axis) => {
      const known = sizes.get(letter);
      if (known !== undefined && known !== node.shape[axis]) throw new CambiumError("shape", "einsum", `${letter} is ${known} in one operand and ${node.shape[axis]} in ${show(node.shape)}`);
      sizes.set(letter, node.shape[axis]!);
    });
    return { node, letters };
  });

  let [product, ...rest] = terms as [Lettered, ...Lettered[]];
  while (rest.length > 0) {
    const [next, ...later] = rest as [Lettered, ...Lettered[]];
    const wanted = new Set([...result, ...later.flatMap((term) => term.letters)]);
    product = pair(product, next, wanted, sizes);
    rest = later;
  }
  const { node, letters } = without(product, new Set(result));
  return ordered(node, letters, result);
}

/** A term summed over the letters nobody wants any more. */
function without({ node, letters }: Lettered, wanted: ReadonlySet<string>): Lettered {
  const gone = letters.flatMap((letter, axis) => (wanted.has(letter) ? [] : [axis]));
  return gone.length === 0 ? { node, letters } : { node: sum(node, gone), letters: letters.filter((letter) => wanted.has(letter)) };
}

/** A node with its axes in the order of `to`. */
function ordered(node: Node, from: readonly string[], to: readonly string[]): Node {
  const order = to.map((letter) => from.indexOf(letter));
  return order.every((axis, i) => axis === i) ? node : permute(node, order);
}

/** The product of two terms, summed over the letters both have and nobody wants, as one batched matrix product. */
function pair(left: Lettered, right: Lettered, wanted: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Lettered {
  const a = without(left, new Set([...wanted, ...right.letters]));
  const b = without(right, new Set([...wanted, ...left.letters]));
  const shared = a.letters.filter((letter) => b.letters.includes(letter));
  const batch = shared.filter((letter) => wanted.has(letter));
  const summed = shared.filter((letter) => !wanted.has(letter));
  const [rows, columns] = [a.letters.filter((letter) => !shared.includes(letter)), b.letters.filter((letter) => !shared.includes(letter))];
  const shape = (letters: readonly string[]): Shape => letters.map((letter) => sizes.get(letter)!);
  const [m, k, n] = [rows, summed, columns].map((letters) => size(shape(letters))) as [number, number, number];
  const product = matmul(
    reshapeTo(ordered(a.node, a.letters, [...batch, ...rows, ...summed]), [...shape(batch), m, k]),
    reshapeTo(ordered(b.node, b.letters, [...batch, ...summed, ...columns]), [...shape(batch), k, n]),
  );
  const letters = [...batch, ...rows, ...columns];
  return { node: reshapeTo(product, shape(letters)), letters };
}
