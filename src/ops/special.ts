/** Functions of one or two numbers that probability and physics know by name. They are computed in float64, whatever the dtype, from series and recurrences. */
import type { Node } from "../graph/node.ts";
import { type Case, constant, defineOp, type Op } from "../graph/op.ts";
import { abs, add, div, maximum, mul, neg, sign, sqrt, square, sub } from "./arithmetic.ts";
import { sigmoid } from "./activation.ts";
import { castTo } from "./cast.ts";
import { equal, greater, isInf, isNaN, less, logicalAnd, where } from "./compare.ts";
import { binary, type Binary, floating, type Unary } from "./elementwise.ts";
import { erfc, exp, log, log1p, pow } from "./exponential.ts";
import { round } from "./rounding.ts";
import { sin, tan } from "./trigonometry.ts";

interface Special {
  readonly name: string;
  readonly parts: (x: Node) => Node;
  /** The slope at x, where the result is `out`; without it, that of the parts. */
  readonly slope?: (x: Node, out: Node) => Node;
  readonly domain: readonly [low: number, high: number];
  readonly values?: readonly number[];
}

/** An op on one number at a time, said in smaller ones. */
const special = ({ name, parts, slope, domain, values }: Special): Unary =>
  defineOp({
    name,
    kind: "composite",
    inputs: ["x"],
    shape: ([x]) => x!,
    dtype: floating,
    ...(slope && { gradient: (dy: Node, { x, out }: { x: Node; out: Node }) => ({ x: mul(dy, slope(x, out)) }) }),
    decompose: ({ x, out }) => castTo(parts(castTo(x, "float64")), out.dtype),
    domain,
    cases: [{ shapes: [[2, 5]], args: [] }, ...(values ? [{ shapes: [[values.length]], args: [], values: [values] } as Case<[]>] : [])],
  });

/** `Σ c_i xⁱ` */
const polynomial = (x: Node, coefficients: readonly number[]): Node =>
  coefficients.slice(0, -1).reduceRight((sum: Node, c) => add(mul(sum, x), c), constant(coefficients.at(-1)!, "float64") as Node);

/** How far `x` is from the nearest whole number: sines of π x are those of π times this. */
const fraction = (x: Node): Node => sub(x, round(x));

/** How many places up the recurrences of Γ are taken before Stirling's series begins. */
const shift = 8;

/** The logarithm of Γ for numbers from ½ on. */
function logGamma(x: Node): Node {
  const far = greater(x, 20);
  const near = where(far, 1, x);
  const z = where(far, x, add(x, shift));
  const steps = Array.from({ length: shift }, (_, k) => add(near, k)).reduce((a, b) => mul(a, b));
  const r = div(1, z);
  const tail = mul(r, polynomial(square(r), [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360]));
  const whole = add(sub(mul(sub(z, 0.5), log(z)), sub(z, 0.5 * Math.log(2 * Math.PI))), tail);
  return sub(whole, where(far, 0, log(steps)));
}

/** The logarithm of |Γ(x)|; ∞ at 0 and the negative whole numbers. @source NIST Handbook of Mathematical Functions, 5.5.3 and 5.11.1 */
export const lgamma: Unary = special({
  name: "lgamma",
  parts: (x) => {
    const low = less(x, 0.5);
    const up = logGamma(where(low, sub(1, x), x));
    const mirrored = sub(log(div(Math.PI, abs(sin(mul(fraction(x), Math.PI))))), up);
    return where(equal(abs(x), Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY, where(low, mirrored, up));
  },
  slope: (x) => digamma(x),
  domain: [0.2, 5],
  values: [-1.5, -0.25, 0.5, 30, 7],
});

/** The slope of `lgamma`. @source NIST Handbook of Mathematical Functions, 5.5.4 and 5.11.2 */
export const digamma: Unary = special({
  name: "digamma",
  parts: (x) => {
    const low = less(x, 0.5);
    const p = where(low, sub(1, x), x);
    const steps = Array.from({ length: shift }, (_, k) => div(1, add(p, k))).reduce((a, b) => add(a, b));
    const z = add(p, shift);
    const r = div(1, square(z));
    const series = mul(r, polynomial(r, [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760]));
    const up = sub(sub(sub(log(z), div(0.5, z)), series), steps);
    const pole = logicalAnd(less(x, 0), equal(x, round(x)));
    // The inner choice keeps the pole's slope out of numbers that are not mirrored.
    return where(pole, Number.NaN, where(low, sub(up, div(Math.PI, tan(mul(fraction(where(low, x, 0.25)), Math.PI)))), up));
  },
  slope: (x) => polygamma(x, 1),
  domain: [0.2, 5],
  values: [-1.5, -0.25, 30],
});

const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6];

