/** Elementary functions of floats, without branches and good to a few units in the last place. */
import type { Lanes, Operand, Vector } from "./lanes.ts";

/** The high part of ln 2 has nine bits, so that its products with small whole numbers are exact. */
const ln2High = 0.693359375;
const ln2Low = -2.1219444e-4;

/** e^x = 2^k (1 + fraction), with |x − k ln 2| ≤ ln 2 / 2. */
function exponential(o: Lanes, x: Operand): { k: Vector; fraction: Vector } {
  const within = o.min(o.max(x, -104), 89);
  const k = o.nearest(o.mul(within, Math.LOG2E));
  const r = o.rest(k, ln2Low, o.rest(k, ln2High, within));
  const p = o.polynomial(r, [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]);
  return { k, fraction: o.sum(p, o.mul(r, r), r) };
}

export function exp(o: Lanes, x: Operand): Vector {
  const { k, fraction } = exponential(o, x);
  return o.scale(o.add(fraction, 1), k);
}

export function expm1(o: Lanes, x: Operand): Vector {
  const { k, fraction } = exponential(o, x);
  const power = o.scale(o.constant(1), k);
  const near = o.add(o.mul(fraction, power), o.sub(power, 1));
  return o.select(o.gt(k, 30), o.scale(o.add(fraction, 1), k), near);
}

export function log(o: Lanes, x: Vector): Vector {
  const { f } = o;
  // The mantissa from sqrt(1/2) to sqrt(2).
  const t = o.hold(f.i32x4.sub(f.get(x), f.integers(0x3f3504f3)));
  const e = o.hold(f.f32x4.convert(f.i32x4.shr(f.get(t), f.integer(23))));
  const mantissa = o.hold(f.i32x4.add(f.v128.and(f.get(t), f.integers(0x7fffff)), f.integers(0x3f3504f3)));
  const m = o.sub(mantissa, 1);
  const z = o.mul(m, m);
  // biome-ignore format: a row of coefficients
  const p = o.polynomial(m, [
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
  ]);
  let y = o.mul(o.mul(p, m), z);
  y = o.sum(e, ln2Low, y);
  y = o.rest(0.5, z, y);
  const near = o.sum(e, ln2High, o.add(m, y));
  const finite = o.select(o.lt(x, Infinity), near, x);
  return o.select(o.gt(x, 0), finite, o.select(o.eq(x, 0), -Infinity, Number.NaN));
}

export function log1p(o: Lanes, x: Vector): Vector {
  const u = o.add(1, x);
  const l = log(o, u);
  const r = o.add(l, o.div(o.sub(x, o.sub(u, 1)), u));
  const near = o.select(o.eq(u, 1), x, r);
  return o.select(o.or(o.eq(x, Infinity), o.eq(x, -1)), l, near);
}

export function log2(o: Lanes, x: Vector): Vector {
  const r = log(o, x);
  const k = o.nearest(o.mul(r, Math.LOG2E));
  // Exact for powers of two: the rest is taken from the scaled number.
  const rest = o.sub(o.scale(x, o.neg(k)), 1);
  const exact = o.sum(log1p(o, rest), Math.LOG2E, k);
  return o.select(o.le(o.abs(k), 126), exact, o.mul(r, Math.LOG2E));
}

export function tanh(o: Lanes, x: Vector): Vector {
  const a = o.min(o.abs(x), 10);
  const e = expm1(o, o.add(a, a));
  return o.or(o.div(e, o.add(e, 2)), o.sign(x));
}

export const sigmoid = (o: Lanes, x: Vector): Vector => o.div(1, o.add(1, exp(o, o.neg(x))));

export function softplus(o: Lanes, x: Vector): Vector {
  const r = log1p(o, exp(o, o.neg(o.abs(x))));
  return o.add(o.select(o.gt(x, 0), x, 0), o.select(o.eq(x, x), r, x));
}

export const logSigmoid = (o: Lanes, x: Vector): Vector => o.neg(softplus(o, o.neg(x)));

/** x / (1 + e^u); nothing is left of −∞. */
const gated = (o: Lanes, x: Vector, u: Vector): Vector => o.select(o.lt(x, -1000), 0, o.div(x, o.add(1, exp(o, u))));

export const silu = (o: Lanes, x: Vector): Vector => gated(o, x, o.neg(x));

export function geluTanh(o: Lanes, x: Vector): Vector {
  // 0.5 (1 + tanh(u)) = sigmoid(2u)
  const u = o.mul(-1.59576912, o.sum(o.mul(o.mul(0.044715, x), x), x, x));
  return gated(o, x, u);
}

/** erfc(a) for a ≥ 0, in two factors: `power` is e^(−a²), and `rest` is erfcx(a), a polynomial in 1 / (1 + 0.4 a). */
function errorTail(o: Lanes, a: Vector): { power: Vector; rest: Vector } {
  const { f } = o;
  // a² in two parts, so that exp does not see its rounding error.
  const high = o.hold(f.v128.and(f.get(a), f.integers(0xfffff000 | 0)));
  const d = o.mul(o.sub(high, a), o.add(high, a));
  const small = o.polynomial(d, [1 / 6, 0.5, 1, 1]);
  const z = o.mul(exp(o, o.neg(o.mul(high, high))), small);
  const t = o.div(1, o.sum(0.4, a, 1));
  // biome-ignore format: a row of coefficients
  const p = o.polynomial(t, [
    -2.9491834342e-2, 1.4185343683e-1, -2.3857988417e-1, 1.4125086367e-1, -4.9612391740e-2, 8.5169956088e-2,
    1.1864978075e-1, 1.7179992795e-1, 2.0760823786e-1, 2.2567607462e-1, 2.2567583621e-1,
  ]);
  return { power: o.select(o.gt(a, 10.5), 0, z), rest: o.mul(t, p) };
}

export function erf(o: Lanes, x: Vector): Vector {
  const a = o.abs(x);
  const e = errorTail(o, a);
  const tail = o.or(o.sub(1, o.mul(e.power, e.rest)), o.sign(x));
  // biome-ignore format: a row of coefficients
  const centre = o.mul(x, o.polynomial(o.mul(x, x), [
    7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710,
  ]));
  return o.select(o.eq(x, x), o.select(o.lt(a, 1), centre, tail), x);
}

export function erfc(o: Lanes, x: Vector): Vector {
  const e = errorTail(o, o.abs(x));
  const tail = o.mul(e.power, e.rest);
  const r = o.select(o.lt(x, 0), o.sub(2, tail), tail);
  return o.select(o.eq(x, x), r, x);
}

export function gelu(o: Lanes, x: Vector): Vector {
  const r = o.mul(o.mul(0.5, x), erfc(o, o.mul(x, -Math.SQRT1_2)));
  return o.select(o.eq(x, -Infinity), 0, r);
}

/** The slope of gelu: the chance of a number below x, and x times the bell curve, of which the chance's tail has worked out the power. */
export function geluSlope(o: Lanes, x: Vector): Vector {
  const e = errorTail(o, o.mul(o.abs(x), Math.SQRT1_2));
  const tail = o.mul(o.mul(0.5, e.power), e.rest);
  const bell = o.select(o.eq(e.power, 0), 0, o.mul(o.mul(x, e.power), 0.39894228));
  const r = o.add(o.select(o.gt(x, 0), o.sub(1, tail), tail), bell);
  return o.select(o.eq(x, x), r, x);
}
