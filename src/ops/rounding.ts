/** From any number to whole ones, and what is left over. */
import { abs, div, mul, neg, sign, sub } from "./arithmetic.ts";
import { type Binary, binary, numeric, unary, type Unary } from "./elementwise.ts";

const whole = (name: string, scalar: (x: number) => number): Unary => unary({ name, scalar, dtype: numeric, constant: true });

/** The largest whole number not above `x`. */
export const floor: Unary = whole("floor", Math.floor);

/** The smallest whole number not below `x`. */
export const ceil: Unary = whole("ceil", Math.ceil);

/** `x` without what follows the point. */
export const trunc: Unary = whole("trunc", Math.trunc);

/** The nearest whole number; halves go to the even neighbour. */
export const round: Unary = whole("round", (x) => {
  const down = Math.floor(x);
  if (!Number.isFinite(x) || x === down) return x;
  const up = x - down > 0.5 || (x - down === 0.5 && down % 2 !== 0);
  return up ? (down === -1 ? -0 : down + 1) : down;
});

/** What is left of `a` after taking away `b` as often as it goes; it has the sign of `b`, as in Python. */
export const mod: Binary = binary({
  name: "mod",
  domain: [0.5, 3],
  scalar: (a, b) => {
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  },
  gradient: { a: (dy) => dy, b: (dy, { a, b }) => neg(mul(dy, floorDiv(a, b))) },
  cases: [{ shapes: [[4], [4]], args: [], dtypes: ["int32", "int32"], values: [[7, -7, 7, -7], [3, 3, -3, -3]] }],
});

/** How often `b` goes into `a`: `⌊a / b⌋`. */
export const floorDiv: Binary = binary({
  name: "floorDiv",
  scalar: (a, b) => Math.floor(a / b),
  constant: true,
  cases: [{ shapes: [[4], [4]], args: [], dtypes: ["int32", "int32"], values: [[7, -7, 7, -7], [3, 3, -3, -3]] }],
});

/** What follows the point, with the sign of `x`: `x − trunc(x)`. */
export const frac: Unary = unary({ name: "frac", scalar: (x) => x - Math.trunc(x), gradient: (dy) => dy, decompose: ({ x }) => sub(x, trunc(x)) });

/** What is left of `a` after taking away `b` as often as it goes; it has the sign of `a`, as in C. @source PyTorch's `fmod` */
export const fmod: Binary = binary({
  name: "fmod",
  domain: [0.5, 3],
  scalar: (a, b) => a % b,
  gradient: { a: (dy) => dy, b: (dy, { a, b }) => neg(mul(dy, trunc(div(a, b)))) },
  decompose: ({ a, b }) => mul(sign(a), mod(abs(a), abs(b))),
  cases: [{ shapes: [[4], [4]], args: [], dtypes: ["int32", "int32"], values: [[7, -7, 7, -7], [3, 3, -3, -3]] }],
});
