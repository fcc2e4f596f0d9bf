import { Store } from './store'

export type Theme = 'system' | 'light' | 'dark'

const key = 'espalier.theme'
const dark = window.matchMedia('(prefers-color-scheme: dark)')

function stored(): Theme {
  try {
    const value = localStorage.getItem(key)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system' // storage may be forbidden
  }
}

export const theme = new Store<Theme>(stored())

/** scheme is what is shown: light or dark. */
export const scheme = new Store<'light' | 'dark'>('light')

function apply(): void {
  const chosen = theme.get()
  const now = chosen === 'system' ? (dark.matches ? 'dark' : 'light') : chosen
  document.documentElement.dataset['theme'] = now
  scheme.set(now)
}

dark.addEventListener('change', apply)
theme.watch(apply)
apply()

export function choose(next: Theme): void {
  try {
    if (next === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, next)
  } catch {
    // then it holds until the page is loaded again
  }
  theme.set(next)
}

/** colour is a custom property of the style sheet as it is now. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}
