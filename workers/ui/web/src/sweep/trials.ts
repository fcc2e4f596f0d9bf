import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, getJSON } from '../api'
import type { NewTrials, TrialRow, Trials, TrialsMark, View } from '../types'

interface State {
  data?: Trials
  error?: string
}

const soon = 250
const later = 1000 // where nothing new was read
const afterFault = 5000
const restFactor = 9 // times as long as the page took to show what is new

/**
 * useTrials keeps the trials of a sweep: it asks for all once, and then for what
 * has changed whenever the server says that something has.
 */
export function useTrials(view: View): State & { reload: () => void } {
  const [state, setState] = useState<State>({})
  const reader = useRef<Reader>()
  const mark = view.trials
  useEffect(() => {
    setState({})
    const r = new Reader(view.id, setState)
    reader.current = r
    void r.pull()
    return () => r.stop()
  }, [view.id])
  useEffect(() => reader.current?.hear(mark), [mark?.book, mark?.version, mark?.reading, view.stale])
  return { ...state, reload: () => void reader.current?.pull() }
}

/** Reader asks the server, once at a time. */
export class Reader {
  readonly kept = new Kept()
  private readonly ended = new AbortController()
  private busy = false
  private again = false
  private timer = 0
  private showing = 0
  private nextAt = 0 // when it may be shown again

  constructor(private readonly sweep: string, private readonly show: (state: State) => void) {}

  stop(): void {
    this.ended.abort()
    window.clearTimeout(this.timer)
    window.clearTimeout(this.showing)
  }

  /** hear pulls if the server is further. */
  hear(mark: TrialsMark | undefined): void {
    if (!mark || mark.reading || mark.book !== this.kept.book || mark.version > this.kept.version) void this.pull()
  }

  async pull(): Promise<void> {
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    window.clearTimeout(this.timer)
    try {
      await this.read()
    } catch (fault) {
      if (this.ended.signal.aborted) return
      this.show({ ...this.kept.state(), error: fault instanceof Error ? fault.message : String(fault) })
      const refused = fault instanceof ApiError && fault.status >= 400 && fault.status < 500
      if (!refused) this.timer = window.setTimeout(() => void this.pull(), afterFault) // the server may never say again that something is new
    } finally {
      this.busy = false
    }
    if (this.again && !this.ended.signal.aborted) {
      this.again = false
      void this.pull()
    }
  }

  private async read(): Promise<void> {
    for (let more = true; more; ) {
      const { book, version } = this.kept
      const answer = await getJSON<NewTrials>(`sweeps/${encodeURIComponent(this.sweep)}/trials?${new URLSearchParams({ book, since: String(version) })}`, this.ended.signal)
      this.kept.take(answer)
      more = answer.more === true
      this.offer()
      if (!more && answer.reading) this.timer = window.setTimeout(() => void this.pull(), answer.trials?.length ? soon : later)
    }
  }

  /** offer shows what is kept, soon: thousands of trials take the page a while. */
  private offer(): void {
    window.clearTimeout(this.showing)
    this.showing = window.setTimeout(() => {
      const began = performance.now()
      this.show(this.kept.state())
      window.requestAnimationFrame(() => window.setTimeout(() => {
        const now = performance.now()
        this.nextAt = now + restFactor * (now - began)
      }))
    }, Math.max(0, this.nextAt - performance.now()))
  }
}

/** Kept is what was told of a sweep's trials. */
export class Kept {
  book = ''
  version = 0
  private last: Omit<NewTrials, 'trials'> | undefined
  private rows: (TrialRow | undefined)[] = []

  take({ trials, ...rest }: NewTrials): void {
    if (rest.book !== this.book) this.rows = []
    this.book = rest.book ?? ''
    this.version = rest.version
    this.last = rest
    const front = new Set(rest.front)
    for (const row of trials ?? []) this.rows[row.trial] = row
    this.rows.forEach((row, n) => {
      if (row && (row.pareto ?? false) !== front.has(n)) this.rows[n] = { ...row, pareto: front.has(n) }
    })
  }

  state(): State {
    return this.last ? { data: { ...this.last, trials: this.rows.filter((row) => row !== undefined) } } : {}
  }
}
