/** Angles, in radians, and their hyperbolic counterparts. */
import { add, div, mul, neg, rsqrt, square, sub } from "./arithmetic.ts";
import { type Binary, binary, floating, unary, type Unary } from "./elementwise.ts";
import { exp } from "./exponential.ts";

/** The sine of an angle. */
export const sin: Unary = unary({ name: "sin", scalar: Math.sin, gradient: (dy, { x }) => mul(dy, cos(x)) });

/** The cosine of an angle. */
export const cos: Unary = unary({ name: "cos", scalar: Math.cos, gradient: (dy, { x }) => neg(mul(dy, sin(x))) });

/** The tangent of an angle. */
export const tan: Unary = unary({
  name: "tan",
  scalar: Math.tan,
  domain: [-1.2, 1.2],
  gradient: (dy, { out }) => mul(dy, add(1, square(out))),
  decompose: ({ x }) => div(sin(x), cos(x)),
});

/** The angle, from −π/2 to π/2, whose sine is `x`. */
export const asin: Unary = unary({ name: "asin", scalar: Math.asin, domain: [-0.9, 0.9], gradient: (dy, { x }) => mul(dy, rsqrt(sub(1, square(x)))) });

/** The angle, from 0 to π, whose cosine is `x`. */
export const acos: Unary = unary({ name: "acos", scalar: Math.acos, domain: [-0.9, 0.9], gradient: (dy, { x }) => neg(mul(dy, rsqrt(sub(1, square(x))))) });

/** The angle, from −π/2 to π/2, whose tangent is `x`. */
export const atan: Unary = unary({ name: "atan", scalar: Math.atan, gradient: (dy, { x }) => div(dy, add(1, square(x))) });

/** The angle, from −π to π, of the point with height `a` and width `b`. */
export const atan2: Binary = binary({
  name: "atan2",
  scalar: Math.atan2,
  dtype: floating,
  gradient: {
    a: (dy, { a, b }) => mul(dy, div(b, add(square(a), square(b)))),
    b: (dy, { a, b }) => neg(mul(dy, div(a, add(square(a), square(b))))),
  },
});

/** `(eˣ − e⁻ˣ) / 2` */
export const sinh: Unary = unary({ name: "sinh", scalar: Math.sinh, gradient: (dy, { x }) => mul(dy, cosh(x)) });

/** `(eˣ + e⁻ˣ) / 2` */
export const cosh: Unary = unary({ name: "cosh", scalar: Math.cosh, gradient: (dy, { x }) => mul(dy, sinh(x)) });

/** From −1 for very negative numbers to 1 for very positive ones: `sinh / cosh`. */
export const tanh: Unary = unary({
  name: "tanh",
  scalar: Math.tanh,
  gradient: (dy, { out }) => mul(dy, sub(1, square(out))),
  decompose: ({ x }) => sub(1, div(2, add(1, exp(mul(x, 2))))),
});

/** The number whose `sinh` is `x`. */
export const asinh: Unary = unary({ name: "asinh", scalar: Math.asinh, gradient: (dy, { x }) => mul(dy, rsqrt(add(square(x), 1))) });

/** The positive number whose `cosh` is `x`. */
export const acosh: Unary = unary({ name: "acosh", scalar: Math.acosh, domain: [1.2, 3], gradient: (dy, { x }) => mul(dy, rsqrt(sub(square(x), 1))) });

/** The number whose `tanh` is `x`. */
export const atanh: Unary = unary({ name: "atanh", scalar: Math.atanh, domain: [-0.9, 0.9], gradient: (dy, { x }) => div(dy, sub(1, square(x))) });
