// Runs a network on MNIST's test images: node run.cjs small.onnx FOLDER
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");
const ort = require("onnxruntime-node");

const [model, folder] = process.argv.slice(2);
const mean = 0.1307, deviation = 0.3081, pixels = 28 * 28, batch = 500;

function content(name) {
  const file = path.join(folder, name);
  return fs.existsSync(file) ? fs.readFileSync(file) : zlib.gunzipSync(fs.readFileSync(file + ".gz"));
}

async function main() {
  const images = content("t10k-images-idx3-ubyte").subarray(16);
  const labels = content("t10k-labels-idx1-ubyte").subarray(8);
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
  let right = 0, seconds = 0; // of the network alone
  for (let at = 0; at < labels.length; at += batch) {
    const x = Float32Array.from(images.subarray(at * pixels, (at + batch) * pixels), (p) => (p / 255 - mean) / deviation);
    const input = new ort.Tensor("float32", x, [batch, 1, 28, 28]), begun = performance.now();
    const { logits } = await session.run({ input });
    seconds += (performance.now() - begun) / 1000;
    for (let i = 0; i < batch; i++) {
      const row = logits.data.subarray(i * 10, (i + 1) * 10);
      right += row.indexOf(Math.max(...row)) === labels[at + i];
    }
  }
  console.log(`accuracy in ONNX Runtime ${(right / labels.length).toFixed(4)}, ${Math.round(labels.length / seconds)} images a second`);
}

main().catch((e) => { console.error(e.message); process.exitCode = 1; });
