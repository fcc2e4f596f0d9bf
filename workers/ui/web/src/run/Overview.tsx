import { bytes, count, percent, points, seconds, short, times } from '../format'
import type { Row, View } from '../types'
import { Empty, Fact, Panel } from '../ui/parts'
import { type Column, Table } from '../ui/Table'
import { CurvesPanel } from './CurvesPanel'
import { SpeedPanel } from './SpeedPanel'

/** smallest is the least that a network takes of the forms that it was measured in. */
export function smallest(r: Row): number {
  return Math.min(r.dense_bytes, r.huffman_bytes || r.quantized_bytes || r.sparse_bytes)
}

const columns: Column<Row>[] = [
  { key: 'pass', title: 'Pass', width: 86, rank: 1, cell: (r) => (r.pass === 0 ? 'dense' : r.huffman_bytes ? 'quantized' : r.kept ? r.pass : `${r.pass} ✗`) },
  { key: 'accuracy', title: 'Accuracy', width: 96, right: true, rank: 1, cell: (r) => percent(r.accuracy) },
  { key: 'interval', title: '95 % interval', width: 150, right: true, cell: (r) => <span class="dim">{percent(r.accuracy_low)} – {percent(r.accuracy_high)}</span> },
  { key: 'pruned', title: 'Just pruned', width: 100, right: true, cell: (r) => percent(r.pruned_accuracy) },
  { key: 'loss', title: 'Loss', width: 80, right: true, rank: 2, cell: (r) => r.loss.toFixed(4) },
  { key: 'sparsity', title: 'Sparsity', width: 90, right: true, rank: 1, cell: (r) => percent(r.sparsity, 1) },
  { key: 'weights', title: 'Weights', width: 90, right: true, rank: 2, cell: (r) => count(r.nonzero_weights) },
  { key: 'bytes', title: 'Bytes', width: 90, right: true, rank: 1, cell: (r) => bytes(smallest(r)) },
  { key: 'macs', title: 'MACs', width: 90, right: true, rank: 2, cell: (r) => count(r.effective_macs) },
  { key: 'latency', title: 'Latency', width: 92, right: true, cell: (r) => seconds(r.latency_s) },
  { key: 'checkpoint', title: 'Checkpoint', rank: 3, cell: (r) => <code class="dim" title={r.checkpoint}>{short(r.checkpoint)}</code> },
]

/** Overview is what a run reached, and how it got there. */
export function Overview({ view }: { view: View }) {
  const rows = view.reached?.rows ?? []
  const dense = rows[0]
  const last = [...rows].reverse().find((r) => r.kept) ?? dense
  return (
    <>
      {dense && last && <Reached dense={dense} last={last} />}
      <CurvesPanel view={view} />
      <Panel title="Passes" hint={last && !last.kept ? 'a pass with ✗ broke a stop rule and is not kept' : 'accuracy and loss on the test set'}>
        {rows.length === 0 ? <Empty>The dense network is not evaluated yet.</Empty> : (
          <Table label="passes" rows={rows} columns={columns} rowKey={(r) => String(r.pass)} height={420} />
        )}
      </Panel>
      <SpeedPanel view={view} />
    </>
  )
}

function Reached({ dense, last }: { dense: Row; last: Row }) {
  return (
    <dl class="facts">
      <Fact name="accuracy" value={percent(last.accuracy)} note={last === dense ? 'dense' : `${points(last.accuracy - dense.accuracy)} against dense`} />
      <Fact name="sparsity" value={percent(last.sparsity, 1)} note={`${count(last.nonzero_weights)} of ${count(dense.weights)} weights`} />
      <Fact name="size" value={bytes(smallest(last))} note={`${times(dense.dense_bytes / smallest(last))} smaller than ${bytes(dense.dense_bytes)}`} />
      <Fact name="multiply-adds" value={count(last.effective_macs)} note={`${times(dense.effective_macs / last.effective_macs)} fewer than ${count(dense.effective_macs)}`} />
      {last.latency_s !== undefined && <Fact name="latency" value={seconds(last.latency_s)} note={dense.latency_s ? `${times(dense.latency_s / last.latency_s)} as fast as dense` : undefined} />}
    </dl>
  )
}
