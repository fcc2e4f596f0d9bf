// Reads jobs from the standard input and writes what each model puts out.
const ort = require("onnxruntime-node");
const fs = require("fs");

async function run(job) {
  const session = await ort.InferenceSession.create(job.model, {
    executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
  });
  const input = new ort.Tensor("float32", Float32Array.from(job.input), job.shape);
  const outputs = await session.run({ [session.inputNames[0]]: input });
  return Array.from(outputs[session.outputNames[0]].data);
}

(async () => {
  const outputs = [];
  for (const job of JSON.parse(fs.readFileSync(0))) {
    try {
      outputs.push(await run(job));
    } catch (e) {
      throw new Error(`${job.model}: ${e.message}`);
    }
  }
  process.stdout.write(JSON.stringify(outputs));
})().catch((e) => { console.error(e); process.exitCode = 1; });
