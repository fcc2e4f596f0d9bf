package data

import "math/rand/v2"

const (
	side  = 28 // of a digit's image
	pitch = 7  // pixels between the knots of the elastic distortion
	knots = side/pitch + 3
	one   = 1 << 16 // of the fixed-point numbers below
)

// pen draws digits. Each image has a random stream of its own, so that it is
// the same whatever else is drawn, and by how many pens.
type pen struct {
	glyphs *[glyphCount]*glyph
	source *rand.ChaCha8
	rng    *rand.Rand
	spline [pitch][4]int
	warpX  [knots][knots]int
	warpY  [knots][knots]int
	canvas [side * side]int
}

func newPen(glyphs *[glyphCount]*glyph) *pen {
	source := rand.NewChaCha8([32]byte{})
	p := &pen{glyphs: glyphs, source: source, rng: rand.New(source)}
	for i := range p.spline {
		// The uniform cubic B-spline; the weights sum to 6 x 7^3 = 2058, which
		// is taken for 2048.
		j := pitch - i
		p.spline[i] = [4]int{j * j * j, 3*i*i*i - 6*pitch*i*i + 4*pitch*pitch*pitch, 3*j*j*j - 6*pitch*j*j + 4*pitch*pitch*pitch, i * i * i}
	}
	return p
}

// between draws a number from lo to hi, both included.
func (p *pen) between(lo, hi int) int { return lo + p.rng.IntN(hi-lo+1) }

// draw renders image index of a part (0 training, 1 test) into pixels and
// returns its class.
func (p *pen) draw(seed, part, index uint64, pixels []uint8) int32 {
	p.source.Seed(stream(digitsVersion, seed, part, index))
	class := p.rng.IntN(digits)
	paper, ink := p.between(0, 24), p.between(140, 255)
	p.digit(p.glyphs[p.rng.IntN(faces)*digits+class], paper, ink)
	for range p.rng.IntN(4) {
		p.scratch(p.between(paper, ink))
	}
	p.expose(p.between(0, 20), (*[side * side]uint8)(pixels))
	return int32(class)
}

// view maps an image's pixel to a glyph's field, affinely: u = ux x + uy y + u0
// and v likewise, in fixed point.
type view struct{ ux, uy, u0, vx, vy, v0 int }

// place draws a digit's size, proportions, rotation, slant and place, and the
// number of field pixels to an image pixel with it.
func (p *pen) place() (view, int) {
	const nominal = 40 // a digit's height in its field
	height := p.between(15*16, 21*16)
	scaleY := nominal * 16 * one / height
	scaleX := scaleY * 100 / p.between(80, 120)

	// Rotation from the tangent of half the angle: rational, so no sine or
	// cosine whose last bit depends on the machine.
	const full = 1 << 12
	tangent := p.between(-full/7, full/7)
	norm := full*full + tangent*tangent
	cos, sin := (full*full-tangent*tangent)*one/norm, 2*full*tangent*one/norm

	slant := p.between(-one*35/100, one*35/100)
	x0, y0 := -(side-1)*one/2-p.between(-2*one, 2*one), -(side-1)*one/2-p.between(-2*one, 2*one)

	var v view
	v.ux, v.uy = scaleX*(cos-slant*sin/one)/one, scaleX*(sin+slant*cos/one)/one
	v.vx, v.vy = -scaleY*sin/one, scaleY*cos/one
	v.u0 = (field-1)*one/2 + (v.ux*x0+v.uy*y0)/one
	v.v0 = (field-1)*one/2 + (v.vx*x0+v.vy*y0)/one
	return v, scaleY
}

