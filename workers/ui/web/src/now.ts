import { Store } from './store'

/** now ticks once a second, for times that pass; it rests while unseen. */
export const now = new Store(Date.now())

window.setInterval(() => {
  if (!document.hidden) now.set(Date.now())
}, 1000)
