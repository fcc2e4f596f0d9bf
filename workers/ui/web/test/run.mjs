// Bundles the tests, which are TypeScript, and runs them with node's own
// runner: node test/run.mjs [all.test|screenshots]
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const web = join(dirname(fileURLToPath(import.meta.url)), '..')
const entry = process.argv[2] ?? 'all.test'
const out = join(web, 'node_modules', '.cache', 'test') // below node_modules, so that packages are found

mkdirSync(out, { recursive: true })
await build({
  absWorkingDir: web, entryPoints: [`test/${entry}.ts`], outdir: out, bundle: true, packages: 'external',
  platform: 'node', format: 'esm', target: 'node18', outExtension: { '.js': '.mjs' }, sourcemap: 'inline', logLevel: 'warning',
})
const args = ['--enable-source-maps', ...(entry.endsWith('.test') ? ['--test', '--test-reporter=spec'] : []), join(out, `${entry}.mjs`)]
process.exit(spawnSync(process.execPath, args, { cwd: web, stdio: 'inherit' }).status ?? 1)
