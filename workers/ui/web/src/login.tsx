import { useState } from 'preact/hooks'
import { post, refreshSession } from './api'
import { Fault } from './ui/parts'

/** tokenOf takes the token out of an address like …/#token=…, so that it stays in no history. */
export function tokenOf(): string | undefined {
  const found = /^#\/?token=([^&]+)/.exec(location.hash)?.[1]
  if (found === undefined) return undefined
  history.replaceState(null, '', '#/runs')
  return decodeURIComponent(found)
}

/** logIn gives the token to the server, which answers with a cookie. */
export async function logIn(token: string): Promise<void> {
  await post('login', { token })
  await refreshSession()
}

/** Login asks for the token. */
export function Login() {
  const [token, setToken] = useState('')
  const [fault, setFault] = useState('')
  const [busy, setBusy] = useState(false)
  const submit = async (e: Event) => {
    e.preventDefault()
    setBusy(true)
    setFault('')
    try {
      await logIn(token.trim())
    } catch (problem) {
      setFault(problem instanceof Error ? problem.message : String(problem))
    }
    setBusy(false)
  }
  return (
    <main class="login" id="main">
      <form onSubmit={submit}>
        <h1>Espalier</h1>
        <p class="dim">This dashboard asks for its token. <code>espalier dashboard</code> names the file that holds it.</p>
        <label>Token
          <input type="password" autocomplete="current-password" required value={token} onInput={(e) => setToken(e.currentTarget.value)} />
        </label>
        {fault && <Fault>{fault}</Fault>}
        <button type="submit" class="primary" disabled={busy}>Log in</button>
      </form>
    </main>
  )
}
