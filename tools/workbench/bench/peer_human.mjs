// Run inside Human's own folder: start it on WebAssembly, show it the frames, print what that cost as JSON.
// Usage: node peer_human.mjs FRAMES, frames raw BGR of 640 x 480.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const began = performance.now();
const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

// Node's fetch does not read files, and Human loads its models by fetch.
const network = globalThis.fetch;
globalThis.fetch = async (address, options) => {
  const url = String(address?.url ?? address);
  return url.startsWith('file://') ? new Response(readFileSync(fileURLToPath(url))) : network(url, options);
};

const tf = require('@tensorflow/tfjs');
const wasm = require('@tensorflow/tfjs-backend-wasm');
wasm.setWasmPaths(path.join(here, 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'));
const { Human } = require(path.join(here, 'node_modules/@vladmandic/human/dist/human.node-wasm.js'));

const off = { enabled: false };
const human = new Human({
  backend: 'wasm',
  wasmPath: path.join(here, 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'),
  modelBasePath: `file://${here}/node_modules/@vladmandic/human/models/`,
  debug: false,
  filter: off,
  face: { enabled: true, detector: { maxDetected: 4 }, mesh: off, iris: off, description: off, emotion: { enabled: true },
          antispoof: off, liveness: off },
  body: off, hand: off, object: off, gesture: off, segmentation: off,
});
await tf.setBackend('wasm');
await human.load();

const size = 640 * 480 * 3;
const bytes = readFileSync(process.argv[2]);
const look = async (index) => {
  const rgb = new Uint8Array(size);
  for (let i = 0; i < size; i += 3) {
    const at = index * size + i;
    rgb[i] = bytes[at + 2]; rgb[i + 1] = bytes[at + 1]; rgb[i + 2] = bytes[at];
  }
  const tensor = human.tf.tensor4d(rgb, [1, 480, 640, 3], 'int32');
  const before = process.cpuUsage();
  const result = await human.detect(tensor);
  const spent = process.cpuUsage(before);
  human.tf.dispose(tensor);
  if (result.error) throw new Error(result.error);
  return [(spent.user + spent.system) / 1000, result.face.length, result.face.some((f) => f.emotion?.length)];
};

await look(0);
const start = (performance.now() - began) / 1000;
const spent = [];
let faces = 0;
let judged = false;
for (let index = 0; index < bytes.length / size; index += 1) {
  const [ms, found, emotions] = await look(index);
  faces += found;
  judged ||= emotions;
  if (index >= 5) spent.push(ms);
}
if (!judged) throw new Error('Human named no emotion in any frame');
console.log(JSON.stringify({ cpu_ms: spent, faces, start_s: start, rss_mb: process.resourceUsage().maxRSS / 1000 }));
