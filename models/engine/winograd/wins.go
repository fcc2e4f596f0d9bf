package winograd

// chooseForm takes the tile that needs fewer multiplications for the image.
func chooseForm(s Shape) form {
	if products(s, tile2) <= products(s, tile4) {
		return tile2
	}
	return tile4
}

// products is the number of multiplications for a pair of channels.
func products(s Shape, f form) int {
	h, w := s.Out()
	m := f.side()
	return (h + m - 1) / m * ((w + m - 1) / m) * f.positions()
}
