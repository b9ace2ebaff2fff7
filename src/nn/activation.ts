import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectTensor, shown } from "./input.ts";

/** A module without parameters that bends its input; what it was made with can be read from it. */
export type Activation<Options extends object = object> = Module & Readonly<Options> & { forward(x: Tensor): Tensor };

/** Options by name, or in their order: `new nn.Hardtanh({ minVal: -2 })`, `new nn.Hardtanh(-2, 2)`. */
export type ActivationClass<Options extends object = object> = new (...options: (Partial<Options> | Options[keyof Options])[]) => Activation<Options>;

/** A class from what the activation does. The options are printed as PyTorch prints them. */
function activation<Options extends object = object>(name: string, defaults: Options, f: (x: Tensor, options: Options) => Tensor): ActivationClass<Options> {
  const names = Object.keys(defaults);
  const made = class extends Module {
    constructor(...given: (object | number | string)[]) {
      super();
      const named = typeof given[0] === "object" ? given[0] : Object.fromEntries(given.map((value, i) => [names[i] ?? `argument ${i}`, value]));
      // Whether a result may take its input's place, a graph decides by itself.
      const stray = Object.keys(named).find((key) => key !== "inplace" && !names.includes(key));
      if (stray !== undefined) throw new CambiumError("name", name, `there is no option ${JSON.stringify(stray)}; there are ${names.join(", ") || "none"}`);
      for (const key of names) Object.assign(this, { [key]: (named as Record<string, unknown>)[key] ?? defaults[key as keyof Options] });
    }

    forward(x: Tensor): Tensor {
      expectTensor(name, x);
      return f(x, this as unknown as Options);
    }

    protected override describe(): string {
      return shown(Object.fromEntries(names.map((field) => [field, (this as unknown as Record<string, unknown>)[field]])));
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made as unknown as ActivationClass<Options>;
}

/** `max(x, 0)` @source PyTorch `nn.ReLU` */
export const ReLU: ActivationClass = activation("ReLU", {}, (x) => x.relu());

/** `min(max(x, 0), 6)` @source PyTorch `nn.ReLU6` */
export const ReLU6: ActivationClass = activation("ReLU6", {}, (x) => hard(x, 0, 6));

/** `x` where positive, else `negativeSlope · x` @source PyTorch `nn.LeakyReLU` */
export const LeakyReLU: ActivationClass<{ negativeSlope: number }> = activation("LeakyReLU", { negativeSlope: 0.01 }, (x, { negativeSlope }) =>
  x.leakyRelu(negativeSlope),
);

/** `x` where positive, else `alpha · (eˣ − 1)` @source PyTorch `nn.ELU` */
export const ELU: ActivationClass<{ alpha: number }> = activation("ELU", { alpha: 1 }, (x, { alpha }) => x.elu(alpha));

/** An ELU scaled so that activations keep their mean and variance @source PyTorch `nn.SELU` */
export const SELU: ActivationClass = activation("SELU", {}, (x) => x.selu());

/** `x` where positive, else `alpha · (e^(x / alpha) − 1)` @source PyTorch `nn.CELU` */
export const CELU: ActivationClass<{ alpha: number }> = activation("CELU", { alpha: 1 }, (x, { alpha }) => {
  const above = x.greater(0);
  return above.where(x, above.where(0, x).div(alpha).expm1().mul(alpha));
});

/** `x · Φ(x)`, exactly or with `approximate: "tanh"` @source PyTorch `nn.GELU` */
export const GELU: ActivationClass<{ approximate: "none" | "tanh" }> = activation("GELU", { approximate: "none" as "none" | "tanh" }, (x, { approximate }) =>
  approximate === "tanh" ? x.geluTanh() : x.gelu(),
);

/** `1 / (1 + e⁻ˣ)` @source PyTorch `nn.Sigmoid` */
export const Sigmoid: ActivationClass = activation("Sigmoid", {}, (x) => x.sigmoid());

/** `log(sigmoid(x))` @source PyTorch `nn.LogSigmoid` */
export const LogSigmoid: ActivationClass = activation("LogSigmoid", {}, (x) => x.logSigmoid());

/** The hyperbolic tangent @source PyTorch `nn.Tanh` */
export const Tanh: ActivationClass = activation("Tanh", {}, (x) => x.tanh());

/** `x − tanh(x)` @source PyTorch `nn.Tanhshrink` */
export const Tanhshrink: ActivationClass = activation("Tanhshrink", {}, (x) => x.sub(x.tanh()));

/** `log(1 + e^(beta · x)) / beta`, and `x` itself beyond `threshold / beta` @source PyTorch `nn.Softplus` */
export const Softplus: ActivationClass<{ beta: number; threshold: number }> = activation("Softplus", { beta: 1, threshold: 20 }, (x, { beta, threshold }) => {
  const scaled = x.mul(beta);
  return scaled.greater(threshold).where(x, scaled.softplus().div(beta));
});

/** `x / (1 + |x|)` @source PyTorch `nn.Softsign` */
export const Softsign: ActivationClass = activation("Softsign", {}, (x) => x.softsign());

/** `x` moved towards 0 by `lambda`, stopping there @source PyTorch `nn.Softshrink` */
export const Softshrink: ActivationClass<{ lambda: number }> = activation("Softshrink", { lambda: 0.5 }, (x, { lambda }) =>
  x.greater(lambda).where(x.sub(lambda), x.less(-lambda).where(x.add(lambda), 0)),
);

/** `x` where it is farther than `lambda` from 0, else 0 @source PyTorch `nn.Hardshrink` */
export const Hardshrink: ActivationClass<{ lambda: number }> = activation("Hardshrink", { lambda: 0.5 }, (x, { lambda }) =>
  x.abs().lessEqual(lambda).where(0, x),
);

/** `x · sigmoid(x)` @source PyTorch `nn.SiLU` */
export const SiLU: ActivationClass = activation("SiLU", {}, (x) => x.silu());

/** `x · tanh(softplus(x))` @source PyTorch `nn.Mish` */
export const Mish: ActivationClass = activation("Mish", {}, (x) => x.mish());

/** `x`, but at least `minVal` and at most `maxVal` @source PyTorch `nn.Hardtanh` */
export const Hardtanh: ActivationClass<{ minVal: number; maxVal: number }> = activation("Hardtanh", { minVal: -1, maxVal: 1 }, (x, { minVal, maxVal }) =>
  hard(x, minVal, maxVal),
);

/** `min(max(x / 6 + 1/2, 0), 1)` @source PyTorch `nn.Hardsigmoid` */
export const Hardsigmoid: ActivationClass = activation("Hardsigmoid", {}, (x) => hard(x, -3, 3).div(6).add(0.5));

/** `x · hardsigmoid(x)` @source PyTorch `nn.Hardswish` */
export const Hardswish: ActivationClass = activation("Hardswish", {}, (x) => x.greaterEqual(3).where(x, x.lessEqual(-3).where(0, x.mul(x.add(3)).div(6))));

/** Shares that add up to 1 along `dim` @source PyTorch `nn.Softmax` */
export const Softmax: ActivationClass<{ dim: number }> = activation("Softmax", { dim: -1 }, (x, { dim }) => x.softmax(dim));

/** Shares of the channels at each pixel @shape [batch, channels, height, width], also without batch @source PyTorch `nn.Softmax2d` */
export const Softmax2d: ActivationClass = activation("Softmax2d", {}, (x) => {
  if (x.rank !== 3 && x.rank !== 4)
    throw new CambiumError("shape", "Softmax2d", `expected [batch, channels, height, width] or the same without batch, got ${show(x.shape)}`);
  return x.softmax(-3);
});

/** Shares of the negated numbers @source PyTorch `nn.Softmin` */
export const Softmin: ActivationClass<{ dim: number }> = activation("Softmin", { dim: -1 }, (x, { dim }) => x.neg().softmax(dim));

/** The logarithm of the shares along `dim` @source PyTorch `nn.LogSoftmax` */
export const LogSoftmax: ActivationClass<{ dim: number }> = activation("LogSoftmax", { dim: -1 }, (x, { dim }) => x.logSoftmax(dim));

/** `x`, but exactly at the ends the slope is 0, as PyTorch has it in its hard activations. */
const hard = (x: Tensor, low: number, high: number): Tensor => x.lessEqual(low).where(low, x.greaterEqual(high).where(high, x));