/** The `n`-th derivative of `digamma`; for n from 2 on, of numbers above −6. @source Euler and Maclaurin's sum for ζ(n + 1, x) */
export const polygamma: Op<["x"], [n?: number]> = defineOp({
  name: "polygamma",
  kind: "composite",
  inputs: ["x"],
  attrs: (_, n = 1) => ({ n }),
  shape: ([x]) => x!,
  dtype: floating,
  gradient: (dy, { x }, { n }) => ({ x: mul(dy, polygamma(x, n + 1)) }),
  decompose: ({ x, out }, { n }) => {
    if (n === 0) return digamma(x);
    const wide = castTo(x, "float64");
    const mirrored = less(wide, n === 1 ? 0.5 : -6);
    const p = where(mirrored, sub(1, wide), wide);
    const s = n + 1;
    const reach = 16 + n;
    const z = add(p, reach);
    let sum = add(div(pow(z, -n), n), div(pow(z, -s), 2));
    for (let k = 0; k < reach; k++) sum = add(sum, pow(add(p, k), -s));
    let factor = s;
    for (let j = 1; j <= bernoulli.length; j++) {
      let even = 1;
      for (let i = 2; i <= 2 * j; i++) even *= i;
      sum = add(sum, mul(pow(z, 1 - s - 2 * j), (bernoulli[j - 1]! / even) * factor));
      factor *= (s + 2 * j - 1) * (s + 2 * j);
    }
    let scale = n % 2 === 0 ? -1 : 1;
    for (let i = 2; i <= n; i++) scale *= i;
    const up = mul(sum, scale);
    const other = n === 1 ? sub(square(div(Math.PI, sin(mul(fraction(wide), Math.PI)))), up) : constant(Number.NaN, "float64");
    return castTo(where(mirrored, other, up), out.dtype);
  },
  domain: [0.3, 4],
  cases: [{ shapes: [[2, 3]], args: [] }, { shapes: [[5]], args: [3], domain: [1, 4] }, { shapes: [[2]], args: [0] }],
});

const center = [1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-6, -3.5233877e-6, 3.43273939e-7, 2.81022636e-8];
const edge = [2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322, 0.000100950558, -0.000200214257];

/** The number whose `erf` is `x`. @source Giles, "Approximating the erfinv function" (2010), then two steps of Halley's */
export const erfinv: Unary = special({
  name: "erfinv",
  parts: (x) => {
    const size = abs(x);
    const ends = equal(size, 1);
    const inner = where(ends, 0, size);
    const w = neg(log(mul(sub(1, inner), add(1, inner))));
    let y = mul(inner, where(less(w, 5), polynomial(sub(w, 2.5), center), polynomial(sub(sqrt(maximum(w, 0)), 3), edge)));
    for (let i = 0; i < 2; i++) {
      const step = mul(sub(sub(1, inner), erfc(y)), mul(exp(square(y)), Math.sqrt(Math.PI) / 2));
      y = sub(y, div(step, add(1, mul(y, step))));
    }
    return mul(sign(x), where(ends, Number.POSITIVE_INFINITY, y));
  },
  slope: (_, out) => mul(exp(square(out)), Math.sqrt(Math.PI) / 2),
  domain: [-0.9, 0.9],
  values: [-0.9, 0, 0.5],
});

/** How likely a standard normal number is below `x`. @source SciPy's `ndtr` */
export const ndtr: Unary = special({ name: "ndtr", parts: (x) => mul(erfc(mul(x, -Math.SQRT1_2)), 0.5), domain: [-3, 3] });

/** The number below which a standard normal one lies with probability `x`. @source SciPy's `ndtri` */
export const ndtri: Unary = special({ name: "ndtri", parts: (x) => mul(erfinv(sub(mul(x, 2), 1)), Math.SQRT2), domain: [0.05, 0.95] });

