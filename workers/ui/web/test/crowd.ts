import assert from 'node:assert/strict'
import { test } from 'node:test'
import { looks, Tab } from './browser'
import { crowd } from './espalier'
import { read } from './pages'
import { world } from './world'

const trials = 540 // the sweep's own table has room for 500

test('all trials of a large sweep are shown while it goes on, and nothing is sent again', async () => {
  assert.ok(world.browser && looks[0])
  const id = world.espalier.submit(crowd(trials))
  const tab = await Tab.open(world.browser, world.url, world.token, looks[0])
  const { page } = tab
  const sent: Promise<number>[] = []
  page.on('response', (r) => {
    if (r.url().includes(`/sweeps/${id}/trials`)) sent.push(r.json().then((a: { trials: unknown[] }) => a.trials.length, () => 0))
  })
  await tab.go(`#/runs/${id}`)
  await page.getByText(`${trials} shown`).waitFor({ timeout: 300_000 })
  await page.locator('.run-head .state', { hasText: 'done' }).waitFor({ timeout: 60_000 })
  const table = page.getByRole('region', { name: 'trials' })
  await page.getByLabel('state of the trials').selectOption('done')
  await page.getByText(`${trials} shown`).waitFor()
  const rows = (await Promise.all(sent)).reduce((sum, n) => sum + n, 0)
  // Each is new, waits, runs and is done, if every look sees it at each.
  assert.ok(rows >= trials && rows <= 4 * trials, `${rows} rows were sent in ${sent.length} answers`)
  await page.getByRole('img', { name: new RegExp(`against bytes of ${trials} trials; on the front`) }).waitFor()
  await page.getByRole('img', { name: new RegExp(`parameters of ${trials} trials`) }).waitFor()

  const column = (name: string) => table.locator('tbody tr:not(.gap) td:nth-child(2) a', name ? { hasText: name } : {})
  assert.ok((await column('').count()) < 100, 'all rows are drawn')
  await table.focus()
  await page.keyboard.press('End')
  await column(String(trials - 1)).waitFor()
  await page.keyboard.press('x')
  await page.getByRole('button', { name: 'accuracy' }).click()
  await page.getByRole('columnheader', { name: 'accuracy' }).and(page.locator('[aria-sort=descending]')).waitFor()
  await table.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('x')
  await page.getByRole('link', { name: 'Compare 2' }).waitFor()

  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV of these' }).click()])
  const [head = '', ...lines] = (await read(await file.createReadStream())).map((line) => line.split(','))
  assert.deepEqual(lines.map((cells) => Number(cells[0])).sort((a, b) => a - b), [...Array(trials).keys()])
  const accuracy = lines.map((cells) => Number(cells[head.indexOf('accuracy')]))
  assert.deepEqual(accuracy, [...accuracy].sort((a, b) => b - a), 'the CSV is in the order of the table')
  await page.getByRole('searchbox').fill('network.hidden=[16]')
  const wide = lines.filter((cells) => cells.includes('[16]')).length
  assert.ok(wide > 0 && wide < trials)
  await page.getByText(`${wide} shown`).waitFor()
  await page.getByRole('searchbox').fill('')

  await page.getByRole('button', { name: 'Choose by a rectangle' }).click()
  await page.getByRole('heading', { name: 'Front' }).scrollIntoViewIfNeeded()
  const chart = await page.getByRole('img', { name: /trials; on the front/ }).boundingBox()
  assert.ok(chart)
  await page.mouse.move(chart.x + 75, chart.y + 18)
  await page.mouse.down()
  await page.mouse.move(chart.x + chart.width - 24, chart.y + chart.height / 2, { steps: 5 })
  await page.mouse.up()
  await page.getByRole('button', { name: new RegExp(`of ${trials}: show all`) }).click()
  await page.getByText(`${trials} shown`).waitFor()
  assert.deepEqual(await tab.violations(), [])
  await page.getByRole('link', { name: 'Compare 2' }).click()
  await page.getByRole('heading', { name: 'Compare' }).waitFor()
  await page.getByRole('link', { name: `trial ${trials - 1}` }).waitFor()
  assert.deepEqual(tab.faults, [])
  await tab.close()
})
