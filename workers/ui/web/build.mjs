// Builds the page into a folder (dist if none is named): equal sources and
// equal packages give equal bytes.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const out = process.argv[2] ?? 'dist'

await mkdir(out, { recursive: true })
await build({
  entryPoints: { app: 'src/main.tsx' },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  define: { 'process.env.NODE_ENV': '"production"', __DEV__: 'false' },
  legalComments: 'none',
  banner: { js: licences('//', ''), css: licences('/*', ' */') },
  logLevel: 'warning',
})
await copyFile('src/index.html', join(out, 'index.html'))
await writeFile(join(out, 'licenses.txt'), await texts())

// texts are the licences of the packages in the bundle, as those want it.
async function texts() {
  const files = ['preact/LICENSE', 'echarts/LICENSE', 'echarts/NOTICE', 'zrender/LICENSE', 'tslib/LICENSE.txt']
  const all = files.map(async (file) => `${file}\n\n${(await readFile(join('node_modules', file), 'utf8')).replaceAll('\r\n', '\n').trim()}\n`)
  return (await Promise.all(all)).join(`\n${'-'.repeat(80)}\n\n`)
}

// licences is the line that names whose code is in the bundle.
function licences(open, close) {
  return `${open} Espalier, Apache-2.0; with Preact (MIT), Apache ECharts (Apache-2.0), zrender (BSD-3-Clause), tslib (0BSD): licenses.txt${close}`
}
