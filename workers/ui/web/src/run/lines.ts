import { activityName } from '../format'
import type { CurveStep } from '../types'

/** Line is what one step's training went through, laid after the steps before it. */
export interface Line {
  name: string
  points: { at: number; loss?: number; accuracy?: number }[]
}

/** lay puts the steps of a run one after the other on an axis of epochs. */
export function lay(steps: readonly CurveStep[]): Line[] {
  let began = 0
  return steps.filter((s) => s.points?.length).map((s) => {
    const points = (s.points ?? []).map((p) => ({
      at: began + p.epoch,
      ...(p.loss === undefined ? {} : { loss: p.loss }),
      ...(p.accuracy === undefined ? {} : { accuracy: p.accuracy }),
    }))
    began = points.at(-1)?.at ?? began
    return { name: s.pass === 0 ? 'dense' : `${activityName(s.activity)}, pass ${s.pass}`, points }
  })
}
