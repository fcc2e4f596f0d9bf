import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { refreshSession, session } from './api'
import './css/app.css'
import './keys'
import { link, listen } from './live'
import { Login, logIn, tokenOf } from './login'
import { route } from './router'
import { RunPage } from './run/RunPage'
import { RunsPage } from './runs/RunsPage'
import { useStore } from './store'
import { ComparePage } from './sweep/ComparePage'
import { Loading } from './ui/parts'
import { Shell } from './ui/Shell'
import { WorkersPage } from './WorkersPage'

function App() {
  const known = useStore(session)
  const at = useStore(route)
  const open = known !== undefined && !known.login
  useEffect(() => {
    if (open) listen(at.page === 'run' ? at.id : undefined)
  }, [open, at.page, at.id])
  useEffect(() => {
    document.title = at.page === 'run' ? `${at.id} · Espalier` : `${at.page} · Espalier`
  }, [at.page, at.id])
  if (known?.login) return <Login />
  return (
    <Shell>
      {known === undefined ? <Loading /> : page()}
    </Shell>
  )

  function page() {
    switch (at.page) {
      case 'run':
        return <RunPage key={at.id} id={at.id ?? ''} tab={at.tab} />
      case 'compare':
        return <ComparePage ids={at.query.getAll('run')} />
      case 'workers':
        return <WorkersPage />
      default:
        return <RunsPage />
    }
  }
}

async function start(): Promise<void> {
  const token = tokenOf()
  const root = document.getElementById('app')
  if (root) render(<App />, root)
  let wait = 500
  while (!(await refreshSession())) {
    link.set('down')
    await new Promise((resolve) => window.setTimeout(resolve, wait))
    wait = Math.min(10_000, 2 * wait)
  }
  if (token !== undefined && session.get()?.login) await logIn(token).catch(() => undefined) // the page asks for it then
}

void start()
