import { Store } from './store'
import { go, to } from './router'

/** help says whether the list of keys is open. */
export const help = new Store(false)

/** shortcuts are what the list of keys shows. */
export const shortcuts: [string, string][] = [
  ['/', 'search in the table of this page'],
  ['j or ↓, k or ↑', 'next and previous row of a table'],
  ['Enter', 'open the row'],
  ['x', 'choose the row, for comparing'],
  ['g r', 'runs and sweeps'],
  ['g w', 'workers'],
  ['?', 'this list'],
  ['Esc', 'close'],
]

let went = 0

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
}

/** rowKey moves in the table of the page, wherever the focus is. */
function rowKey(key: string): boolean {
  const table = document.querySelector<HTMLElement>('[data-keys]')
  if (!table || table.contains(document.activeElement)) return false
  table.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
  return true
}

document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector('dialog[open]')) return
  const after = performance.now() - went < 1000
  went = 0
  if (after && e.key === 'r') go(to.runs)
  else if (after && e.key === 'w') go(to.workers)
  else if (e.key === 'g') went = performance.now()
  else if (e.key === '?') help.set(true)
  else if (e.key === '/') {
    const search = document.querySelector<HTMLInputElement>('input[type=search]')
    if (!search) return
    search.focus()
    search.select()
  } else if ((e.key === 'j' || e.key === 'k') && rowKey(e.key)) {
    // the table has it
  } else return
  e.preventDefault()
})
