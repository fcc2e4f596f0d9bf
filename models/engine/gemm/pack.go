package gemm

// Pack writes b, of k rows and n columns and ldb elements from row to row, to
// dst in panels: panel p is columns p*Width and up, row by row, zeros where the
// matrix has no column.
func Pack(dst, b []float32, k, n, ldb int) {
	for p := 0; p < n; p += Width {
		w := min(Width, n-p)
		panel := dst[:k*Width]
		dst = dst[k*Width:]
		for i := range k {
			row := panel[i*Width:][:Width]
			clear(row[copy(row, b[i*ldb+p:][:w]):])
		}
	}
}

// PackT is Pack of the transpose of b, which is stored as n rows of k elements
// with ldb from row to row.
func PackT(dst, b []float32, k, n, ldb int) {
	for p := 0; p < n; p += Width {
		panel := dst[:k*Width]
		dst = dst[k*Width:]
		w := min(Width, n-p)
		for i := 0; i < k; i += len(inOrder) {
			some := min(len(inOrder), k-i)
			PackPanelT(panel[i*Width:], b[p*ldb+i:], inOrder[:some], w, ldb)
		}
	}
}

// PackPanelT writes one panel: b is stored as n rows, at most Width, of
// len(order) elements with ldb from row to row, and element i of each goes to
// row order[i] of the panel. Rows that order does not name stay as they are.
func PackPanelT(dst, b []float32, order []int32, n, ldb int) {
	if len(order) == 0 || n == 0 {
		return
	}
	lo, hi := bounds(order)
	_, _ = dst[lo*Width], dst[hi*Width+Width-1]
	_ = b[(n-1)*ldb+len(order)-1]
	for i := 0; i < len(order); i += atOnce {
		some := order[i:min(i+atOnce, len(order))]
		for j := 0; j < n; j += square {
			packColumns(dst[j:], b[j*ldb+i:], some, min(square, n-j), ldb)
		}
	}
	if n < Width {
		for _, at := range order {
			clear(dst[int(at)*Width+n:][:Width-n])
		}
	}
}

// packColumns does n columns, at most a square's.
func packColumns(dst, b []float32, order []int32, n, ldb int) {
	done := 0
	if n == square {
		done = packSquares(dst, b, order, ldb)
	}
	for j := range n {
		for i, at := range order[done:] {
			dst[int(at)*Width+j] = b[j*ldb+done+i]
		}
	}
}

// UnpackT writes the transpose of the rows of src, lds elements from one to the
// next, that order names: dst[j*ldd+i] = src[order[i]*lds+j] for j below n. With
// add it adds to what dst held.
func UnpackT(dst []float32, ldd int, src []float32, lds int, order []int32, n int, add bool) {
	if len(order) == 0 || n == 0 {
		return
	}
	lo, hi := bounds(order)
	_, _ = src[lo*lds], src[hi*lds+n-1]
	_ = dst[(n-1)*ldd+len(order)-1]
	for i := 0; i < len(order); i += atOnce {
		some := order[i:min(i+atOnce, len(order))]
		for j := 0; j < n; j += square {
			unpackColumns(dst[j*ldd+i:], ldd, src[j:], lds, some, min(square, n-j), add)
		}
	}
}

// unpackColumns does n columns of src, at most a square's.
func unpackColumns(dst []float32, ldd int, src []float32, lds int, order []int32, n int, add bool) {
	done := 0
	if n == square {
		done = unpackSquares(dst, ldd, src, lds, order, add)
	}
	for j := range n {
		for i, at := range order[done:] {
			v := src[int(at)*lds+j]
			if add {
				v += dst[j*ldd+done+i]
			}
			dst[j*ldd+done+i] = v
		}
	}
}

// square is the side of the squares that the assembly transposes.
const square = 8

// atOnce is how many rows of a panel, a cache line each, squares side by side
// take turns with.
const atOnce = 128

var inOrder = func() (x [256]int32) {
	for i := range x {
		x[i] = int32(i)
	}
	return x
}()
