import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { Store } from './store'
import type { Session } from './types'

/** session is what the server said of itself; undefined until it has. */
export const session = new Store<Session | undefined>(undefined)

/** ApiError is an answer that is not a success, in the server's words. */
export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message)
  }
}

/** address is where the server has a path of its interface. */
export function address(path: string): string {
  return `api/v1/${path}`
}

async function explain(answer: Response): Promise<ApiError> {
  let said = `the server answered ${answer.status}`
  try {
    const body: unknown = await answer.json()
    if (typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string') said = body.error
  } catch {
    // an answer of something between here and the server is no JSON
  }
  return new ApiError(answer.status, said)
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(address(path), { credentials: 'same-origin', ...init })
  } catch (fault) {
    if (fault instanceof DOMException) throw fault // it was given up
    throw new ApiError(0, 'the server does not answer')
  }
  if (answer.status === 401 && path !== 'login') {
    const known = session.get()
    if (known) session.set({ ...known, login: true })
  }
  if (!answer.ok) throw await explain(answer)
  return answer
}

/** getJSON asks for a value; the type is the contract's, not checked here. */
export async function getJSON<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await ask(path, signal ? { signal } : {})
  return (await answer.json()) as T
}

export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  return (await ask(path, signal ? { signal } : {})).text()
}

/** post asks for an action with the session's token against forged requests. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await ask(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': session.get()?.csrf ?? '' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  return (text === '' ? {} : JSON.parse(text)) as T
}

/** refreshSession asks who we are; it is false where the server is silent. */
export async function refreshSession(): Promise<boolean> {
  try {
    session.set(await getJSON<Session>('session'))
    return true
  } catch {
    return false
  }
}

export interface Got<T> {
  data?: T
  error?: string
  loading: boolean
  reload: () => void
}

/**
 * useGet holds what a path answers, asked again when path or pulse changes.
 * What was there stays while a newer answer to the same path is on its way.
 */
export function useGet<T>(path: string | undefined, pulse: unknown = 0, as: 'json' | 'text' = 'json'): Got<T> {
  const [state, setState] = useState<{ path?: string; data?: T; error?: string; loading: boolean }>({ loading: true })
  const [turn, setTurn] = useState(0)
  const reload = useCallback(() => setTurn((n) => n + 1), [])
  const shown = useRef<string>()
  useEffect(() => {
    if (path === undefined) return
    const stop = new AbortController()
    if (shown.current !== path) setState({ loading: true })
    const read = as === 'json' ? getJSON<T>(path, stop.signal) : (getText(path, stop.signal) as Promise<T>)
    read.then(
      (data) => {
        shown.current = path
        setState({ path, data, loading: false })
      },
      (fault: unknown) => {
        if (stop.signal.aborted) return
        setState((old) => ({ ...old, error: fault instanceof Error ? fault.message : String(fault), loading: false }))
      },
    )
    return () => stop.abort()
  }, [path, String(pulse), turn, as])
  const fresh = state.path === path
  return {
    ...(fresh && state.data !== undefined ? { data: state.data } : {}),
    ...(state.error !== undefined ? { error: state.error } : {}),
    loading: state.loading || (path !== undefined && !fresh && state.error === undefined),
    reload,
  }
}
