import type { Browser } from 'playwright-core'
import { Espalier } from './espalier'

/** World is what all tests share: the servers at work, and what they have done. */
interface World {
  espalier: Espalier
  browser: Browser | undefined
  url: string
  token: string
  run: string
  sweep: string
  scan: string
}

export const world: World = { espalier: new Espalier(), browser: undefined, url: '', token: '', run: '', sweep: '', scan: '' }
