import { percent } from '../format'
import { useStore } from '../store'
import { scheme } from '../theme'
import type { LayersOfPass } from '../types'

type Colour = [number, number, number]

const ends: Record<'light' | 'dark', [Colour, Colour]> = {
  light: [[238, 245, 240], [22, 101, 72]],
  dark: [[28, 36, 32], [110, 210, 160]],
}

/** shade is the colour of a share, and one to write on it. */
function shade(share: number, of: 'light' | 'dark'): { backgroundColor: string; color: string } {
  const [from, to] = ends[of]
  const rgb = from.map((v, i) => Math.round(v + ((to[i] ?? v) - v) * share)) as Colour
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as Colour
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b
  return { backgroundColor: `rgb(${rgb.join(' ')})`, color: light > 0.179 ? '#000' : '#fff' } // equal contrast with both at 0.179
}

/** Heat is a map of sparsity with a row a layer and a column a pass. */
export function Heat({ passes, name }: { passes: LayersOfPass[]; name: (p: LayersOfPass) => string }) {
  const colours = useStore(scheme)
  const dense = (passes[0]?.layers ?? []).filter((l) => l.weights > 0)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="sparsity by layer and pass">
      <table class="heat">
        <thead>
          <tr><th scope="col">layer</th>{passes.map((p) => <th scope="col" key={p.pass}>{name(p)}</th>)}</tr>
        </thead>
        <tbody>
          {dense.map((d) => (
            <tr key={d.name}>
              <th scope="row">{d.name}</th>
              {passes.map((p) => {
                const l = p.layers?.find((one) => one.name === d.name)
                const gone = 1 - (l?.nonzero ?? 0) / d.weights
                return <td key={p.pass} style={shade(gone, colours)}>{percent(gone, 1)}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
