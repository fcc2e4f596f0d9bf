import { BarChart, LineChart, ParallelChart, ScatterChart } from 'echarts/charts'
import { BrushComponent, GridComponent, LegendComponent, MarkLineComponent, ParallelComponent, ToolboxComponent, TooltipComponent } from 'echarts/components'
import { type ECharts, type EChartsCoreOption, init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'preact/hooks'
import { useStore } from '../store'
import { colour, scheme } from '../theme'

use([
  BarChart, LineChart, ParallelChart, ScatterChart, BrushComponent, GridComponent, LegendComponent, MarkLineComponent,
  ParallelComponent, ToolboxComponent, TooltipComponent, CanvasRenderer,
])

export type { ECharts }
export type Option = EChartsCoreOption

/** Ink is the colours of the page, for charts. */
export interface Ink {
  text: string
  dim: string
  line: string
  surface: string
  accent: string
  series: string[]
}

function ink(): Ink {
  return {
    text: colour('text'), dim: colour('dim'), line: colour('line'), surface: colour('surface'), accent: colour('accent'),
    series: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => colour(`series-${n}`)),
  }
}

/** axis is how all axes look. */
export function axis(c: Ink, name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name, nameLocation: 'middle', nameGap: 28, nameTextStyle: { color: c.dim, fontSize: 11 },
    axisLine: { lineStyle: { color: c.line } }, axisTick: { lineStyle: { color: c.line } },
    axisLabel: { color: c.dim, fontSize: 11, hideOverlap: true }, splitLine: { lineStyle: { color: c.line, opacity: 0.6 } },
    scale: true, ...more,
  }
}

/**
 * base is what all charts share. Tooltips are drawn on the canvas: those of
 * HTML would need styles that the page's policy forbids.
 */
function base(c: Ink): Option {
  return {
    animation: false,
    color: c.series,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: c.text },
    tooltip: {
      renderMode: 'richText', confine: true, backgroundColor: c.surface, borderColor: c.line, borderWidth: 1, padding: [6, 9],
      textStyle: { color: c.text, fontSize: 12, lineHeight: 17 },
    },
  }
}

interface Props {
  /** What the chart shows, for those who do not see it. */
  label: string
  height?: number
  option: (ink: Ink) => Option
  /** Called once with the chart, to listen to it; what it returns is called at its end. */
  onReady?: (chart: ECharts) => (() => void) | void
  /** Called after each drawing, which takes away what the reader had marked. */
  onDrawn?: (chart: ECharts) => void
  /** Drawn again when one of these changes. */
  of: readonly unknown[]
}

/** Chart is one of ECharts on a canvas, as wide as its place. */
export function Chart({ label, height = 240, option, onReady, onDrawn, of }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<ECharts>()
  const held = useRef(false) // the reader drags; what changes meanwhile is drawn after
  const due = useRef<() => void>()
  const colours = useStore(scheme)
  useEffect(() => {
    const e = box.current
    if (!e) return
    const made = init(e, undefined, { renderer: 'canvas' })
    chart.current = made
    const end = onReady?.(made)
    const watcher = new ResizeObserver(() => made.resize())
    watcher.observe(e)
    const hold = () => { held.current = true }
    const release = () => window.setTimeout(() => { // once the chart has seen it too
      held.current = false
      due.current?.()
      due.current = undefined
    })
    e.addEventListener('pointerdown', hold)
    window.addEventListener('pointerup', release)
    window.addEventListener('pointercancel', release)
    return () => {
      window.removeEventListener('pointerup', release)
      window.removeEventListener('pointercancel', release)
      watcher.disconnect()
      end?.()
      made.dispose()
      chart.current = undefined
    }
  }, [])
  useEffect(() => {
    const draw = () => {
      const c = ink()
      const common = base(c)
      const own = option(c)
      const tooltip = { ...(common['tooltip'] as object), ...((own['tooltip'] as object | undefined) ?? {}) }
      chart.current?.setOption({ ...common, ...own, tooltip }, { notMerge: true })
      if (chart.current) onDrawn?.(chart.current)
    }
    if (held.current) due.current = draw
    else draw()
  }, [colours, ...of])
  return <div class="chart" ref={box} role="img" aria-label={label} style={{ height: `${height}px` }} />
}
