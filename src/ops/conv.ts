/** Convolution over any number of spatial axes, channels last. Closed under gradients: each flows back through the others. */
import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { show, type Shape, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, type Case, defineOp, type Op } from "../graph/op.ts";
import { everyOne } from "./examples.ts";
import { dilated, eachPlace, type Geometry, geometryOf, type Moves, outputSizes } from "./geometry.ts";
import { flatten, flip, moveAxis, permute, reshape } from "./movement.ts";

/** How a kernel moves over its input. */
export interface Convolution extends Moves {
  /** Zeros are put between the input's numbers, so that they lie this far apart: a transposed convolution's stride. */
  readonly inputDilation?: number | readonly number[];
  /** Channels and filters are split into this many groups that do not see each other. */
  readonly groups?: number;
}

interface Settings extends Geometry {
  readonly groups: number;
}

function settings(name: string, x: Shape, window: readonly number[], moves: Convolution): Settings {
  const spatial = x.slice(1, -1);
  if (window.length !== spatial.length || spatial.length === 0)
    throw new CambiumError(
      "shape",
      name,
      `x is ${show(x)} with ${Math.max(x.length - 2, 0)} spatial axes, the kernel is ${show(window)} with ${window.length}; x is [batch, ...spatial, channels]`,
      x.length === window.length + 1 ? "x seems to lack its batch axis: try x.expandDims(0)" : undefined,
    );
  const groups = moves.groups ?? 1;
  if (!Number.isInteger(groups) || groups < 1) throw new CambiumError("value", name, `groups must be a whole number from 1, got ${groups}`);
  return { ...geometryOf(name, spatial, window, moves, moves.inputDilation), groups };
}

const oneType =
  (name: string) =>
  ([a, b]: DType[]): DType => {
    if (a !== b) throw new CambiumError("dtype", name, `the input is ${a}, the kernel or gradient ${b}; both must be of one dtype`, `cast the input: x.cast("${b}")`);
    return a!;
  };

type Uses = Case<[options?: Convolution]>[];
const uses: Uses = [
  { shapes: [[2, 5, 6, 3], [3, 2, 3, 4]], args: [] },
  { shapes: [[1, 5, 5, 2], [3, 3, 2, 3]], args: [{ padding: "same", stride: 2 }] },
  { shapes: [[2, 7, 2], [3, 2, 5]], args: [{ dilation: 2, padding: [[1, 3]] }] },
  { shapes: [[1, 4, 5, 4], [2, 3, 2, 6]], args: [{ groups: 2, stride: [1, 2], padding: 1 }] },
  { shapes: [[1, 3, 3, 2], [3, 3, 2, 2]], args: [{ inputDilation: 2, padding: [[2, 3], [1, 2]] }] },
  { shapes: [[1, 6, 5, 1], [2, 2, 1, 1]], args: [{ padding: [[-1, 0], [0, -2]], stride: 1 }] },
  { shapes: [[1, 3, 4, 3, 2], [2, 2, 2, 2, 2]], args: [{ stride: [1, 2, 1] }] },
  { shapes: [[2, 4, 4, 3], [1, 1, 3, 5]], args: [{ stride: 3 }] },
  { shapes: [[2, 5, 5, 3], [3, 3, 1, 6]], args: [{ groups: 3, padding: "same" }] },
];

/**
 * The input seen through a kernel that moves over it.
 * @shape x [batch, ...spatial, channels], w [...kernel, channels / groups, filters] → [batch, ...out, filters]
 * @source cross-correlation, as in PyTorch and Keras
 */
