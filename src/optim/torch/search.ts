/** How far to go along a direction: until the function has fallen enough and its slope has flattened. */

/** A place along a line: how far, and value and slope there. */
export interface Place<Extra> {
  readonly at: number;
  readonly value: number;
  readonly slope: number;
  /** What else was found there. */
  readonly extra: Extra;
}

/** The lowest point of the cubic through two places with their slopes, within bounds. */
function lowest(a: Place<unknown>, b: Place<unknown>, low: number = Math.min(a.at, b.at), high: number = Math.max(a.at, b.at)): number {
  const [left, right] = a.at <= b.at ? [a, b] : [b, a];
  const d = left.slope + right.slope - (3 * (left.value - right.value)) / (left.at - right.at);
  const square = d * d - left.slope * right.slope;
  if (square < 0) return (low + high) / 2;
  const root = Math.sqrt(square);
  const place = right.at - (right.at - left.at) * ((right.slope + root - d) / (right.slope - left.slope + 2 * root));
  return Math.min(Math.max(place, low), high);
}

export interface SearchOptions {
  /** The first distance tried. */
  first: number;
  /** How much of the slope the value must fall by. */
  fall?: number;
  /** How much of the slope may be left. */
  flat?: number;
  /** The longest step of a single number, by which brackets are known to be too small. */
  reach: number;
  tolerance: number;
  most: number;
}

/**
 * A place along a line where the strong Wolfe conditions hold, or the best that was found, and how often the function was asked.
 * @source Nocedal and Wright, "Numerical optimization" (2006), section 3.5; PyTorch `LBFGS`, whose choices it makes
 */
export function strongWolfe<Extra>(
  start: Place<Extra>,
  ask: (at: number) => Place<Extra>,
  { first, fall = 1e-4, flat = 0.9, reach, tolerance, most }: SearchOptions,
): { place: Place<Extra>; asked: number } {
  const enough = (p: Place<Extra>): boolean => p.value <= start.value + fall * p.at * start.slope;
  const flattened = (p: Place<Extra>): boolean => Math.abs(p.slope) <= -flat * start.slope;
  let [before, now] = [start, ask(first)];
  let asked = 1;
  let tries = 0;
  let bracket: [Place<Extra>, Place<Extra>] | undefined;
  for (; tries < most; tries++) {
    if (!enough(now) || (tries > 1 && now.value >= before.value)) bracket = [before, now];
    else if (flattened(now)) return { place: now, asked };
    else if (now.slope >= 0) bracket = [before, now];
    if (bracket) break;
    const next = lowest(before, now, now.at + 0.01 * (now.at - before.at), now.at * 10);
    before = now;
    now = ask(next);
    asked++;
  }
  let [low, high] = bracket ?? [start, now];
  if (low.value > high.value) [low, high] = [high, low];
  let stuck = false;
  for (; tries < most; tries++) {
    const [left, right] = [Math.min(low.at, high.at), Math.max(low.at, high.at)];
    if ((right - left) * reach < tolerance) break;
    let next = lowest(low, high);
    // Twice next to an end, or at it: a tenth away from that end.
    const margin = 0.1 * (right - left);
    if (Math.min(right - next, next - left) < margin) {
      if (stuck || next >= right || next <= left) {
        next = Math.abs(next - right) < Math.abs(next - left) ? right - margin : left + margin;
        stuck = false;
      } else stuck = true;
    } else stuck = false;
    now = ask(next);
    asked++;
    if (!enough(now) || now.value >= low.value) {
      high = now;
      if (low.value > high.value) [low, high] = [high, low];
      continue;
    }
    const done = flattened(now);
    if (!done && now.slope * (high.at - low.at) >= 0) high = low;
    low = now;
    if (done) break;
  }
  return { place: low, asked };
}
