// Loss and accuracy as they come, on a canvas.

interface Point {
  /** In epochs. */
  readonly at: number;
  readonly value: number;
}

export interface Series {
  readonly color: string;
  readonly points: Point[];
  /** Whether its points are marked: few, once an epoch. */
  readonly dots: boolean;
}

/** Draws the series of a quantity over the epochs. */
export function curves(canvas: HTMLCanvasElement, series: readonly Series[], { from, to, epochs }: { from?: number; to?: number; epochs: number }): void {
  const style = getComputedStyle(canvas);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio))
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const all = series.flatMap(({ points }) => points.map(({ value }) => value)).filter(Number.isFinite);
  const low = from ?? 0;
  const high = to ?? Math.max(0.1, ...all) * 1.05;
  const [left, right, top, bottom] = [38, width - 8, 8, height - 20];
  const x = (at: number): number => left + (at / epochs) * (right - left);
  const y = (value: number): number => bottom - ((Math.min(value, high) - low) / (high - low)) * (bottom - top);

  context.font = "11px system-ui, sans-serif";
  context.fillStyle = color("--quiet");
  context.strokeStyle = color("--line");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let i = 0; i <= 4; i++) {
    const value = low + ((high - low) * i) / 4;
    context.beginPath();
    context.moveTo(left, Math.round(y(value)) + 0.5);
    context.lineTo(right, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillText(to === 1 ? `${Math.round(value * 100)}%` : value.toFixed(high < 1 ? 2 : 1), left - 6, y(value));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let epoch = 0; epoch <= epochs; epoch += Math.ceil(epochs / 8)) context.fillText(String(epoch), x(epoch), bottom + 5);

  for (const { color: name, points, dots } of series) {
    context.strokeStyle = context.fillStyle = color(name);
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.beginPath();
    for (const { at, value } of points) context.lineTo(x(at), y(value));
    context.stroke();
    for (const { at, value } of dots ? points : points.slice(-1)) {
      context.beginPath();
      context.arc(x(at), y(value), 3, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