export const conv: Op<["x", "w"], [options?: Convolution]> = defineOp({
  name: "conv",
  kind: "contraction",
  inputs: ["x", "w"],
  attrs: ([x, w], options: Convolution = {}) => settings("conv", x!, w!.slice(0, -2), options),
  shape: ([x, w], attrs) => {
    const [channels, filters] = [x![x!.length - 1]!, w![w!.length - 1]!];
    const seen = w![w!.length - 2]! * attrs.groups;
    if (channels !== seen)
      throw new CambiumError(
        "shape",
        "conv",
        `x is ${show(x!)} with ${channels} channels, w is ${show(w!)} with ${attrs.groups} group${attrs.groups === 1 ? "" : "s"} for ${seen}; x's last size must be ${seen}`,
        x![1] === seen ? "x looks channels first: move its channels to the last axis" : undefined,
      );
    if (filters % attrs.groups !== 0) throw new CambiumError("shape", "conv", `${filters} filters do not divide into ${attrs.groups} groups`);
    return [x![0]!, ...outputSizes("conv", x!.slice(1, -1), attrs), filters];
  },
  dtype: oneType("conv"),
  gradient: (dy, { x, w }, attrs) => ({
    get x(): Node {
      return convInput(dy, w, x.shape, attrs);
    },
    get w(): Node {
      return kernelGradient(x, dy, attrs);
    },
  }),
  reference: (out, [x, w], attrs) => eachProduct(x!, out, attrs, w!.data.length, (i, o, k) => (out.data[o]! += x!.data[i]! * w!.data[k]!)),
  batch: (examples, attrs, node) => {
    if (!examples.varies[1]) {
      const [inputs, kernel] = examples.inputs as [Node, Node];
      return reshape(conv(flatten(inputs, 0, 1), kernel, attrs), [examples.count, ...node.shape]);
    }
    // Each example's kernel is a set of filters of its own, and sees only that example's channels.
    const apart = examples.varies[0] || attrs.groups > 1;
    const [x, w] = apart ? everyOne(examples).map(besideChannels) : [examples.inputs[0]!, besideChannels(examples.inputs[1]!)];
    return fromChannels(conv(x!, w!, { ...attrs, groups: apart ? examples.count * attrs.groups : 1 }), examples.count);
  },
  cases: uses,
  method: false,
});

/**
 * The gradient of a convolution with respect to its kernel.
 * @shape x [batch, ...spatial, channels], dy [batch, ...out, filters] → [...kernel, channels / groups, filters]
 */
export const convKernel: Op<["x", "dy"], [kernel: readonly number[], options?: Convolution]> = defineOp({
  name: "convKernel",
  kind: "contraction",
  inputs: ["x", "dy"],
  attrs: ([x], kernel: readonly number[], options: Convolution = {}) => settings("convKernel", x!, kernel, options),
  shape: ([x, dy], attrs) => {
    const expected = [x![0]!, ...outputSizes("convKernel", x!.slice(1, -1), attrs)];
    if (expected.some((d, i) => d !== dy![i])) throw new CambiumError("shape", "convKernel", `dy is ${show(dy!)}; after x ${show(x!)} it must begin with ${show(expected)}`);
    return [...attrs.window, x![x!.length - 1]! / attrs.groups, dy![dy!.length - 1]!];
  },
  dtype: oneType("convKernel"),
  gradient: (dw, { x, dy }, attrs) => ({
    get x(): Node {
      return convInput(dy, dw, x.shape, attrs);
    },
    get dy(): Node {
      return conv(x, dw, attrs);
    },
  }),
  reference: (out, [x, dy], attrs) => eachProduct(x!, dy!, attrs, out.data.length, (i, o, k) => (out.data[k]! += x!.data[i]! * dy!.data[o]!)),
  batch: (examples, attrs) => {
    const apart = examples.varies[0] || attrs.groups > 1;
    const [x, dy] = apart ? everyOne(examples).map(besideChannels) : [examples.inputs[0]!, besideChannels(examples.inputs[1]!)];
    return fromChannels(convKernel(x!, dy!, attrs.window, { ...attrs, groups: apart ? examples.count * attrs.groups : 1 }), examples.count);
  },
  cases: [
    { shapes: [[2, 5, 6, 3], [2, 3, 5, 4]], args: [[3, 2]] },
    { shapes: [[1, 5, 5, 2], [1, 3, 3, 3]], args: [[3, 3], { padding: "same", stride: 2 }] },
    { shapes: [[1, 4, 5, 4], [1, 5, 3, 6]], args: [[2, 3], { groups: 2, stride: [1, 2], padding: 1 }] },
    { shapes: [[2, 7, 2], [2, 7, 5]], args: [[3], { dilation: 2, padding: 2 }] },
    { shapes: [[1, 3, 2], [1, 6, 2]], args: [[3], { inputDilation: 2, padding: [[2, 1]] }] },
  ],
  method: false,
});

