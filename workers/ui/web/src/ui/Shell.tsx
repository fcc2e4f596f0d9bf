import type { ComponentChildren } from 'preact'
import { session } from '../api'
import { help, shortcuts } from '../keys'
import { link, retryNow } from '../live'
import { route, to } from '../router'
import { useStore } from '../store'
import { choose, scheme } from '../theme'
import { Dialog } from './Dialog'
import { Icon } from './Icon'

/** Shell is what stands around every page. */
export function Shell({ children }: { children: ComponentChildren }) {
  const at = useStore(route).page
  const keys = useStore(help)
  const known = useStore(session)
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault() // the address names the page, not a place on it
        document.getElementById('main')?.focus()
      }}>Skip to the content</a>
      <header class="top">
        <a class="brand" href={to.runs}><Mark />Espalier</a>
        <nav aria-label="pages">
          <a href={to.runs} aria-current={at === 'runs' ? 'page' : undefined}>Runs</a>
          <a href={to.workers} aria-current={at === 'workers' ? 'page' : undefined}>Workers</a>
        </nav>
        <div class="right">
          {known?.read_only && <span class="tag">read only</span>}
          <Line />
          <Switch />
          <button type="button" class="icon" aria-label="keys" title="keys (?)" onClick={() => help.set(true)}>?</button>
        </div>
      </header>
      <Down />
      <main id="main" tabIndex={-1}>{children}</main>
      {keys && (
        <Dialog title="Keys" close={() => help.set(false)}>
          <dl class="keys">
            {shortcuts.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}
          </dl>
          <footer><button type="button" onClick={() => help.set(false)}>Close</button></footer>
        </Dialog>
      )}
    </>
  )
}

function Mark() {
  return (
    <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
      <path d="M8 15V1M8 12H3V8M8 12h5V8M8 7H4V4M8 7h4V4" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  )
}

function Line() {
  const state = useStore(link)
  const words = { opening: 'connecting', open: 'live', down: 'not connected' }
  return <span class={`line line-${state}`} title="what this page shows is told by the server as it happens">{words[state]}</span>
}

function Switch() {
  const now = useStore(scheme)
  const next = now === 'dark' ? 'light' : 'dark'
  return (
    <button type="button" class="icon" aria-label={`${next} colours`} title={`${next} colours`} onClick={() => choose(next)}>
      <Icon of={now === 'dark' ? 'sun' : 'moon'} />
    </button>
  )
}

function Down() {
  const state = useStore(link)
  return (
    <div role="status" aria-live="polite">
      {state === 'down' && (
        <div class="down">
          The server does not answer. What is shown may be old; it is tried again by itself.
          <button type="button" onClick={retryNow}>Try now</button>
        </div>
      )}
    </div>
  )
}
