import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { looks, Tab } from './browser'
import { slow } from './espalier'
import { world } from './world'

async function open(hash: string): Promise<Tab> {
  assert.ok(world.browser && looks[0])
  const tab = await Tab.open(world.browser, world.url, world.token, looks[0])
  await tab.go(hash)
  return tab
}

/** act opens the dialog of an action, fills its fields and confirms. */
async function act(page: Page, action: string, confirm: string, fields: Record<string, string> = {}): Promise<void> {
  await page.getByRole('group', { name: 'actions' }).getByRole('button', { name: action, exact: true }).click()
  for (const [label, value] of Object.entries(fields)) await page.getByRole('dialog').getByLabel(label).fill(value)
  await page.getByRole('dialog').getByRole('button', { name: confirm }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}

const state = (page: Page, word: string) => page.locator('.run-head .state', { hasText: word }).waitFor()

test('a run under way is paused, resumed, changed, noted, tagged, cancelled, begun again and discarded', async () => {
  const id = world.espalier.submit(slow)
  const tab = await open(`#/runs/${id}`)
  const { page } = tab
  await page.getByText('epoch').first().waitFor()
  await page.getByRole('group', { name: 'actions' }).getByRole('button', { name: 'Pause' }).click()
  assert.deepEqual(await tab.violations(), [], 'of the dialog')
  await page.getByRole('button', { name: 'Leave it' }).click()
  await state(page, 'running')

  await act(page, 'Pause', 'Pause it', { Why: 'lunch' })
  await state(page, 'paused')
  await act(page, 'Resume', 'Let it go on')
  await state(page, 'running')
  await act(page, 'Change', 'Change it', { Priority: '2' })
  await act(page, 'Note', 'Write it', { Note: 'seen in a browser' })
  await act(page, 'Tag', 'Save', { Tags: 'shown kept' })
  await page.locator('.run-head .tag', { hasText: 'shown' }).waitFor()
  await act(page, 'Tag', 'Save', { Tags: 'kept' })
  await page.locator('.run-head .tag', { hasText: 'shown' }).waitFor({ state: 'detached' })
  await tab.go(`#/runs/${id}/log`)
  await page.getByText('seen in a browser').first().waitFor()
  await page.getByText('lunch').first().waitFor()
  await tab.go(`#/runs/${id}/timeline`)
  await page.locator('.mark', { hasText: 'pause' }).first().waitFor()

  await act(page, 'Cancel', 'End it')
  await state(page, 'cancelled')
  await act(page, 'Retry', 'Try again')
  await state(page, 'running')
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await page.getByLabel('and forget it').check()
  await page.getByRole('button', { name: 'End it' }).click()
  await page.getByRole('heading', { name: 'Runs' }).waitFor()
  await page.locator(`tbody a[title="${id}"]`).waitFor({ state: 'detached' })
  assert.deepEqual(tab.faults, [])
  await tab.close()
})

test('a finished run is extended, and forked from a checkpoint', async () => {
  const tab = await open(`#/runs/${world.run}`)
  const { page } = tab
  await act(page, 'Extend', 'Extend it', { 'Passes in all': '3' })
  await page.waitForFunction((id) => location.hash.startsWith('#/runs/') && location.hash !== `#/runs/${id}`, world.run)
  await state(page, 'done')

  await tab.go(`#/runs/${world.run}/checkpoints`)
  await page.getByRole('button', { name: 'Fork from here' }).last().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('From').fill('no such pass')
  await dialog.getByRole('button', { name: 'Fork it' }).click()
  await dialog.getByRole('alert').waitFor()
  await dialog.getByLabel('From').fill('1')
  await dialog.getByLabel('Settings').fill('prune.schedule.target.sparsity=90%')
  await dialog.getByRole('button', { name: 'Fork it' }).click()
  await page.waitForFunction((id) => !location.hash.includes(id), world.run)
  await state(page, 'done')
  assert.deepEqual(tab.faults.filter((f) => !f.includes('400')), []) // of the fork that was refused
  await tab.close()
})

test('a finished sweep gets another trial', async () => {
  const tab = await open(`#/runs/${world.sweep}`)
  const { page } = tab
  await page.getByText('5 shown').waitFor()
  await act(page, 'Extend', 'Extend it', { 'Trials in all': '6' })
  await page.getByText('6 shown').waitFor()
  await state(page, 'done')
  assert.deepEqual(tab.faults, [])
  await tab.close()
})
