import { encodePng } from './png.ts';

export interface View {
  /** Centre of the picture in the complex plane. */
  x: number;
  y: number;
  /** How many times closer than the whole set. */
  zoom: number;
}

/**
 * The Mandelbrot set as a PNG picture.
 *
 * @remote timeout=2m
 * @param width of the picture in pixels; the height is two thirds of it
 * @param view where to look
 * @example mandelbrot(480)
 * @example mandelbrot(720, { x: -0.7436, y: 0.1318, zoom: 180 })
 */
export async function mandelbrot(width = 480, view: View = { x: -0.6, y: 0, zoom: 1 }): Promise<Uint8Array> {
  const height = Math.round((width * 2) / 3);
  const pixels = new Uint8Array(width * height * 3);
  const limit = Math.round(80 * (1 + Math.log2(view.zoom)));
  const scale = 3 / (width * view.zoom);

  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const steps = stepsToLeave(view.x + (column - width / 2) * scale, view.y + (row - height / 2) * scale, limit);
      pixels.set(colour(steps, limit), (row * width + column) * 3);
    }
    if (row % Math.ceil(height / 10) === 0) console.log(`${Math.round((row / height) * 100)} %`);
  }
  return encodePng(width, height, pixels);
}

/** How many steps z² + c takes to leave, smoothed; `limit` when it stays. */
function stepsToLeave(cx: number, cy: number, limit: number): number {
  let x = 0;
  let y = 0;
  for (let step = 0; step < limit; step++) {
    [x, y] = [x * x - y * y + cx, 2 * x * y + cy];
    const square = x * x + y * y;
    if (square > 256) return step + 1 - Math.log2(Math.log2(square) / 2);
  }
  return limit;
}

/** From night blue over gold to white; the set itself is black. */
function colour(steps: number, limit: number): [number, number, number] {
  if (steps >= limit) return [0, 0, 0];
  const t = Math.sqrt(steps / limit);
  const wave = (shift: number) => Math.round(255 * (0.5 - 0.5 * Math.cos(2 * Math.PI * (t * 1.6 + shift))));
  return [wave(0.05), wave(0.0), wave(0.85)];
}