/** The first axis, of examples, made one with the last. */
const besideChannels = (x: Node): Node => flatten(moveAxis(x, 0, -2), -2);

/** The way back: `count` examples taken out of the last axis and put in front. */
const fromChannels = (y: Node, count: number): Node => moveAxis(reshape(y, [...y.shape.slice(0, -1), count, y.shape[y.shape.length - 1]! / count]), -2, 0);

/** Visits every product a convolution sums up, as positions in x, in the output and in the kernel. */
function eachProduct(x: Block, y: Block, attrs: Settings, kernelLength: number, visit: (i: number, o: number, k: number) => void): void {
  const [input, output] = [x.shape.slice(1, -1), y.shape.slice(1, -1)];
  const [channels, filters] = [x.shape[x.shape.length - 1]!, y.shape[y.shape.length - 1]!];
  const [perGroup, mine] = [channels / attrs.groups, filters / attrs.groups];
  if (kernelLength === 0) return;
  for (let n = 0; n < x.shape[0]!; n++)
    eachPlace(input, output, attrs, (o, k, i) => {
      const from = (n * size(input) + i) * channels;
      const to = (n * size(output) + o) * filters;
      for (let f = 0; f < filters; f++) {
        const first = from + Math.floor(f / mine) * perGroup;
        for (let c = 0; c < perGroup; c++) visit(first + c, to + f, (k * perGroup + c) * filters + f);
      }
    });
}

const spatialAxes = (attrs: Settings): number[] => attrs.window.map((_, i) => i);

/** A kernel whose channels and filters have changed places, within each group. */
function exchanged(w: Node, groups: number): Node {
  const [kernel, channels, filters] = [w.shape.slice(0, -2), w.shape[w.shape.length - 2]!, w.shape[w.shape.length - 1]!];
  const k = kernel.length;
  const order = kernel.map((_, i) => i);
  if (groups === 1) return permute(w, [...order, k + 1, k]);
  const split = reshape(w, [...kernel, channels, groups, filters / groups]);
  return reshape(permute(split, [...order, k + 2, k + 1, k]), [...kernel, filters / groups, groups * channels]);
}

/** The moves with which what came out finds the way back to an input of sizes `input`. */
function backward({ window, stride, padding, dilation, inputDilation, groups }: Settings, input: Shape, output: Shape): Convolution {
  return {
    stride: inputDilation,
    dilation,
    inputDilation: stride,
    groups,
    padding: window.map((k, i): [number, number] => {
      const reach = (k - 1) * dilation[i]!;
      const low = reach - padding[i]![0];
      return [low, (input[i]! - 1) * inputDilation[i]! + reach + 1 - dilated(output[i]!, stride[i]!) - low];
    }),
  };
}

/** The gradient of a convolution with respect to its input of shape `x`: a convolution of `dy` with the kernel turned around. */
function convInput(dy: Node, w: Node, x: Shape, attrs: Settings): Node {
  const turned = flip(exchanged(w, attrs.groups), spatialAxes(attrs));
  return conv(dy, turned, backward(attrs, x.slice(1, -1), dy.shape.slice(1, -1)));
}

/** The gradient of a convolution with respect to its kernel. For a transposed convolution x and dy change roles, so that no engine needs a kernel gradient with gaps in x. */
function kernelGradient(x: Node, dy: Node, attrs: Settings): Node {
  const transposed = attrs.stride.every((s) => s === 1) && attrs.inputDilation.some((d) => d !== 1);
  if (!transposed) return convKernel(x, dy, attrs.window, attrs);
  const roles = backward(attrs, x.shape.slice(1, -1), dy.shape.slice(1, -1));
  const swapped = convKernel(dy, x, attrs.window, roles);
  return flip(exchanged(swapped, attrs.groups), spatialAxes(attrs));
}

/**
 * The spatial sizes that come out of a convolution or pooling of `input` with `kernel`.
 * @throws a `shape` error when the kernel does not fit
 */
export function convOutput(input: Shape, kernel: readonly number[], options: Convolution = {}): number[] {
  return outputSizes("conv", input, geometryOf("conv", input, kernel, options, options.inputDilation));
}
