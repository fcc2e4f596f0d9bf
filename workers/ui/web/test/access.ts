import assert from 'node:assert/strict'
import { test } from 'node:test'
import { looks, Tab } from './browser'
import { world } from './world'

test('a reader without the token is asked for it', async () => {
  assert.ok(world.browser && looks[0])
  const page = await world.browser.newPage()
  await page.goto(world.url)
  await page.getByLabel('Token').fill('not the token')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('alert').waitFor()
  await page.getByLabel('Token').fill(world.token)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'Runs' }).waitFor()
  await page.close()
})

test('a read-only dashboard has no actions', async () => {
  assert.ok(world.browser && looks[0])
  const shown = await world.espalier.dashboard(0, '--read-only')
  const tab = await Tab.open(world.browser, shown.url, shown.token, looks[0])
  await tab.go(`#/runs/${world.run}`)
  await tab.page.getByText('read only').waitFor()
  assert.equal(await tab.page.getByRole('group', { name: 'actions' }).count(), 0)
  await tab.go(`#/runs/${world.run}/checkpoints`)
  await tab.page.getByText('Lineage').waitFor()
  assert.equal(await tab.page.getByRole('button', { name: 'Fork from here' }).count(), 0)
  assert.deepEqual(tab.faults, [])
  await tab.close()
  await world.espalier.stop(shown.process)
})

test('a server that goes away is told, and found again', async () => {
  assert.ok(world.browser && looks[0])
  const first = await world.espalier.dashboard()
  const tab = await Tab.open(world.browser, first.url, first.token, looks[0])
  await tab.go('#/runs')
  await world.espalier.stop(first.process)
  await tab.page.getByText('The server does not answer').waitFor()
  assert.deepEqual(await tab.violations(), [])
  const again = await world.espalier.dashboard(Number(new URL(first.url).port))
  await tab.page.getByText('The server does not answer').waitFor({ state: 'detached' })
  await tab.page.getByRole('link', { name: 'quick', exact: true }).first().waitFor()
  await tab.close()
  await world.espalier.stop(again.process)
})
