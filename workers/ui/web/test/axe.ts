import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** axeSource is axe-core as a script that a page runs. */
export const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
