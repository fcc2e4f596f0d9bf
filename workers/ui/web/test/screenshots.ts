// Writes the pictures of the documents: a sweep and a run that have ended.
import { join } from 'node:path'
import { launch, Tab } from './browser'
import { Espalier } from './espalier'

const docs = join(process.cwd(), '../../../docs')
const view = { name: 'document', width: 1240, height: 1040, colorScheme: 'light' } as const

const common = `network: {arch: lenet-300-100}
data: {name: digits, train: 4000, test: 1000}
train: {epochs: 10, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, schedule: cosine, seed: 1}
durability: {checkpoint_every: 2s, heartbeat_timeout: 10s}
`

const run = `name: han-2015
${common}prune:
  method: han
  schedule: {passes: 6, target: {sparsity: 94%}}
  finetune: {epochs: 3}
quantize: {method: shared, bits: {linear: 5}}
`

const sweep = `name: three-ways
${common}prune:
  method: han
  schedule: {passes: 3, target: {sparsity: 90%}}
  finetune: {epochs: 2}
sweep:
  search: {sobol: {trials: 36}}
  params:
    prune.method: [han, filter-norm, random]
    prune.schedule.target.sparsity: {min: 0.5, max: 0.98}
    prune.finetune.epochs: [1, 2, 4]
  concurrency: 1
`

const espalier = new Espalier()
try {
  await espalier.serve()
  const ids = [espalier.submit(run), espalier.submit(sweep)]
  for (const id of ids) espalier.call('watch', id)
  const { url, token } = await espalier.dashboard()
  const browser = await launch()
  const tab = await Tab.open(browser, url, token, view)
  for (const [i, name] of ['run', 'sweep'].entries()) {
    await tab.go(`#/runs/${ids[i] ?? ''}`)
    await tab.page.getByRole('img').first().waitFor()
    await tab.page.waitForLoadState('load')
    await tab.page.screenshot({ path: join(docs, `dashboard-${name}.png`) })
  }
  await browser.close()
} finally {
  await espalier.close()
}
