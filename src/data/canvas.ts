/** A square picture in grey, 0 to 1, that strokes darken. */
export class Canvas {
  readonly side: number;
  readonly pixels: Float32Array;

  constructor(side: number) {
    this.side = side;
    this.pixels = new Float32Array(side * side);
  }

  clear(): void {
    this.pixels.fill(0);
  }

  /** A round-ended line between two points; `radius` is half its width in pixels and `soft` the width of its edge. */
  line(x0: number, y0: number, x1: number, y1: number, radius: number, soft: number, ink: number): void {
    const { side, pixels } = this;
    const reach = radius + soft / 2;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
    const right = Math.min(side - 1, Math.ceil(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
    const bottom = Math.min(side - 1, Math.ceil(Math.max(y0, y1) + reach));
    const dx = x1 - x0;
    const dy = y1 - y0;
    const squared = dx * dx + dy * dy || 1;
    for (let y = top; y <= bottom; y++)
      for (let x = left; x <= right; x++) {
        const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / squared));
        const ex = x - x0 - along * dx;
        const ey = y - y0 - along * dy;
        const away = Math.sqrt(ex * ex + ey * ey);
        const value = ink * Math.min(1, (reach - away) / soft);
        const at = y * side + x;
        if (value > pixels[at]!) pixels[at] = value;
      }
  }
}
