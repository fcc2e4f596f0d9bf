import { Store } from './store'

/** Route is the page that the address names. */
export interface Route {
  page: 'runs' | 'run' | 'compare' | 'workers'
  id?: string
  tab?: string
  query: URLSearchParams
}

function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const query = new URLSearchParams(search)
  const [page, id, tab] = path.split('/').map(decodeURIComponent)
  if (page === 'workers' || page === 'compare') return { page, query }
  if (page === 'runs' && id) return { page: 'run', id, ...(tab ? { tab } : {}), query }
  return { page: 'runs', query }
}

export const route = new Store<Route>(parse(location.hash))

window.addEventListener('hashchange', () => route.set(parse(location.hash)))

/** to is the address of a page inside this one. */
export const to = {
  runs: '#/runs',
  workers: '#/workers',
  run: (id: string, tab?: string) => `#/runs/${encodeURIComponent(id)}${tab ? `/${tab}` : ''}`,
  compare: (ids: string[]) => `#/compare?${new URLSearchParams(ids.map((id) => ['run', id]))}`,
}

/** go opens a page. */
export function go(hash: string): void {
  location.hash = hash
}

/** keep writes what was chosen on a page into its address, without a step back. */
export function keep(values: Record<string, string | undefined>): void {
  const [path = ''] = location.hash.split('?', 1)
  const query = new URLSearchParams(route.get().query)
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value)
    else query.delete(name)
  }
  const search = query.toString()
  history.replaceState(null, '', `${path || '#/runs'}${search ? `?${search}` : ''}`)
  route.set(parse(location.hash))
}
