import assert from 'node:assert/strict'
import { test } from 'node:test'
import { looks, Tab } from './browser'
import { world } from './world'

/** pages are all there are, with a text that each must show. */
function pages(): [string, string, string][] {
  const run = `#/runs/${world.run}`
  const sweep = `#/runs/${world.sweep}`
  return [
    ['runs', '#/runs', 'tiny-sweep'],
    ['a run', run, 'Passes'],
    ['layers', `${run}/layers`, 'Sparsity by layer and pass'],
    ['timeline', `${run}/timeline`, 'Steps'],
    ['checkpoints', `${run}/checkpoints`, 'Lineage'],
    ['log', `${run}/log`, 'Log of the workers'],
    ['spec', `${run}/spec`, 'finetune'],
    ['a sweep', sweep, 'Trials'],
    ["a sweep's timeline", `${sweep}/timeline`, 'Steps'],
    ["a sweep's log", `${sweep}/log`, 'Logbook'],
    ["a sweep's spec", `${sweep}/spec`, 'params'],
    ['a trial', `#/runs/${world.sweep}-0`, 'Passes'],
    ['runs compared', `#/compare?run=${world.sweep}-0&run=${world.sweep}-1`, 'Accuracy by sparsity'],
    ['a scan', `#/runs/${world.scan}`, 'By layer'],
    ['workers', '#/workers', 'Queues'],
  ]
}

for (const look of looks) {
  test(`every page is without faults, ${look.name}`, async (t) => {
    assert.ok(world.browser)
    const tab = await Tab.open(world.browser, world.url, world.token, look)
    for (const [name, hash, text] of pages()) {
      await t.test(name, async () => {
        tab.faults.length = 0
        await tab.go(hash)
        await tab.page.getByText(text).first().waitFor()
        assert.equal(await tab.page.getByRole('alert').count(), 0, 'an error is shown')
        assert.deepEqual(await tab.violations(), [])
        assert.ok((await tab.wide()) <= 0, `the page is ${await tab.wide()} pixels wider than the window`)
        assert.deepEqual(tab.faults, [])
      })
    }
    await tab.close()
  })
}

test('the table of runs is searched, filtered, sorted and gone through by keys', async () => {
  assert.ok(world.browser && looks[0])
  const tab = await Tab.open(world.browser, world.url, world.token, looks[0])
  const { page } = tab
  await tab.go('#/runs')
  const names = page.locator('tbody .name a')
  const shows = (n: number) => page.waitForFunction((want) => document.querySelectorAll('tbody .name a').length === want, n)
  await page.getByRole('link', { name: 'quick', exact: true }).first().waitFor()
  const all = await names.count()

  await page.keyboard.press('/')
  await page.keyboard.type('tiny')
  await shows(1)
  await page.getByRole('searchbox').fill('')
  await shows(all)
  await page.getByLabel('kind').selectOption('scan')
  await shows(1)
  await page.getByLabel('kind').selectOption('')
  await page.getByRole('button', { name: 'Name' }).click()
  await shows(all)
  const ascending = await names.allTextContents()
  assert.deepEqual(ascending, [...ascending].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })))
  assert.equal(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort'), 'ascending')

  await page.locator('h1').click()
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.getByRole('link', { name: 'Compare 2' }).waitFor()
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => location.hash.startsWith('#/runs/'))
  await page.keyboard.press('g')
  await page.keyboard.press('w')
  await page.getByRole('heading', { name: 'Workers' }).waitFor()
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor()
  assert.deepEqual(await tab.violations(), [])
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.deepEqual(tab.faults, [])
  await tab.close()
})

test('trials are chosen by a rectangle, sorted, searched, compared and taken away as CSV', async () => {
  assert.ok(world.browser && looks[0])
  const tab = await Tab.open(world.browser, world.url, world.token, looks[0])
  const { page } = tab
  await tab.go(`#/runs/${world.sweep}`)
  await page.getByText('5 shown').waitFor()
  await page.getByRole('button', { name: 'accuracy' }).click()
  await page.getByRole('columnheader', { name: 'accuracy' }).and(page.locator('[aria-sort=descending]')).waitFor()

  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV of these' }).click()])
  const lines = await read(await file.createReadStream())
  assert.equal(lines.length, 6)
  assert.match(lines[0] ?? '', /^trial,run,state,.*accuracy/)
  const [whole] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV of all passes' }).click()])
  assert.ok((await read(await whole.createReadStream())).length > 6)

  const rows = page.getByRole('region', { name: 'trials' }).getByRole('checkbox')
  await rows.nth(0).check()
  await rows.nth(1).check()
  await page.getByRole('link', { name: 'Compare 2' }).click()
  await page.getByRole('heading', { name: 'Compare' }).waitFor()
  await page.goBack()

  await page.getByRole('button', { name: 'Choose by a rectangle' }).click()
  const chart = await page.getByRole('img', { name: /trials; on the front/ }).boundingBox()
  assert.ok(chart)
  await page.mouse.move(chart.x + 75, chart.y + 18)
  await page.mouse.down()
  await page.mouse.move(chart.x + chart.width - 24, chart.y + chart.height - 52, { steps: 5 })
  await page.mouse.up()
  await page.getByRole('button', { name: /of 5: show all/ }).click()
  await page.getByRole('searchbox').fill('no such trial')
  await page.getByText('0 shown').waitFor()
  assert.deepEqual(tab.faults, [])
  await tab.close()
})

/** read is the lines of a file. */
export async function read(stream: AsyncIterable<Buffer>): Promise<string[]> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8').trim().split(/\r?\n/)
}
