import { address, refreshSession, session } from './api'
import { Store } from './store'
import type { View } from './types'

/** runs is every run, sweep and scan by its id, as the server last told. */
export const runs = new Store<ReadonlyMap<string, View> | undefined>(undefined)

/** focus is the run of the page that is open, with the step under way. */
export const focus = new Store<View | undefined>(undefined)

/** link says whether the server is heard. */
export const link = new Store<'opening' | 'open' | 'down'>('opening')

/** silence is after how long without a ping, sent every 15 s, the line is dead. */
const silence = 40_000
const longestWait = 10_000

let source: EventSource | undefined
let watched: string | undefined
let timer = 0
let watchdog = 0
let tries = 0
let first = true // of a line the first list is the whole one

/** listen follows the server, and the run in particular if one is named. */
export function listen(run?: string): void {
  if (source && run === watched) return
  watched = run
  if (focus.get()?.id !== run) focus.set(undefined)
  open()
}

function open(): void {
  close()
  const opened = new EventSource(address(watched === undefined ? 'events' : `events?run=${encodeURIComponent(watched)}`))
  source = opened
  first = true
  heard()
  opened.addEventListener('open', () => heard(true))
  opened.addEventListener('ping', () => heard(true))
  opened.addEventListener('runs', (e: MessageEvent<string>) => {
    heard(true)
    take(JSON.parse(e.data) as { changed?: View[] | null; gone?: string[] | null; full?: boolean })
  })
  opened.addEventListener('run', (e: MessageEvent<string>) => {
    heard(true)
    const view = JSON.parse(e.data) as View
    if (view.id === watched) focus.set(view)
  })
  opened.addEventListener('error', () => void lost())
}

function close(): void {
  source?.close()
  source = undefined
  window.clearTimeout(timer)
  window.clearTimeout(watchdog)
}

function heard(well = false): void {
  if (well) {
    tries = 0
    link.set('open')
  }
  window.clearTimeout(watchdog)
  watchdog = window.setTimeout(() => void lost(), silence)
}

async function lost(): Promise<void> {
  close()
  const answers = await refreshSession()
  if (answers && session.get()?.login) return // the login page opens the line again
  if (!answers || tries > 1) link.set('down')
  tries++
  timer = window.setTimeout(open, Math.min(longestWait, 500 * 2 ** Math.min(tries, 5)))
}

function take(news: { changed?: View[] | null; gone?: string[] | null }): void {
  const all = new Map(first ? [] : runs.get())
  first = false
  for (const id of news.gone ?? []) all.delete(id)
  for (const view of news.changed ?? []) all.set(view.id, view)
  runs.set(all)
}

/** retryNow does not wait for the next try. */
export function retryNow(): void {
  tries = 0
  open()
}
