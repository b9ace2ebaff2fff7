// Where a digit is drawn, and what a network sees of it.

const side = 28;

export interface Pad {
  /** The drawing as MNIST has digits: 20 pixels high, its weight in the middle of 28 × 28, from 0 to 1; undefined while there is none. */
  pixels(): Float32Array | undefined;
  /** Shows an image of 28 × 28 in place of a drawing. */
  show(pixels: ArrayLike<number>): void;
  clear(): void;
}

/** Lets a person draw on `canvas`; `changed` is called after each move. */
export function pad(canvas: HTMLCanvasElement, changed: () => void): Pad {
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const small = Object.assign(document.createElement("canvas"), { width: side, height: side }).getContext("2d", { willReadFrequently: true })!;
  let last: { x: number; y: number } | undefined;
  let shown: Float32Array | undefined;

  const place = ({ clientX, clientY }: PointerEvent): { x: number; y: number } => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return { x: ((clientX - left) / width) * canvas.width, y: ((clientY - top) / height) * canvas.height };
  };
  const clear = (): void => {
    shown = undefined;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  const draw = (event: PointerEvent): void => {
    const to = place(event);
    context.strokeStyle = "#fff";
    context.lineWidth = canvas.width / 13;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(last!.x, last!.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    last = to;
    changed();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (shown) clear();
    last = place(event);
    draw(event);
  });
  canvas.addEventListener("pointermove", (event) => last && draw(event));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = undefined));
  clear();

  return {
    clear() {
      clear();
      changed();
    },
    show(pixels) {
      clear();
      shown = Float32Array.from(pixels);
      paint(small, shown, (value) => [value * 255, value * 255, value * 255]);
      context.imageSmoothingEnabled = true;
      context.drawImage(small.canvas, 0, 0, canvas.width, canvas.height);
      changed();
    },
    pixels() {
      if (shown) return shown;
      const { width, height } = canvas;
      const ink = (data: Uint8ClampedArray, at: number): number => data[4 * at]! / 255;
      const { data } = context.getImageData(0, 0, width, height);
      let [left, top, right, bottom, sum, sumX, sumY] = [width, height, -1, -1, 0, 0, 0];
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const value = ink(data, y * width + x);
          if (value < 0.1) continue;
          [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
          [sum, sumX, sumY] = [sum + value, sumX + value * x, sumY + value * y];
        }
      if (sum === 0) return undefined;
      const scale = 20 / Math.max(right - left + 1, bottom - top + 1);
      small.fillStyle = "#000";
      small.fillRect(0, 0, side, side);
      small.imageSmoothingQuality = "high";
      small.drawImage(canvas, side / 2 - (sumX / sum) * scale, side / 2 - (sumY / sum) * scale, width * scale, height * scale);
      const picture = small.getImageData(0, 0, side, side).data;
      return Float32Array.from({ length: side * side }, (_, at) => ink(picture, at));
    },
  };
}

/** Numbers as pixels of a picture as large as `context`'s. */
export function paint(
  context: CanvasRenderingContext2D,
  values: ArrayLike<number>,
  color: (value: number, at: number) => readonly [r: number, g: number, b: number, a?: number],
): void {
  const { width, height } = context.canvas;
  const picture = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const [r, g, b, a = 1] = color(values[at]!, at);
    picture.data.set([r, g, b, 255 * a], 4 * at);
  }
  context.putImageData(picture, 0, 0);
}
