/** Eigenvalues and singular values by rotations, in plain loops and double precision. native/src/rotation.hpp does the same in C++. */

/** Rows `p` and `q` of `x`, `count` long, turned: p becomes `c p − s q`, q becomes `s p + c q`. */
function turn(x: Float64Array, p: number, q: number, count: number, c: number, s: number): void {
  for (let i = 0; i < count; i++) {
    const [a, b] = [x[p * count + i]!, x[q * count + i]!];
    x[p * count + i] = c * a - s * b;
    x[q * count + i] = s * a + c * b;
  }
}

/** Turns a row around so that its largest number is positive: eigenvectors are known up to their sign only. */
function settleSign(x: Float64Array, row: number, count: number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) if (Math.abs(x[row * count + i]!) > Math.abs(largest) * (1 + 1e-9)) largest = x[row * count + i]!;
  if (largest < 0) for (let i = 0; i < count; i++) x[row * count + i] = -x[row * count + i]!;
  return largest < 0 ? -1 : 1;
}

/** Rows of `x` (and the numbers of `keys`) in the order of `keys`. */
function arrange(order: readonly number[], x: Float64Array, count: number): void {
  const before = x.slice();
  order.forEach((from, to) => x.set(before.subarray(from * count, (from + 1) * count), to * count));
}

/**
 * Eigenvalues `w` [n], rising, of the symmetric part of `a`, and in the rows of `v` [n, n] the eigenvectors.
 * @source Householder's tridiagonal form, then the QL method with implicit shifts: Golub and Van Loan, "Matrix computations", 8.3
 */
export function eigen(a: Float64Array, n: number, w: Float64Array, v: Float64Array): void {
  if (!a.every(Number.isFinite)) return void [w, v].map((part) => part.fill(Number.NaN));
  const x = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) x[i * n + j] = (a[i * n + j]! + a[j * n + i]!) / 2;
  const beside = new Float64Array(n);
  tridiagonalize(x, n, w, beside, v);
  diagonalize(w, beside, n, v);
  const order = Array.from(w, (_, i) => i).sort((i, j) => w[i]! - w[j]!);
  arrange(order, v, n);
  w.set(order.map((i) => w[i]!));
  for (let i = 0; i < n; i++) settleSign(v, i, n);
}

/** `x` becomes tridiagonal: `w` its diagonal, `beside[i]` between i and i + 1; the rows of `v` are the basis in which it is. */
function tridiagonalize(x: Float64Array, n: number, w: Float64Array, beside: Float64Array, v: Float64Array): void {
  v.fill(0);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const u = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k < n - 2; k++) {
    let rest = 0;
    for (let i = k + 2; i < n; i++) rest += x[i * n + k]! ** 2;
    if (rest === 0) continue;
    const alpha = x[(k + 1) * n + k]!;
    const beta = alpha > 0 ? -Math.sqrt(alpha * alpha + rest) : Math.sqrt(alpha * alpha + rest);
    u[k + 1] = alpha - beta;
    for (let i = k + 2; i < n; i++) u[i] = x[i * n + k]!;
    const scale = 2 / (u[k + 1]! ** 2 + rest);
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let total = 0;
      for (let j = k + 1; j < n; j++) total += x[i * n + j]! * u[j]!;
      p[i] = scale * total;
      along += p[i]! * u[i]!;
    }
    for (let i = k + 1; i < n; i++) p[i]! -= (scale / 2) * along * u[i]!;
    for (let i = k + 1; i < n; i++) for (let j = k + 1; j < n; j++) x[i * n + j]! -= u[i]! * p[j]! + p[i]! * u[j]!;
    x[(k + 1) * n + k] = beta;
    // The basis is reflected too: each of its columns is a vector over the rows k + 1 to n.
    for (let c = 0; c < n; c++) {
      let total = 0;
      for (let i = k + 1; i < n; i++) total += u[i]! * v[i * n + c]!;
      for (let i = k + 1; i < n; i++) v[i * n + c]! -= scale * total * u[i]!;
    }
  }
  for (let i = 0; i < n; i++) w[i] = x[i * n + i]!;
  for (let i = 0; i < n - 1; i++) beside[i] = x[(i + 1) * n + i]!;
}

