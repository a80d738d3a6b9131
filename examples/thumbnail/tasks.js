/** Makes a small picture of a large one: raw RGBA, 4 bytes for each pixel, each new pixel the mean of those it stands for. */
import { transferring } from 'polyloop';

const CHANNELS = 4;

/** `pixels` is a Uint8Array of width × height × 4 bytes. The longer side of the result is at most `size`. */
export function shrink({ width, height, pixels, size }) {
  if (pixels.length !== width * height * CHANNELS)
    throw new RangeError('the picture has another size than it says');
  const scale = Math.max(1, Math.max(width, height) / size);
  const to = {
    width: Math.max(1, Math.floor(width / scale)),
    height: Math.max(1, Math.floor(height / scale)),
  };
  const small = new Uint8Array(to.width * to.height * CHANNELS);
  for (let y = 0; y < to.height; y++)
    for (let x = 0; x < to.width; x++) {
      const area = areaOf(x, y, width / to.width, height / to.height);
      small.set(meanOf(pixels, width, area), (y * to.width + x) * CHANNELS);
    }
  return transferring({ ...to, pixels: small }, [small.buffer]);
}

/** The pixels of the large picture that one pixel of the small one stands for. */
function areaOf(x, y, perX, perY) {
  return {
    left: Math.floor(x * perX),
    right: Math.max(Math.floor(x * perX) + 1, Math.floor((x + 1) * perX)),
    top: Math.floor(y * perY),
    bottom: Math.max(Math.floor(y * perY) + 1, Math.floor((y + 1) * perY)),
  };
}

function meanOf(pixels, width, { left, right, top, bottom }) {
  const sums = [0, 0, 0, 0];
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++)
      for (let channel = 0; channel < CHANNELS; channel++)
        sums[channel] += pixels[(y * width + x) * CHANNELS + channel];
  const count = (right - left) * (bottom - top);
  return sums.map((sum) => Math.round(sum / count));
}
