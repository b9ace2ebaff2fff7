import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { get as initializer } from "../nn/initializers.ts";
import { einsum } from "../ops/einsum.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Activation, activation } from "./activations.ts";
import type { KernelOptions } from "./dense.ts";
import { Layer } from "./layer.ts";

export interface EinsumDenseOptions extends Omit<KernelOptions, "useBias"> {
  /** Which axes of input and kernel meet, as `"abc,cd->abd"`; `...` stands for axes in front or behind. */
  equation: string;
  /** The sizes of a result without the batch and without what `...` stands for; `null` for one that the input has. */
  outputShape: number | readonly (number | null)[];
  /** The axes of the result along which the bias has numbers of its own. Default: no bias. */
  biasAxes?: string;
}

/** Input and kernel multiplied and summed as an equation says. */
export class EinsumDense extends Layer {
  kernel: Tensor | undefined = undefined;
  bias: Tensor | undefined = undefined;
  readonly #options: EinsumDenseOptions;
  readonly #activation: Activation;
  /** The letters of input, kernel and output; the others stand for `...`. */
  readonly #letters: readonly [input: string, kernel: string, output: string];
  readonly #elided: "front" | "behind" | undefined;

  constructor(options: EinsumDenseOptions) {
    super("EinsumDense", options);
    const parts = /^(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?$/.exec(options.equation.replaceAll(" ", ""));
    if (!parts || parts[1] !== parts[5] || parts[3] !== parts[7] || (parts[1] && parts[3]))
      throw new CambiumError("value", this.name, `the equation is "${options.equation}"; it has the form "ab,bc->ac", "...a,ab->...b" or "ab...,bc->ac..."`);
    this.#options = options;
    this.#activation = activation(this.name, options.activation);
    this.#letters = [parts[2]!, parts[4]!, parts[6]!];
    this.#elided = parts[1] ? "front" : parts[3] ? "behind" : undefined;
  }

  protected override make(input: Shape): void {
    const { kernel, bias } = this.#sizes(input);
    const [, letters, output] = this.#letters;
    const fans = { in: 1, out: 1 };
    kernel.forEach((d, i) => (output.includes(letters[i]!) ? (fans.out *= d) : (fans.in *= d)));
    const { kernelInitializer = "glorotUniform" } = this.#options;
    const start = initializer(kernelInitializer);
    this.kernel = this.weight(kernel, {
      initializer: (shape) => start(shape, fans),
      regularizer: this.#options.kernelRegularizer,
      constraint: this.#options.kernelConstraint,
    });
    if (bias) this.bias = this.named("bias", bias, "zeros");
  }

  protected override check(input: Shape): void {
    const found = this.#sizes(input).kernel;
    if (this.kernel && found.some((d, i) => d !== this.kernel!.shape[i]))
      throw new CambiumError(
        "shape",
        this.name,
        `${this.#options.equation} needs a kernel of ${show(found)} for samples of ${show(input)}; there is one of ${show(this.kernel.shape)}`,
      );
  }

  protected override call(x: Tensor): Tensor {
    const y = new Tensor(einsum(this.#equation(x.rank), x.node, this.kernel!.node));
    return this.#activation(this.bias ? y.add(this.bias) : y);
  }

  /** The equation with a letter for each axis of a batch of `rank` axes. */
  #equation(rank: number): string {
    const [input, kernel, output] = this.#letters;
    const free = [..."abcdefghijklmnopqrstuvwxyz"].filter((c) => !input.includes(c) && !kernel.includes(c) && !output.includes(c));
    const rest = free.slice(0, rank - input.length).join("");
    return this.#elided === "front" ? `${rest}${input},${kernel}->${rest}${output}` : `${input}${rest},${kernel}->${output}${rest}`;
  }

  /** The sizes that the weights need for samples of `input`. */
  #sizes(input: Shape): { kernel: number[]; bias: number[] | undefined } {
    const { equation, outputShape, biasAxes } = this.#options;
    const [ins, kernel, outs] = this.#letters;
    const batch = [1, ...input];
    const rest = batch.length - ins.length;
    if (rest < 0 || (rest > 0 && !this.#elided))
      throw new CambiumError("shape", this.name, `${equation} speaks of ${ins.length} axes, batches of ${show(input)} have ${batch.length}`);
    const at = this.#elided === "front" ? rest : 0;
    const sizes = new Map([...ins].map((c, i) => [c, batch[i + at]!]));
    const given = typeof outputShape === "number" ? [outputShape] : outputShape;
    // The first axis of the result is the batch, unless `...` stands for it.
    const named = [...outs].slice(this.#elided === "front" && rest > 0 ? 0 : 1);
    const told = given.slice(given.length - named.length);
    if (named.length > given.length)
      throw new CambiumError("shape", this.name, `outputShape ${JSON.stringify(outputShape)} is too short: ${equation} makes ${named.length} sizes`);
    named.forEach((c, i) => {
      const size = told[i] ?? sizes.get(c);
      if (size === undefined) throw new CambiumError("shape", this.name, `the size of ${c} in ${equation} is open: say it in outputShape`);
      if (sizes.has(c) && sizes.get(c) !== size)
        throw new CambiumError("shape", this.name, `${c} of ${equation} is ${sizes.get(c)} in samples of ${show(input)} and ${size} in outputShape`);
      sizes.set(c, size);
    });
    const lost = [...kernel].find((c) => !sizes.has(c));
    if (lost) throw new CambiumError("value", this.name, `${lost} of the kernel in ${equation} is neither in the input nor in the output`);
    return { kernel: [...kernel].map((c) => sizes.get(c)!), bias: biasAxes === undefined ? undefined : this.#biasShape(biasAxes, sizes, rest) };
  }

  #biasShape(axes: string, sizes: ReadonlyMap<string, number>, rest: number): number[] {
    const [, , outs] = this.#letters;
    const unknown = [...axes].find((c) => !outs.includes(c));
    if (unknown) throw new CambiumError("value", this.name, `biasAxes "${axes}" names ${unknown}, which is no axis of the output "${outs}"`);
    const first = Math.min(...[...axes].map((c) => outs.indexOf(c)));
    const shape = [...outs.slice(first)].map((c) => (axes.includes(c) ? sizes.get(c)! : 1));
    return this.#elided === "behind" ? [...shape, ...new Array<number>(rest).fill(1)] : shape;
  }
}

/**
 * Input and kernel multiplied and summed as `equation` says, with a bias along `biasAxes`.
 * @shape as the equation says
 * @throws a `value` error for an equation of another form
 * @source Keras `EinsumDense`, start values included
 * @example
 * ```ts
 * layers.einsumDense("...x,xy->...y", 64, { biasAxes: "y" });
 * ```
 */
export function einsumDense(
  equation: string | EinsumDenseOptions,
  outputShape?: EinsumDenseOptions["outputShape"],
  options: Omit<EinsumDenseOptions, "equation" | "outputShape"> = {},
): EinsumDense {
  return new EinsumDense(typeof equation === "object" ? equation : { ...options, equation, outputShape: outputShape! });
}
