/** What recurrent cells calculate, for both faces, and how a cell is taken through a sequence. */
import { scan } from "../tensor/scan.ts";
import { concat } from "../tensor/create.ts";
import { fitting } from "../tensor/autocast.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type Curve = (x: Tensor) => Tensor;

/** A cell's next state, from what the input and the state before have given to its gates (`z` and `r`, each `[batch, gates · size]`). The first of a state is the output. */
export type Step = (z: Tensor, r: Tensor, state: readonly Tensor[]) => Tensor[];

export const sigmoid: Curve = (x) => x.sigmoid();
export const tanh: Curve = (x) => x.tanh();
export const relu: Curve = (x) => x.relu();

/** @source Elman, "Finding structure in time" (1990) */
export const simple =
  (curve: Curve = tanh): Step =>
  (z, r) => [curve(z.add(r))];

/**
 * Gates in PyTorch's and Keras' order: input, forget, cell, output.
 * @source Hochreiter and Schmidhuber, "Long short-term memory" (1997), with the forget gate of Gers et al. (2000)
 */
export const long =
  (curve: Curve = tanh, gate: Curve = sigmoid): Step =>
  (z, r, [, c]) => {
    const [input, forget, cell, output] = z.add(r).split(4, -1) as [Tensor, Tensor, Tensor, Tensor];
    const next = gate(forget)
      .mul(c!)
      .add(gate(input).mul(curve(cell)));
    return [gate(output).mul(curve(next)), next];
  };

/**
 * With the reset gate behind the product. `order` says which third is which: PyTorch has reset, update; Keras update, reset.
 * @source Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), in the form of cuDNN
 */
export const gated =
  (order: "resetFirst" | "updateFirst", curve: Curve = tanh, gate: Curve = sigmoid): Step =>
  (z, r, [h]) => {
    const [a, b, c] = z.split(3, -1) as [Tensor, Tensor, Tensor];
    const [ra, rb, rc] = r.split(3, -1) as [Tensor, Tensor, Tensor];
    const [first, second] = [gate(a.add(ra)), gate(b.add(rb))];
    const [reset, update] = order === "resetFirst" ? [first, second] : [second, first];
    const candidate = curve(c.add(reset.mul(rc)));
    return [candidate.add(update.mul(h!.sub(candidate)))];
  };

/** A sequence a cell goes through. Axis 0 is time. */
export interface Passage {
  /** What the input gives to each step. */
  readonly z: Tensor;
  readonly start: readonly Tensor[];
  /** The state after a step. */
  readonly next: (z: Tensor, state: readonly Tensor[]) => Tensor[];
  /** Which part of the state is the output. Default 0. */
  readonly output?: number;
  readonly reverse?: boolean;
  /** `[time, batch, 1]`, false where a sequence has ended: there the state stays as it is, and the output is 0 or, with `holding`, what it was. */
  readonly mask?: Tensor | undefined;
  readonly holding?: boolean;
}

/** The outputs of all steps, and the state after the last. */
export function passage({ z, start, next, output = 0, reverse = false, mask, holding = false }: Passage): [outputs: Tensor, state: Tensor[]] {
  const [state, outputs] = scan(
    (state: readonly Tensor[], [z, on]: readonly Tensor[]): [Tensor[], Tensor] => {
      const made = next(z!, state);
      if (!on) return [made, made[output]!];
      const kept = made.map((x, i) => on.where(x, state[i]!));
      return [kept, holding ? kept[output]! : on.where(kept[output]!, 0)];
    },
    start,
    mask ? [z, mask] : [z],
    { reverse },
  );
  return [outputs, [...state]];
}

/** `x · weight + bias` for all steps at once. */
export function projected(x: Tensor, weight: Tensor, ...biases: (Tensor | undefined)[]): Tensor {
  const bias = biases.reduce((a, b) => (a && b ? a.add(b) : (a ?? b)), undefined);
  const z = x.matmul(weight);
  return bias ? z.add(fitting(bias, z)) : z;
}

export const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : concat(parts, -1));