/** A tridiagonal matrix made diagonal; the rows of `v` are turned along. */
function diagonalize(w: Float64Array, beside: Float64Array, n: number, v: Float64Array): void {
  for (let l = 0; l < n; l++)
    for (let round = 0; round < 60; round++) {
      let m = l;
      while (m < n - 1 && Math.abs(beside[m]!) > 2 ** -52 * (Math.abs(w[m]!) + Math.abs(w[m + 1]!))) m++;
      if (m === l) break;
      let g = (w[l + 1]! - w[l]!) / (2 * beside[l]!);
      g = w[m]! - w[l]! + beside[l]! / (g + (g < 0 ? -Math.hypot(g, 1) : Math.hypot(g, 1)));
      let [s, c, p] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * beside[i]!;
        const b = c * beside[i]!;
        const r = Math.hypot(f, g);
        beside[i + 1] = r;
        if (r === 0) {
          w[i + 1]! -= p;
          beside[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = w[i + 1]! - p;
        const t = (w[i]! - g) * s + 2 * c * b;
        p = s * t;
        w[i + 1] = g + p;
        g = c * t - b;
        turn(v, i, i + 1, n, c, s);
      }
      if (i >= l) continue;
      w[l]! -= p;
      beside[l] = g;
      beside[m] = 0;
    }
}

/**
 * Singular values `s` [k], falling, of `a` [m, n] with k the smaller of m and n; in the rows of `u` [k, m] and `v` [k, n] the singular vectors.
 * @source one-sided rotations: Hestenes, "Inversion of matrices by biorthogonalization" (1958)
 */
export function singular(a: Float64Array, m: number, n: number, u: Float64Array, s: Float64Array, v: Float64Array): void {
  if (!a.every(Number.isFinite)) return void [u, s, v].map((part) => part.fill(Number.NaN));
  if (m < n) {
    const turned = new Float64Array(m * n);
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) turned[j * m + i] = a[i * n + j]!;
    return singular(turned, n, m, v, s, u);
  }
  // Each row of `u` is a column of a; rotations of pairs make them orthogonal.
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) u[j * m + i] = a[i * n + j]!;
  v.fill(0);
  for (let j = 0; j < n; j++) v[j * n + j] = 1;
  const product = (p: number, q: number): number => {
    let total = 0;
    for (let i = 0; i < m; i++) total += u[p * m + i]! * u[q * m + i]!;
    return total;
  };
  for (let sweep = 0; sweep < 60; sweep++) {
    let turned = false;
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) {
        const [alpha, beta, gamma] = [product(p, p), product(q, q), product(p, q)];
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta) || gamma === 0 || !Number.isFinite(gamma)) continue;
        turned = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        turn(u, p, q, m, c, c * t);
        turn(v, p, q, n, c, c * t);
      }
    if (!turned) break;
  }
  for (let j = 0; j < n; j++) s[j] = Math.sqrt(product(j, j));
  const order = Array.from(s, (_, j) => j).sort((i, j) => s[j]! - s[i]!);
  arrange(order, u, m);
  arrange(order, v, n);
  s.set(order.map((j) => s[j]!));
  for (let j = 0; j < n; j++) {
    if (s[j]! > s[0]! * 1e-14) for (let i = 0; i < m; i++) u[j * m + i]! /= s[j]!;
    else fillIn(u, j, m);
    if (settleSign(v, j, n) < 0) for (let i = 0; i < m; i++) u[j * m + i] = -u[j * m + i]!;
  }
}

/** Row `j` of `u` becomes a unit vector at right angles to all rows before it. */
function fillIn(u: Float64Array, j: number, m: number): void {
  for (let axis = 0; axis < m; axis++) {
    u.fill(0, j * m, (j + 1) * m);
    u[j * m + axis] = 1;
    for (let again = 0; again < 2; again++)
      for (let k = 0; k < j; k++) {
        let total = 0;
        for (let i = 0; i < m; i++) total += u[k * m + i]! * u[j * m + i]!;
        for (let i = 0; i < m; i++) u[j * m + i]! -= total * u[k * m + i]!;
      }
    let length = 0;
    for (let i = 0; i < m; i++) length += u[j * m + i]! ** 2;
    if (length < 0.25 / m) continue;
    for (let i = 0; i < m; i++) u[j * m + i]! /= Math.sqrt(length);
    return;
  }
}
