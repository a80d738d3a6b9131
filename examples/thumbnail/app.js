/**
 * Makes thumbnails of pictures, without a native dependency and without holding up the loop.
 *
 * Run: node dist/server.js --app examples/thumbnail/app.js
 * Try: head -c 40000 /dev/urandom | curl --data-binary @- 'http://localhost:3000/?width=100&height=100&size=10' | xxd
 *
 * Structure: a picture comes as raw RGBA in the body of a request, or as a binary message whose first 8 bytes are width and height,
 * 4 bytes each, little end first. Its bytes are moved to an offload worker (`transfer`), those of the thumbnail are moved back
 * (`transferring` in tasks.js): nothing is copied between threads. A thumbnail that takes longer than 5 seconds is given up. A
 * message may have 64 KiB unless `--max-payload` allows more.
 */
import { defineApp, defineTasks } from 'polyloop';

const SIZE = 64;
const HEADER_BYTES = 8;
const TIMEOUT_MS = 5000;

/** @type {import('polyloop').Tasks<typeof import('./tasks.js')>} */
const tasks = defineTasks(new URL('./tasks.js', import.meta.url));

export default defineApp((loop) => {
  const shrink = (picture, options) =>
    loop.offload(tasks.shrink, picture, {
      transfer: [picture.pixels.buffer],
      timeoutMs: TIMEOUT_MS,
      ...options,
    });

  loop.fetch(async (request) => {
    const query = new URL(request.url).searchParams;
    const [width, height, size] = ['width', 'height', 'size'].map((name) => Number(query.get(name)));
    const pixels = new Uint8Array(await request.arrayBuffer());
    try {
      const small = await shrink({ width, height, size: size || SIZE, pixels });
      return new Response(small.pixels, { headers: { 'x-size': `${small.width}x${small.height}` } });
    } catch (error) {
      return new Response(error.message, { status: error.name === 'RangeError' ? 400 : 503 });
    }
  });

  loop.webSocket('/', {
    onUpgrade(ws) {
      ws.onBinary(async (ws, bytes) => {
        const header = new DataView(bytes.buffer, bytes.byteOffset);
        const [width, height] = [header.getUint32(0, true), header.getUint32(4, true)];
        const pixels = bytes.subarray(HEADER_BYTES);
        const small = await shrink({ width, height, size: SIZE, pixels }, { whileOpen: ws });
        ws.send(small.pixels);
      });
    },
  });
});