/** e^(-|x|) times the modified Bessel function of the first kind of order 0 or 1. @source trapezoids over its integral around the circle; far out, Hankel's expansion */
function bessel(x: Node, order: 0 | 1): Node {
  const size = abs(x);
  const far = greater(size, 30);
  const near = where(far, 1, size);
  const corners = 48;
  let sum: Node = constant(0, "float64");
  for (let k = 0; k <= corners / 2; k++) {
    const turn = Math.cos((2 * Math.PI * k) / corners);
    const weight = ((k === 0 || k === corners / 2 ? 1 : 2) * (order === 1 ? turn : 1)) / corners;
    sum = add(sum, mul(exp(mul(near, turn - 1)), weight));
  }
  const large = where(far, size, 100);
  const terms = [1];
  for (let k = 1; k < 15; k++) terms.push((-terms[k - 1]! * (4 * order - (2 * k - 1) ** 2)) / (8 * k));
  const outside = mul(polynomial(div(1, large), terms), div(1, sqrt(mul(large, 2 * Math.PI))));
  const both = where(far, outside, sum);
  return order === 1 ? mul(sign(x), both) : both;
}

/** `y / x`, ½ where both are 0, as it is for Bessel functions of order 1. */
const overX = (y: Node, x: Node): Node => where(equal(x, 0), 0.5, div(y, where(equal(x, 0), 1, x)));

/** The modified Bessel function of the first kind, of order 0. */
export const i0: Unary = special({ name: "i0", parts: (x) => mul(bessel(x, 0), exp(abs(x))), slope: (x) => i1(x), domain: [-4, 4], values: [0, -1] });

/** The modified Bessel function of the first kind, of order 1. */
export const i1: Unary = special({ name: "i1", parts: (x) => mul(bessel(x, 1), exp(abs(x))), slope: (x, out) => sub(i0(x), overX(out, x)), domain: [-4, 4], values: [0, -1] });

/** `i0(x) e^(-|x|)`, which does not overflow. */
export const i0e: Unary = special({ name: "i0e", parts: (x) => bessel(x, 0), slope: (x, out) => sub(i1e(x), mul(sign(x), out)), domain: [0.5, 40] });

/** `i1(x) e^(-|x|)`, which does not overflow. */
export const i1e: Unary = special({ name: "i1e", parts: (x) => bessel(x, 1), slope: (x, out) => sub(i0e(x), mul(out, add(sign(x), div(1, x)))), domain: [0.5, 40] });

/** `sin(πx) / πx`, 1 at 0. @source NumPy's `sinc` */
export const sinc: Unary = special({
  name: "sinc",
  parts: (x) => {
    const angle = mul(x, Math.PI);
    const small = less(abs(angle), 0.01);
    const safe = where(small, 1, angle);
    return where(small, polynomial(square(angle), [1, -1 / 6, 1 / 120]), div(sin(safe), safe));
  },
  domain: [-2, 2],
  values: [0, 0.001, 1, -2],
});

/** 2 to the power `x`. */
export const exp2: Unary = special({ name: "exp2", parts: (x) => pow(2, x), slope: (_, out) => mul(out, Math.LN2), domain: [-3, 3] });

/** `log(x / (1 − x))`, the number whose sigmoid is `x`; with `eps`, of `x` kept between `eps` and 1 − `eps`. @source PyTorch's `logit` */
export const logit: Op<["x"], [eps?: number]> = defineOp({
  name: "logit",
  kind: "composite",
  inputs: ["x"],
  attrs: (_, eps = 0) => ({ eps }),
  shape: ([x]) => x!,
  dtype: floating,
  decompose: ({ x, out }, { eps }) => {
    const given = castTo(x, out.dtype);
    const inside = eps === 0 ? given : where(less(given, eps), eps, where(greater(given, 1 - eps), 1 - eps, given));
    return sub(log(inside), log1p(neg(inside)));
  },
  domain: [0.1, 0.9],
  cases: [{ shapes: [[2, 5]], args: [] }, { shapes: [[3]], args: [0.2], values: [[0, 0.5, 1]] }],
});

/** `log(eᵃ + eᵇ)`, without overflow. @source NumPy's `logaddexp` */
export const logAddExp: Binary = binary({
  name: "logAddExp",
  scalar: (a, b) => (a === b ? a! + Math.LN2 : Math.max(a!, b!) + Math.log1p(Math.exp(-Math.abs(a! - b!)))),
  dtype: floating,
  gradient: { a: (dy, { a, b }) => mul(dy, share(a, b)), b: (dy, { a, b }) => mul(dy, share(b, a)) },
  decompose: ({ a, b, out }) => {
    const [p, q] = [castTo(a, out.dtype), castTo(b, out.dtype)];
    return add(maximum(p, q), log1p(exp(neg(abs(gap(p, q))))));
  },
  cases: [{ shapes: [[3], [3]], args: [], values: [[1000, -1000, 3], [1001, 5, 3]] }],
});