// digit covers the canvas with paper and a distorted digit in ink.
func (p *pen) digit(g *glyph, paper, ink int) {
	v, scale := p.place()
	p.crumple(p.between(0, 9*one))

	const perField = distanceOf << 8 // distance of one field pixel as lookup returns it
	weight := p.between(-perField*3/2, perField*5/2)
	blur := p.between(12, 32) // sixteenths of an image pixel from paper to ink
	slope := 255 * one / (scale * perField / one * blur / 16)

	for y := range side {
		rowX, rowY := p.bend(&p.warpX, y), p.bend(&p.warpY, y)
		u, w := v.u0+v.uy*y, v.v0+v.vy*y
		row := p.canvas[y*side : (y+1)*side]
		for k := range side / pitch {
			a, b := (*[4]int)(rowX[k:]), (*[4]int)(rowY[k:])
			for i := range p.spline {
				s := &p.spline[i]
				dx := a[0]*s[0] + a[1]*s[1] + a[2]*s[2] + a[3]*s[3]
				dy := b[0]*s[0] + b[1]*s[1] + b[2]*s[2] + b[3]*s[3]
				cover := 128 + (g.lookup(u+dx>>11, w+dy>>11)+weight)*slope>>16
				row[k*pitch+i] = paper + max(0, min(cover, 255))*(ink-paper)>>8
				u, w = u+v.ux, w+v.vx
			}
		}
	}
}

// crumple draws the knots of an elastic distortion (after Simard et al. 2003,
// with B-splines for the Gaussian filter), up to amount each way.
func (p *pen) crumple(amount int) {
	for i := range p.warpX {
		for j := range p.warpX[i] {
			p.warpX[i][j], p.warpY[i][j] = p.between(-amount, amount), p.between(-amount, amount)
		}
	}
}

// bend interpolates the knots at an image row.
func (p *pen) bend(warp *[knots][knots]int, y int) (row [knots]int) {
	s, k := &p.spline[y%pitch], y/pitch
	for i := range row {
		row[i] = (warp[k][i]*s[0] + warp[k+1][i]*s[1] + warp[k+2][i]*s[2] + warp[k+3][i]*s[3]) >> 11
	}
	return row
}

// lookup interpolates the distance at a place of the field; places outside are
// taken for the border.
func (g *glyph) lookup(u, v int) int {
	u, v = max(0, min(u, (field-1)*one-1)), max(0, min(v, (field-1)*one-1))
	at := (v>>16)*field + u>>16
	fu, fv := u>>8&255, v>>8&255
	a, b := int(g[at]), int(g[at+1])
	c, d := int(g[at+field]), int(g[at+field+1])
	top, bottom := a<<8+(b-a)*fu, c<<8+(d-c)*fu
	return top + (bottom-top)*fv>>8
}

// scratch draws a short straight stroke that is no part of the digit.
func (p *pen) scratch(ink int) {
	const dot = 16 // sixteenths of a pixel
	ax, ay := p.between(0, side*dot), p.between(0, side*dot)
	bx, by := ax+p.between(-9*dot, 9*dot), ay+p.between(-9*dot, 9*dot)
	radius := p.between(dot/3, dot)
	ex, ey := bx-ax, by-ay
	length := max(1, ex*ex+ey*ey)
	for y := max(0, (min(ay, by)-radius)/dot); y < min(side, (max(ay, by)+radius)/dot+1); y++ {
		for x := max(0, (min(ax, bx)-radius)/dot); x < min(side, (max(ax, bx)+radius)/dot+1); x++ {
			px, py := x*dot+dot/2-ax, y*dot+dot/2-ay
			along := max(0, min(px*ex+py*ey, length))
			px, py = px-along*ex/length, py-along*ey/length
			// The edge is soft over the squared radius.
			if away := px*px + py*py; away < radius*radius {
				at := &p.canvas[y*side+x]
				*at = max(*at, ink*min(radius*radius, 2*(radius*radius-away))/(radius*radius))
			}
		}
	}
}

// expose adds noise of about the given deviation and fixes the pixels. The
// noise is the sum of two random bytes: triangular, with mean 255 and
// deviation 104.5.
func (p *pen) expose(noise int, pixels *[side * side]uint8) {
	scale := noise * one * 2 / 209
	for i := 0; i < len(pixels); i += 4 {
		bits := p.source.Uint64()
		for k := range 4 {
			sum := int(bits&255 + bits>>8&255)
			pixels[i+k] = uint8(max(0, min(p.canvas[i+k]+(sum-255)*scale>>16, 255)))
			bits >>= 16
		}
	}
}
