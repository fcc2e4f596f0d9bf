import { useMemo, useState } from 'preact/hooks'
import { useGet } from './api'
import { ago, count } from './format'
import { now } from './now'
import { useStore } from './store'
import { Empty, Fault, Loading } from './ui/parts'
import { type Column, type Sort, sorted, Table } from './ui/Table'

interface Served { queue: string; slots: number; busy?: number }

interface Worker {
  identity: string
  queues?: Served[] | null
  has?: { cores?: number; memory?: number; gpus?: { name?: string; uuid: string; memory?: number }[] | null; trainers?: string[] | null }
  version?: string
  deployment?: string
  started?: string
  seen?: string
  steps?: string[] | null
}

/** WorkersPage lists who takes steps. */
export function WorkersPage() {
  const tick = useStore(now)
  const { data, error, loading, reload } = useGet<{ workers?: Worker[] | null } | Worker[]>('workers', Math.floor(tick / 10_000))
  const [sort, setSort] = useState<Sort>({ key: 'identity', down: false })
  const columns = useMemo<Column<Worker>[]>(() => [
    { key: 'identity', title: 'Worker', rank: 1, sort: (w) => w.identity, cell: (w) => <code title={w.identity}>{w.identity}</code> },
    {
      key: 'queues', title: 'Queues', width: 150, rank: 1, sort: (w) => w.queues?.[0]?.queue,
      cell: (w) => (w.queues ?? []).map((q) => `${q.queue.replace(/^espalier-/, '')} × ${q.slots}`).join(', '),
    },
    { key: 'cores', title: 'Cores', width: 80, right: true, rank: 2, sort: (w) => w.has?.cores, cell: (w) => w.has?.cores ?? '–' },
    { key: 'memory', title: 'Memory', width: 100, right: true, rank: 2, sort: (w) => w.has?.memory, cell: (w) => (w.has?.memory ? `${count(Math.round(w.has.memory))} GiB` : '–') },
    { key: 'gpus', title: 'GPUs', width: 160, cell: (w) => (w.has?.gpus ?? []).map((g) => g.name || g.uuid).join(', ') || '–' },
    { key: 'version', title: 'Version', width: 150, sort: (w) => w.version, cell: (w) => w.deployment || w.version || '–' },
    { key: 'seen', title: 'Seen', width: 110, right: true, rank: 1, sort: (w) => w.seen, cell: (w) => ago(w.seen, tick) },
  ], [tick])
  const workers = Array.isArray(data) ? data : (data?.workers ?? [])
  return (
    <>
      <div class="head"><h1>Workers</h1><span class="dim">{workers.length}</span></div>
      {error && <Fault again={reload}>{error}</Fault>}
      {!data && loading ? <Loading /> : workers.length === 0 && !error ? (
        <Empty>No worker is known. Start one with <code>espalier worker</code>; <code>espalier run</code> has one of its own.</Empty>
      ) : (
        <Table label="workers" rows={sorted(workers, columns, sort)} columns={columns} rowKey={(w) => w.identity} sort={sort} onSort={setSort} />
      )}
    </>
  )
}
