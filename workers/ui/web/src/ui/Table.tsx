import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'

/** Column is how a table shows one thing of its rows. */
export interface Column<R> {
  key: string
  title: string
  /** Pixels; the columns without share what is left. */
  width?: number
  right?: boolean
  /** 1 is shown on phones too, 2 from tablets on, 3 (as if left out) on wide pages, 4 on the widest. */
  rank?: 1 | 2 | 3 | 4
  /** What the column is sorted by; one without cannot be sorted. */
  sort?: (row: R) => number | string | undefined
  cell: (row: R) => ComponentChildren
}

/** Sort is by which column and whether the largest comes first. */
export interface Sort {
  key: string
  down: boolean
}

const order = new Intl.Collator('en', { numeric: true }) // made once: thousands are compared

/** sorted is a sorted copy; rows without a value are last either way. */
export function sorted<R>(rows: readonly R[], columns: Column<R>[], sort: Sort | undefined): R[] {
  const by = columns.find((c) => c.key === sort?.key)?.sort
  if (!by || !sort) return [...rows]
  const sign = sort.down ? -1 : 1
  return [...rows].sort((a, b) => {
    const x = by(a)
    const y = by(b)
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y)
    return sign * order.compare(String(x), String(y))
  })
}

interface Props<R> {
  label: string
  rows: readonly R[]
  columns: Column<R>[]
  rowKey: (row: R) => string
  sort?: Sort | undefined
  onSort?: (sort: Sort) => void
  /** Opens the row that the keys are on. */
  onOpen?: (row: R) => void
  chosen?: ReadonlySet<string>
  onChoose?: (key: string) => void
  /** Height in pixels at most; the whole page's height is left where it is missing. */
  height?: number
  lit?: (row: R) => boolean
}

const rowHeight = 34
const spare = 12 // rows drawn above and below what is seen

/**
 * Table draws the rows that are seen and no others, so that thousands scroll
 * well. Widths decide which columns there is room for.
 */
export function Table<R>(props: Props<R>) {
  const { rows, rowKey, sort, onSort, chosen, onChoose } = props
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 800, width: 1200 })
  const [active, setActive] = useState(-1)
  const measure = () => {
    const e = box.current
    if (e) setView({ top: e.scrollTop, height: e.clientHeight, width: e.clientWidth })
  }
  useEffect(() => {
    if (!box.current) return
    measure()
    const watcher = new ResizeObserver(measure)
    watcher.observe(box.current)
    return () => watcher.disconnect()
  }, [])

  const rank = view.width < 620 ? 1 : view.width < 1000 ? 2 : view.width < 1350 ? 3 : 4
  const columns = useMemo(() => props.columns.filter((c) => (c.rank ?? 3) <= rank), [props.columns, rank])
  const from = Math.max(0, Math.floor(view.top / rowHeight) - spare)
  const until = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + spare)

  const move = (to: number) => {
    const at = Math.max(0, Math.min(rows.length - 1, to))
    setActive(at)
    const e = box.current
    if (!e) return
    const y = at * rowHeight
    if (y < e.scrollTop) e.scrollTop = y
    else if (y + 2 * rowHeight > e.scrollTop + e.clientHeight) e.scrollTop = y + 2 * rowHeight - e.clientHeight
    if (!e.contains(document.activeElement)) e.focus({ preventScroll: true })
  }
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey || (e.target instanceof HTMLInputElement && e.target.type !== 'checkbox')) return
    const row = rows[active]
    if (e.key === 'j' || e.key === 'ArrowDown') move(active + 1)
    else if (e.key === 'k' || e.key === 'ArrowUp') move(active - 1)
    else if (e.key === 'Home') move(0)
    else if (e.key === 'End') move(rows.length - 1)
    else if (e.key === 'Enter' && row && e.target === box.current) props.onOpen?.(row)
    else if (e.key === 'x' && row && onChoose) onChoose(rowKey(row))
    else return
    e.preventDefault()
    e.stopPropagation()
  }

  const style = props.height === undefined ? {} : { maxHeight: `${props.height}px` }
  return (
    <div class="table" ref={box} tabIndex={0} role="region" aria-label={props.label} data-keys onScroll={measure} onKeyDown={onKeyDown} style={style}>
      <table aria-rowcount={rows.length + 1}>
        <colgroup>
          {onChoose && <col style={{ width: '34px' }} />}
          {columns.map((c) => <col key={c.key} style={c.width ? { width: `${c.width}px` } : {}} />)}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {onChoose && <th scope="col"><span class="hidden">choose</span></th>}
            {columns.map((c) => <Head key={c.key} column={c} sort={sort} onSort={onSort} />)}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <tr class="gap" aria-hidden="true" style={{ height: `${from * rowHeight}px` }}><td /></tr>}
          {rows.slice(from, until).map((row, i) => {
            const key = rowKey(row)
            const marks = [from + i === active ? 'active' : '', props.lit?.(row) ? 'lit' : '', chosen?.has(key) ? 'chosen' : '']
            return (
              <tr key={key} aria-rowindex={from + i + 2} class={marks.join(' ').trim() || undefined} onClick={() => setActive(from + i)}>
                {onChoose && (
                  <td class="choose">
                    <input type="checkbox" checked={chosen?.has(key) ?? false} onChange={() => onChoose(key)} aria-label={`choose ${key}`} />
                  </td>
                )}
                {columns.map((c) => <td key={c.key} class={c.right ? 'right' : undefined}>{c.cell(row)}</td>)}
              </tr>
            )
          })}
          {until < rows.length && <tr class="gap" aria-hidden="true" style={{ height: `${(rows.length - until) * rowHeight}px` }}><td /></tr>}
        </tbody>
      </table>
    </div>
  )
}

function Head<R>({ column: c, sort, onSort }: { column: Column<R>; sort: Sort | undefined; onSort: ((sort: Sort) => void) | undefined }) {
  const by = sort?.key === c.key
  if (!c.sort || !onSort) return <th scope="col" class={c.right ? 'right' : undefined}>{c.title}</th>
  return (
    <th scope="col" class={c.right ? 'right' : undefined} aria-sort={by ? (sort.down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" onClick={() => onSort({ key: c.key, down: by ? !sort.down : c.right === true })}>
        {c.title}<span class="arrow" aria-hidden="true">{by ? (sort.down ? '↓' : '↑') : ''}</span>
      </button>
    </th>
  )
}
