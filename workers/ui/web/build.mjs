// Builds the page into a folder (dist if none is named): equal sources and
// equal packages give equal bytes.
import { copyFile, mkdir } from 'node:fs/promises'
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

// licences is the line that names whose code is in the bundle.
function licences(open, close) {
  return `${open} Espalier, Apache-2.0; with Preact (MIT), Apache ECharts (Apache-2.0), zrender (BSD-3-Clause), tslib (0BSD)${close}`
}
