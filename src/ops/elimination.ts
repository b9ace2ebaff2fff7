/** Systems of linear equations by plain loops, in double precision. Matrices are row-major; native/src/elimination.hpp does the same in C++. */

/** The dot product of two stretches of numbers, `count` long, with steps between the numbers. */
function dot(a: Float64Array, i: number, stepA: number, b: Float64Array, j: number, stepB: number, count: number): number {
  let total = 0;
  for (let k = 0; k < count; k++) total += a[i + k * stepA]! * b[j + k * stepB]!;
  return total;
}

/** L of `a = L Lᵀ`, from the symmetric part of the n × n matrix `a`; NaN where it is not positive definite. */
export function cholesky(a: Float64Array, n: number, out: Float64Array): void {
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      const rest = (a[i * n + j]! + a[j * n + i]!) / 2 - dot(out, i * n, 1, out, j * n, 1, j);
      out[i * n + j] = i === j ? Math.sqrt(rest) : rest / out[j * n + j]!;
    }
}

/** `b` [n, k] becomes the x of `a x = b`, with a triangular `a`; `transposed`: of `aᵀ x = b`. */
export function substitute(a: Float64Array, n: number, b: Float64Array, k: number, upper: boolean, transposed: boolean, unit: boolean): void {
  const [row, column] = transposed ? [1, n] : [n, 1];
  const down = upper === transposed;
  for (let step = 0; step < n; step++) {
    const i = down ? step : n - 1 - step;
    const [from, count] = down ? [0, i] : [i + 1, n - 1 - i];
    for (let c = 0; c < k; c++) {
      const rest = b[i * k + c]! - dot(a, i * row + from * column, column, b, from * k + c, k, count);
      b[i * k + c] = unit ? rest : rest / a[i * row + i * column]!;
    }
  }
}

/** `a` becomes L (below the diagonal, with ones on it) and U of a row-exchanged `a = L U`; what is in row `i` came from row `order[i]`. Returns the sign of the exchange. */
export function decompose(a: Float64Array, n: number, order: Int32Array): number {
  let sign = 1;
  for (let i = 0; i < n; i++) order[i] = i;
  for (let j = 0; j < n; j++) {
    let best = j;
    for (let i = j + 1; i < n; i++) if (Math.abs(a[i * n + j]!) > Math.abs(a[best * n + j]!)) best = i;
    if (best !== j) {
      for (let c = 0; c < n; c++) [a[j * n + c], a[best * n + c]] = [a[best * n + c]!, a[j * n + c]!];
      [order[j], order[best]] = [order[best]!, order[j]!];
      sign = -sign;
    }
    const pivot = a[j * n + j]!;
    if (pivot === 0) continue;
    for (let i = j + 1; i < n; i++) {
      const factor = (a[i * n + j]! /= pivot);
      if (factor !== 0) for (let c = j + 1; c < n; c++) a[i * n + c]! -= factor * a[j * n + c]!;
    }
  }
  return sign;
}

/** x of `a x = b` with b [n, k]; `a` is used up. Infinite or NaN where `a` is singular. */
export function solve(a: Float64Array, n: number, b: Float64Array, k: number, out: Float64Array): void {
  const order = new Int32Array(n);
  decompose(a, n, order);
  for (let i = 0; i < n; i++) for (let c = 0; c < k; c++) out[i * k + c] = b[order[i]! * k + c]!;
  substitute(a, n, out, k, false, false, true);
  substitute(a, n, out, k, true, false, false);
}

/** The sign of the determinant and the logarithm of its size; `a` is used up. */
export function determinant(a: Float64Array, n: number, out: Float64Array): void {
  let sign = decompose(a, n, new Int32Array(n));
  let log = 0;
  for (let i = 0; i < n; i++) {
    const pivot = a[i * n + i]!;
    if (pivot < 0) sign = -sign;
    else if (pivot === 0) sign = 0;
    log += Math.log(Math.abs(pivot));
  }
  out[0] = sign;
  out[1] = log;
}

/**
 * Q [m, k] and R [k, n] of `a = Q R`, k the smaller of m and n, by Householder's reflections; `a` is used up.
 * @source the signs are LAPACK's, and so NumPy's and PyTorch's
 */
export function orthogonalize(a: Float64Array, m: number, n: number, q: Float64Array, r: Float64Array): void {
  const k = Math.min(m, n);
  const factors = new Float64Array(k);
  for (let j = 0; j < k; j++) {
    const rest = Math.sqrt(dot(a, (j + 1) * n + j, n, a, (j + 1) * n + j, n, m - j - 1));
    if (rest === 0) continue;
    const alpha = a[j * n + j]!;
    const beta = alpha < 0 ? Math.hypot(alpha, rest) : -Math.hypot(alpha, rest);
    factors[j] = (beta - alpha) / beta;
    for (let i = j + 1; i < m; i++) a[i * n + j]! /= alpha - beta;
    a[j * n + j] = beta;
    for (let c = j + 1; c < n; c++) reflect(a, j, m, n, factors[j]!, a, c, n);
  }
  for (let i = 0; i < k; i++) for (let c = i; c < n; c++) r[i * n + c] = a[i * n + c]!;
  for (let i = 0; i < k; i++) q[i * k + i] = 1;
  for (let j = k - 1; j >= 0; j--) for (let c = j; c < k; c++) reflect(a, j, m, n, factors[j]!, q, c, k);
}

/** Column `c` of `x` reflected by the vector kept below the diagonal of column `j` of `a`. */
function reflect(a: Float64Array, j: number, m: number, n: number, factor: number, x: Float64Array, c: number, width: number): void {
  if (factor === 0) return;
  const along = factor * (x[j * width + c]! + dot(a, (j + 1) * n + j, n, x, (j + 1) * width + c, width, m - j - 1));
  x[j * width + c]! -= along;
  for (let i = j + 1; i < m; i++) x[i * width + c]! -= along * a[i * n + j]!;
}