/** `a − b`, 0 for two equal infinities. */
const gap = (a: Node, b: Node): Node => where(logicalAnd(equal(a, b), isInf(a)), 0, sub(a, b));

/** The part of eᵃ in eᵃ + eᵇ. */
const share = (a: Node, b: Node): Node => sigmoid(gap(a, b));

/** `exp(x²) erfc(x)`, which does not vanish. @source SciPy's `erfcx`; far out NIST Handbook of Mathematical Functions, 7.12.1 */
export const erfcx: Unary = special({
  name: "erfcx",
  parts: (x) => {
    const far = greater(x, 25);
    const near = where(far, 0, x);
    const r = div(1, mul(square(where(far, x, 30)), 2));
    const series = div(polynomial(r, [1, -1, 3, -15, 105]), mul(where(far, x, 30), Math.sqrt(Math.PI)));
    return where(far, series, mul(exp(square(near)), erfc(near)));
  },
  slope: (x, out) => sub(mul(mul(x, out), 2), 2 / Math.sqrt(Math.PI)),
  domain: [-0.8, 4],
  values: [-0.5, 0, 3],
});

/** The logarithm of `ndtr`, which does not vanish. @source SciPy's `log_ndtr` */
export const logNdtr: Unary = special({
  name: "logNdtr",
  parts: (x) => {
    const low = less(x, -1);
    const left = sub(log(mul(erfcx(mul(where(low, x, -1), -Math.SQRT1_2)), 0.5)), mul(square(x), 0.5));
    return where(low, left, log1p(mul(erfc(mul(where(low, 0, x), Math.SQRT1_2)), -0.5)));
  },
  slope: (x) => div(Math.sqrt(2 / Math.PI), erfcx(mul(x, -Math.SQRT1_2))),
  domain: [-4, 3],
  values: [-2, -0.5, 1],
});

/** `−x log x`: 0 at 0, −∞ below. @source SciPy's `entr` */
export const entr: Unary = special({
  name: "entr",
  parts: (x) => where(less(x, 0), -Infinity, where(equal(x, 0), 0, neg(mul(x, log(where(greater(x, 0), x, 1)))))),
  slope: (x) => sub(neg(log(x)), 1),
  domain: [0.1, 3],
  values: [0.5, 1, 2],
});

/** `a log(1 + b)`, 0 where `a` is 0 and `b` a number. @source SciPy's `xlog1py` */
export const xlog1py: Binary = binary({
  name: "xlog1py",
  scalar: (a, b) => (a === 0 && b === b ? 0 : a! * Math.log1p(b!)),
  dtype: floating,
  domain: [-0.8, 2],
  gradient: {
    a: (dy, { a, b }) => mul(dy, log1p(where(logicalAnd(equal(a, 0), equal(b, -1)), 0, b))),
    b: (dy, { a, b }) => mul(dy, div(a, add(b, 1))),
  },
  decompose: ({ a, b }) => where(logicalAnd(equal(a, 0), equal(isNaN(b), 0)), 0, mul(a, log1p(b))),
  cases: [{ shapes: [[3], [3]], args: [], values: [[0, 2, 1], [1.5, -0.5, 1e-7]] }],
});

/** `a log b`, 0 where `a` is 0 and `b` a number. @source SciPy's `xlogy` */
export const xlogy: Binary = binary({
  name: "xlogy",
  scalar: (a, b) => (a === 0 && b === b ? 0 : a! * Math.log(b!)),
  dtype: floating,
  domain: [0.2, 3],
  gradient: {
    a: (dy, { a, b }) => mul(dy, log(where(logicalAnd(equal(a, 0), equal(b, 0)), 1, b))),
    b: (dy, { a, b }) => mul(dy, div(a, b)),
  },
  decompose: ({ a, b }) => where(logicalAnd(equal(a, 0), equal(isNaN(b), 0)), 0, mul(a, log(b))),
  cases: [{ shapes: [[3], [3]], args: [], values: [[0, 2, 1], [1.5, 0.5, 3]] }],
});
